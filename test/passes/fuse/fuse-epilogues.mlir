// RUN: ashlar-opt %s --ashlar-fuse-epilogues | FileCheck %s

// CHECK-LABEL: func.func @bias
// CHECK: nn.matmul %arg0, %arg1 epilogue(%arg2 : tensor<32xf32>)
// CHECK: ^bb0(%[[ACC:.*]]: f32, %[[BIAS:.*]]: f32):
// CHECK: %[[SUM:.*]] = arith.addf %[[ACC]], %[[BIAS]]
// CHECK: nn.yield %[[SUM]]
// CHECK-NOT: linalg.generic
func.func @bias(%a: tensor<4x16xf32>, %b: tensor<16x32xf32>, %c: tensor<32xf32>) -> tensor<4x32xf32> {
  %e = tensor.empty() : tensor<4x32xf32>
  %p = nn.matmul %a, %b outs(%e) : tensor<4x16xf32>, tensor<16x32xf32>, tensor<4x32xf32> -> tensor<4x32xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} ins(%p, %c : tensor<4x32xf32>, tensor<32xf32>) outs(%e : tensor<4x32xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %s = arith.addf %x, %y : f32
    linalg.yield %s : f32
  } -> tensor<4x32xf32>
  return %r : tensor<4x32xf32>
}

// One number a channel, with axes of size 1 behind it.
// CHECK-LABEL: func.func @channel_in_front
// CHECK: %[[C:.*]] = tensor.collapse_shape %arg2
// CHECK: nn.matmul %arg0, %arg1 epilogue(%[[C]] : tensor<32xf32>)
func.func @channel_in_front(%a: tensor<4x16xf32>, %b: tensor<16x32xf32>, %c: tensor<32x1xf32>) -> tensor<4x32xf32> {
  %e = tensor.empty() : tensor<4x32xf32>
  %p = nn.matmul %a, %b outs(%e) : tensor<4x16xf32>, tensor<16x32xf32>, tensor<4x32xf32> -> tensor<4x32xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j, 0)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} ins(%p, %c : tensor<4x32xf32>, tensor<32x1xf32>) outs(%e : tensor<4x32xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %s = arith.addf %x, %y : f32
    linalg.yield %s : f32
  } -> tensor<4x32xf32>
  return %r : tensor<4x32xf32>
}

// One number a channel, written with all axes: those of a single element may be read by any loop.
// CHECK-LABEL: func.func @channel_of_a_batch_of_one
// CHECK: %[[C:.*]] = tensor.collapse_shape %arg2
// CHECK: nn.conv {{.*}} epilogue(%[[C]] : tensor<8xf32>)
// CHECK-NOT: linalg.generic
func.func @channel_of_a_batch_of_one(%x: tensor<1x5x5x4xf32>, %w: tensor<8x4x1x1xf32>, %c: tensor<1x8x1x1xf32>) -> tensor<1x5x5x8xf32> {
  %e = tensor.empty() : tensor<1x5x5x8xf32>
  %p = nn.conv %x, %w outs(%e) {dilations = array<i64: 1, 1>, filter_sizes = array<i64: 8, 4, 1, 1>, groups = 1 : i64, strides = array<i64: 1, 1>} : tensor<1x5x5x4xf32>, tensor<8x4x1x1xf32>, tensor<1x5x5x8xf32> -> tensor<1x5x5x8xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  %r = linalg.generic {indexing_maps = [affine_map<(n, h, w, c) -> (n, h, w, c)>, affine_map<(n, h, w, c) -> (n, c, 0, 0)>, affine_map<(n, h, w, c) -> (n, h, w, c)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%p, %c : tensor<1x5x5x8xf32>, tensor<1x8x1x1xf32>) outs(%e : tensor<1x5x5x8xf32>) {
  ^bb0(%y: f32, %z: f32, %o: f32):
    %s = arith.addf %y, %z : f32
    linalg.yield %s : f32
  } -> tensor<1x5x5x8xf32>
  return %r : tensor<1x5x5x8xf32>
}

// An operand that could be reshaped, and one that no epilogue reads: nothing is
// made for the first. (It was, again and again, and compilation failed.)
// CHECK-LABEL: func.func @one_of_two
// CHECK-NOT: tensor.collapse_shape
// CHECK: nn.matmul
// CHECK: linalg.generic
#whole = affine_map<(b, m, n) -> (b, m, n)>
#column = affine_map<(b, m, n) -> (b, 0, n)>
#row = affine_map<(b, m, n) -> (m, 0)>
func.func @one_of_two(%x: tensor<1x7x3xf32>, %w: tensor<1x3x7xf32>, %c: tensor<1x1x7xf32>, %r: tensor<7x1xf32>) -> tensor<1x7x7xf32> {
  %e = tensor.empty() : tensor<1x7x7xf32>
  %y = nn.matmul %x, %w outs(%e) : tensor<1x7x3xf32>, tensor<1x3x7xf32>, tensor<1x7x7xf32> -> tensor<1x7x7xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  %z = linalg.generic {indexing_maps = [#whole, #column, #row, #whole], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%y, %c, %r : tensor<1x7x7xf32>, tensor<1x1x7xf32>, tensor<7x1xf32>) outs(%e : tensor<1x7x7xf32>) {
  ^bb0(%a: f32, %b: f32, %d: f32, %o: f32):
    %s = arith.addf %a, %b : f32
    %t = arith.mulf %s, %d : f32
    linalg.yield %t : f32
  } -> tensor<1x7x7xf32>
  return %z : tensor<1x7x7xf32>
}
