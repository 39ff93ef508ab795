// RUN: ashlar-opt %s --ashlar-collect-weights | FileCheck %s

// Equal data is stored once, each piece at a multiple of 64 bytes.
// CHECK: ashlar.weight_offsets = array<i64: 0, 64>
// CHECK-SAME: ashlar.weights = [dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>, dense<3.000000e+00> : tensor<4xf32>]
// CHECK-NOT: memref.global
// CHECK: tile.weights %arg0[0] : !llvm.ptr -> memref<2xf32>
// CHECK: tile.weights %arg0[64] : !llvm.ptr -> memref<4xf32>
// CHECK: tile.weights %arg0[0] : !llvm.ptr -> memref<2xf32>
memref.global "private" constant @a : memref<2xf32> = dense<[1.0, 2.0]>
memref.global "private" constant @b : memref<4xf32> = dense<3.0>
memref.global "private" constant @c : memref<2xf32> = dense<[1.0, 2.0]>
func.func @body(%args: !llvm.ptr) -> (memref<2xf32>, memref<4xf32>, memref<2xf32>) {
  %a = memref.get_global @a : memref<2xf32>
  %b = memref.get_global @b : memref<4xf32>
  %c = memref.get_global @c : memref<2xf32>
  return %a, %b, %c : memref<2xf32>, memref<4xf32>, memref<2xf32>
}
