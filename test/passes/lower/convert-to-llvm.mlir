// RUN: ashlar-opt %s --ashlar-convert-to-llvm | FileCheck %s

// CHECK: llvm.mlir.global external hidden constant @ashlar_weights
// CHECK-LABEL: llvm.func @body(%arg0: !llvm.ptr)
// CHECK: llvm.getelementptr %arg0[96]
// CHECK: llvm.load {{.*}} invariant : !llvm.ptr -> !llvm.ptr
// CHECK: llvm.mlir.addressof @ashlar_weights
// CHECK-NOT: unrealized_conversion_cast
func.func @body(%args: !llvm.ptr) -> f32 {
  %c0 = arith.constant 0 : index
  %in = tile.input %args[0]() : !llvm.ptr -> memref<4xf32>
  %w = tile.weights %args[64] : !llvm.ptr -> memref<4xf32>
  %a = memref.load %in[%c0] : memref<4xf32>
  %b = memref.load %w[%c0] : memref<4xf32>
  %c = arith.addf %a, %b : f32
  return %c : f32
}

// CHECK-LABEL: llvm.func @observed
// CHECK: %[[NAME:.*]] = llvm.mlir.addressof @[[TEXT:observed_[0-9a-f]+]]
// CHECK: llvm.call @ashlar_rt1_observe(%[[NAME]], {{.*}}) : (!llvm.ptr, i32, i64, !llvm.ptr, !llvm.ptr) -> ()
func.func @observed(%args: !llvm.ptr) {
  %in = tile.input %args[0]() : !llvm.ptr -> memref<4x2xf32>
  nn.observe "in", %in : memref<4x2xf32>
  return
}

// Truth values take a byte each in memory.
// CHECK-LABEL: llvm.func @truth_values
// CHECK: %[[BYTES:.*]] = llvm.load {{.*}} {alignment = 1 : i64} : !llvm.ptr -> vector<8xi8>
// CHECK: llvm.icmp "ne" %[[BYTES]], {{.*}} : vector<8xi8>
// CHECK: llvm.intr.masked.load {{.*}} -> vector<8xi8>
// CHECK: %[[OUT:.*]] = llvm.zext {{.*}} : vector<8xi1> to vector<8xi8>
// CHECK: llvm.store %[[OUT]], {{.*}} : vector<8xi8>
// CHECK: llvm.intr.masked.store {{.*}} : vector<8xi8>
func.func @truth_values(%args: !llvm.ptr, %other: vector<8xi1>, %count: index) {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %out = tile.output %args[0] () {first_dim = 0 : i64} : !llvm.ptr -> memref<45xi1>
  %mask = vector.create_mask %count : vector<8xi1>
  %a = vector.load %out[%c0] : memref<45xi1>, vector<8xi1>
  %b = vector.maskedload %out[%c8], %mask, %other : memref<45xi1>, vector<8xi1>, vector<8xi1> into vector<8xi1>
  %both = arith.andi %a, %b : vector<8xi1>
  vector.store %both, %out[%c0] : memref<45xi1>, vector<8xi1>
  vector.maskedstore %out[%c8], %mask, %both : memref<45xi1>, vector<8xi1>, vector<8xi1>
  return
}

// Where the CPU has no masked store of 16 bits, bf16 taken one by one would go through f32 by a call of a library.
// CHECK-LABEL: llvm.func @masked_halves
// CHECK: %[[BITS:.*]] = llvm.bitcast {{.*}} : vector<8xbf16> to vector<8xi16>
// CHECK: llvm.intr.masked.store %[[BITS]]
func.func @masked_halves(%args: !llvm.ptr, %values: vector<8xbf16>, %count: index) {
  %c0 = arith.constant 0 : index
  %out = tile.output %args[0] () {first_dim = 0 : i64} : !llvm.ptr -> memref<45xbf16>
  %mask = vector.create_mask %count : vector<8xi1>
  vector.maskedstore %out[%c0], %mask, %values : memref<45xbf16>, vector<8xi1>, vector<8xbf16>
  return
}
