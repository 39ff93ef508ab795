// RUN: ashlar-opt %s --ashlar-lower-copies | FileCheck %s

// CHECK-LABEL: func.func @copies
// CHECK: memref.copy
// CHECK: linalg.generic
// CHECK-NOT: memref.copy
func.func @copies(%a: memref<4x8xf32>, %b: memref<4x8xf32>,
                  %c: memref<4x8xf32, strided<[16, 1]>>) {
  memref.copy %a, %b : memref<4x8xf32> to memref<4x8xf32>
  memref.copy %a, %c : memref<4x8xf32> to memref<4x8xf32, strided<[16, 1]>>
  return
}
