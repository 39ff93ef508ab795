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
