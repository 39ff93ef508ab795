// RUN: ashlar-opt %s --ashlar-hoist-output-buffers | FileCheck %s

// The size of the first output follows from a dimension, that of the second
// from data.
// CHECK-LABEL: func.func @body
// CHECK-NEXT: tile.dim
// CHECK-NEXT: tile.output %arg0[1]
// CHECK: memref.load
// CHECK: tile.output %arg0[2]
func.func @body(%args: !llvm.ptr, %m: memref<index>) -> i32 {
  %ok = arith.constant 0 : i32
  %data = memref.load %m[] : memref<index>
  %n = tile.dim %args[0] : !llvm.ptr
  %a = tile.output %args[1](%n) {first_dim = 0 : i64} : !llvm.ptr -> memref<?xf32>
  %b = tile.output %args[2](%data) {first_dim = 1 : i64, checked} : !llvm.ptr -> memref<?xf32>
  return %ok : i32
}
