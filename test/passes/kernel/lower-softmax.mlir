// RUN: ashlar-opt %s --ashlar-lower-softmax --canonicalize --cse | FileCheck %s

module attributes {tile.target = #tile.target<cpu = "skylake-avx512", vector_bytes = 64, vector_registers = 32, l1_bytes = 32768, l2_bytes = 1048576, vnni = false, bf16 = false, amx = false>} {

// Four rows at a time, their powers on the stack, once a task; 24 elements: a
// vector and a half.
// CHECK-LABEL: func.func @rows
// CHECK-SAME: (%[[X:.*]]: memref<8x24xf32>, %[[Y:.*]]: memref<8x24xf32>)
// CHECK: tile.grid %{{.*}} {
// CHECK: %[[KEPT:.*]] = memref.alloca() {alignment = 64 : i64} : memref<128xf32>
// The greatest elements of four rows.
// CHECK-COUNT-4: vector.maskedload {{.*}} into vector<16xf32>
// CHECK-NOT: maximumf
// CHECK: math.exp {{.*}} : vector<16xf32>
// CHECK: vector.store {{.*}}, %[[KEPT]]
// CHECK-COUNT-4: arith.divf {{.*}} : f32
// CHECK: vector.load %[[KEPT]]
// CHECK: arith.mulf
func.func @rows(%x: memref<8x24xf32>, %y: memref<8x24xf32>) {
  nn.softmax %x outs(%y) : memref<8x24xf32>, memref<8x24xf32> {
  ^bb0(%a: f32):
    nn.yield %a : f32
  }
  return
}

// Rows of unknown length: powers are computed twice, and nothing is kept.
// CHECK-LABEL: func.func @unknown_length
// CHECK-NOT: memref.alloca
// CHECK-COUNT-3: math.exp
func.func @unknown_length(%x: memref<3x?xf32>, %y: memref<3x?xf32>) {
  nn.softmax %x outs(%y) : memref<3x?xf32>, memref<3x?xf32> {
  ^bb0(%a: f32):
    nn.yield %a : f32
  }
  return
}
}
