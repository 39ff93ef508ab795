// RUN: ashlar-opt %s --ashlar-lower-contractions | FileCheck %s

// A grid of tasks; in each, sums of 14 rows by two vectors go round the
// reduction loop in registers.
// CHECK-LABEL: func.func @matmul
// CHECK: tile.grid
// CHECK: scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>
// CHECK: vector.load {{.*}} vector<16xf32>
// CHECK: math.fma {{.*}} : vector<16xf32>
// CHECK: vector.store
// CHECK-NOT: nn.matmul
module attributes {tile.target = #tile.target<cpu = "sapphirerapids", vector_bytes = 64, vector_registers = 32, l1_bytes = 49152, l2_bytes = 2097152>} {
func.func @matmul(%a: memref<28x64xf32>, %b: memref<2x64x32xf32>, %bias: memref<64xf32>, %c: memref<28x64xf32>) {
  nn.matmul %a, %b epilogue(%bias : memref<64xf32>) outs(%c) {packed} : memref<28x64xf32>, memref<2x64x32xf32>, memref<28x64xf32> {
  ^bb0(%acc: f32, %x: f32):
    %s = arith.addf %acc, %x : f32
    nn.yield %s : f32
  }
  return
}

// CHECK-LABEL: func.func @pool
// CHECK: tile.grid
// CHECK: arith.cmpf ogt
// CHECK: arith.select
// CHECK-NOT: nn.pool
func.func @pool(%x: memref<1x8x8x16xf32>, %y: memref<1x4x4x16xf32>) {
  nn.pool %x outs(%y) {kind = "max", window = array<i64: 2, 2>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>} : memref<1x8x8x16xf32>, memref<1x4x4x16xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  return
}
}
