// RUN: ashlar-opt %s --ashlar-keep-loop-buffers | FileCheck %s

// CHECK-LABEL: func.func @carried
// CHECK: %[[INIT:.*]] = memref.alloc() : memref<4xf32>
// CHECK: %[[PLACE:.*]] = memref.alloc() : memref<4xf32>
// CHECK: memref.copy %[[INIT]], %[[PLACE]]
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %[[PLACE]])
// CHECK: %[[NEXT:.*]] = memref.alloc() : memref<4xf32>
// CHECK: memref.copy %[[NEXT]], %[[PLACE]]
// CHECK: scf.yield %[[PLACE]]
func.func @carried(%n: index) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %init = memref.alloc() : memref<4xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%h = %init) -> (memref<4xf32>) {
    %next = memref.alloc() : memref<4xf32>
    %v = memref.load %h[%c0] : memref<4xf32>
    memref.store %v, %next[%c1] : memref<4xf32>
    scf.yield %next : memref<4xf32>
  }
  %v = memref.load %r[%c0] : memref<4xf32>
  return %v : f32
}

// A loop that hands its own argument on needs no copy.
// CHECK-LABEL: func.func @unchanged
// CHECK-NOT: memref.copy
func.func @unchanged(%n: index, %init: memref<4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%h = %init) -> (memref<4xf32>) {
    scf.yield %h : memref<4xf32>
  }
  return
}
