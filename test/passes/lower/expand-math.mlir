// RUN: ashlar-opt %s --ashlar-expand-math | FileCheck %s

// CHECK-LABEL: func @exponential
// CHECK-NOT: math.exp
// CHECK-COUNT-3: math.fma
// CHECK: arith.bitcast %{{.*}} : i32 to f32
func.func @exponential(%x: f32) -> f32 {
  %y = math.exp %x : f32
  return %y : f32
}

// Vectors have no branches either.
// CHECK-LABEL: func @vectors
// CHECK-NOT: math.sin
// CHECK-NOT: scf
// CHECK: return %{{.*}} : vector<8xf32>
func.func @vectors(%x: vector<8xf32>) -> vector<8xf32> {
  %y = math.sin %x : vector<8xf32>
  return %y : vector<8xf32>
}

// CHECK-LABEL: func @half
// CHECK: arith.extf %{{.*}} : f16 to f32
// CHECK-NOT: math.tanh
// CHECK: arith.truncf %{{.*}} : f32 to f16
func.func @half(%x: f16) -> f16 {
  %y = math.tanh %x : f16
  return %y : f16
}

// bf16 never meets a float conversion.
// CHECK-LABEL: func @bfloat
// CHECK-NOT: arith.extf
// CHECK-NOT: arith.truncf
// CHECK: arith.addf %{{.*}} : f32
// CHECK: arith.bitcast %{{.*}} : i16 to bf16
func.func @bfloat(%x: bf16, %y: bf16) -> bf16 {
  %z = arith.addf %x, %y : bf16
  return %z : bf16
}

// Functions of f64 are libm's.
// CHECK-LABEL: func @double
// CHECK: math.erf %{{.*}} : f64
func.func @double(%x: f64) -> f64 {
  %y = math.erf %x : f64
  return %y : f64
}

// What is one instruction stays.
// CHECK-LABEL: func @instructions
// CHECK: math.sqrt
// CHECK: math.roundeven
func.func @instructions(%x: f32) -> f32 {
  %y = math.sqrt %x : f32
  %z = math.roundeven %y : f32
  return %z : f32
}

module attributes {tile.target = #tile.target<cpu = "skylake-avx512", vector_bytes = 64, vector_registers = 32, l1_bytes = 32768, l2_bytes = 1048576, vnni = false, bf16 = false, amx = false>} {
// p * 2^n in one instruction, not in seven.
// CHECK-LABEL: func @scaled
// CHECK: %[[N:[^ ]+]] = arith.subf
// CHECK-NOT: arith.shrsi
// CHECK: %[[P:[^ ]+]] = arith.addf
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"(%[[P]], %[[N]], %[[P]],
// CHECK-NEXT: return
func.func @scaled(%x: vector<16xf32>) -> vector<16xf32> {
  %y = math.exp %x : vector<16xf32>
  return %y : vector<16xf32>
}
// Only for whole vectors.
// CHECK-LABEL: func @half_vector
// CHECK: arith.shrsi
// CHECK-NOT: scalef
func.func @half_vector(%x: vector<8xf32>) -> vector<8xf32> {
  %y = math.exp %x : vector<8xf32>
  return %y : vector<8xf32>
}
}
