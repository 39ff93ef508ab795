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
