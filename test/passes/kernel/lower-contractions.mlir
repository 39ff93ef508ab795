// RUN: ashlar-opt %s --split-input-file --ashlar-lower-contractions | FileCheck %s

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
// Many tiles of pixels: each brings a vector of the next tile of channels
// nearer, while it multiplies this one's.
// CHECK-LABEL: func.func @next_channels
// CHECK: scf.for
// CHECK: math.fma
// CHECK: memref.prefetch %{{.*}}, read, locality<3>, data
// CHECK: scf.yield
func.func @next_channels(%a: memref<1024x1024xf32>, %b: memref<4x1024x32xf32>, %c: memref<1024x128xf32>) {
  nn.matmul %a, %b outs(%c) {packed} : memref<1024x1024xf32>, memref<4x1024x32xf32>, memref<1024x128xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  return
}

// Few: nothing to hide it behind.
// CHECK-LABEL: func.func @few_rows
// CHECK-NOT: memref.prefetch
// CHECK: return
func.func @few_rows(%a: memref<4x1024xf32>, %b: memref<4x1024x32xf32>, %c: memref<4x128xf32>) {
  nn.matmul %a, %b outs(%c) {packed} : memref<4x1024xf32>, memref<4x1024x32xf32>, memref<4x128xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  return
}
}

// -----

// Of 384 channels a few at a time for all rows of a task: the rows of their windows are in the first cache for the next row.
// CHECK-LABEL: func.func @depthwise_blocks
// CHECK: tile.grid
// CHECK: scf.for %[[FIRST:.*]] = %{{.*}} to %c384{{.*}} step %c128
// CHECK: scf.for {{.*}} step %c1{{[_ ]}}
// CHECK: scf.for %{{.*}} = %[[FIRST]] to {{.*}} step %c16
module attributes {tile.target = #tile.target<cpu = "skylake-avx512", vector_bytes = 64, vector_registers = 32, l1_bytes = 32768, l2_bytes = 1048576>} {
func.func @depthwise_blocks(%x: memref<1x16x16x384xf32>, %w: memref<3x3x384xf32>, %y: memref<1x14x14x384xf32>) {
  nn.conv %x, %w outs(%y) {dilations = array<i64: 1, 1>, filter_sizes = array<i64: 384, 1, 3, 3>, groups = 384 : i64, strides = array<i64: 1, 1>, packed} : memref<1x16x16x384xf32>, memref<3x3x384xf32>, memref<1x14x14x384xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  return
}
}
