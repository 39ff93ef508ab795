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
