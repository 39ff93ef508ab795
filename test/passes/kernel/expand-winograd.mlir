// RUN: ashlar-opt %s --ashlar-expand-winograd --canonicalize | FileCheck %s

// A grid over tiles of the input, one batched product, a grid over tiles of the
// output; pixels that only whole tiles have are not stored.
// CHECK-LABEL: func.func @tiles
// CHECK: tile.grid
// CHECK-COUNT-36: vector.load
// CHECK: math.fma
// CHECK-COUNT-36: vector.store
// CHECK: nn.matmul {{.*}} {packed} : memref<36x16x32xf32, strided<[528, 32, 1]>>, memref<36x1x32x32xf32>, memref<36x16x32xf32, strided<[528, 32, 1]>>
// CHECK: tile.grid
// CHECK-COUNT-36: vector.load
// CHECK: math.fma
// CHECK: vector.store
// CHECK: arith.cmpi ult
// CHECK: scf.if
// CHECK-NOT: nn.winograd
func.func @tiles(%x: memref<1x18x18x32xf32>, %u: memref<36x1x32x32xf32>, %y: memref<1x15x16x32xf32>, %t: memref<36x528xf32>, %p: memref<36x528xf32>) {
  nn.winograd %x, %u outs(%y, %t, %p) {tiles = 16 : i64} : memref<1x18x18x32xf32>, memref<36x1x32x32xf32>, memref<1x15x16x32xf32>, memref<36x528xf32>, memref<36x528xf32> {
  ^bb0(%a: f32):
    %z = arith.constant 0.0 : f32
    %r = arith.maximumf %a, %z : f32
    nn.yield %r : f32
  }
  return
}

// Several images and strips: one loop for each.
// CHECK-LABEL: func.func @strips
// CHECK: scf.for
// CHECK: scf.for
// CHECK: tile.grid
// CHECK: nn.matmul
func.func @strips(%x: memref<2x18x18x16xf32>, %u: memref<16x1x16x32xf32>, %y: memref<2x16x16x20xf32>, %t: memref<16x528xf32>, %p: memref<16x656xf32>) {
  nn.winograd %x, %u outs(%y, %t, %p) {tiles = 32 : i64} : memref<2x18x18x16xf32>, memref<16x1x16x32xf32>, memref<2x16x16x20xf32>, memref<16x528xf32>, memref<16x656xf32> {
  ^bb0(%a: f32):
    nn.yield %a : f32
  }
  return
}
