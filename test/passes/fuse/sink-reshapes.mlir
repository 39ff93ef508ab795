// RUN: ashlar-opt %s --ashlar-sink-reshapes | FileCheck %s

#id = affine_map<(a, b, c, d) -> (a, b, c, d)>
#mask = affine_map<(a, b, c, d) -> (a, 0, 0, d)>
#row = affine_map<(a, b, c, d) -> (a, b, c, 0)>

// Scores of attention: the mask is spread over the heads, sums of rows are
// collapsed.
// CHECK-LABEL: func.func @scores
// CHECK: nn.matmul
// CHECK: linalg.generic {{.*}} ins(%arg2 : tensor<2x1x1x8xf32>) outs(%{{.*}} : tensor<2x4x1x8xf32>)
// CHECK: tensor.collapse_shape %{{.*}} {{\[\[}}0, 1], [2], [3]] : tensor<2x4x1x8xf32> into tensor<8x1x8xf32>
// CHECK: tensor.collapse_shape %arg3 {{\[\[}}0, 1], [2], [3]] : tensor<2x4x24x1xf32> into tensor<8x24x1xf32>
// CHECK: %[[G:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<8x24x8xf32>)
// CHECK: tensor.expand_shape %[[G]]
func.func @scores(%a: tensor<8x24x64xf32>, %b: tensor<8x64x8xf32>, %m: tensor<2x1x1x8xf32>, %s: tensor<2x4x24x1xf32>) -> tensor<2x4x24x8xf32> {
  %e = tensor.empty() : tensor<8x24x8xf32>
  %p = nn.matmul %a, %b outs(%e) : tensor<8x24x64xf32>, tensor<8x64x8xf32>, tensor<8x24x8xf32> -> tensor<8x24x8xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  %x = tensor.expand_shape %p [[0, 1], [2], [3]] output_shape [2, 4, 24, 8] : tensor<8x24x8xf32> into tensor<2x4x24x8xf32>
  %o = tensor.empty() : tensor<2x4x24x8xf32>
  %r = linalg.generic {indexing_maps = [#id, #mask, #row, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%x, %m, %s : tensor<2x4x24x8xf32>, tensor<2x1x1x8xf32>, tensor<2x4x24x1xf32>) outs(%o : tensor<2x4x24x8xf32>) {
  ^bb0(%u: f32, %v: f32, %w: f32, %out: f32):
    %t = arith.addf %u, %v : f32
    %y = arith.subf %t, %w : f32
    linalg.yield %y : f32
  } -> tensor<2x4x24x8xf32>
  return %r : tensor<2x4x24x8xf32>
}

// What no contraction made stays.
// CHECK-LABEL: func.func @elsewhere
// CHECK: tensor.expand_shape %arg0
// CHECK: linalg.generic
// CHECK-NOT: tensor.expand_shape
func.func @elsewhere(%p: tensor<8x24x8xf32>) -> tensor<2x4x24x8xf32> {
  %x = tensor.expand_shape %p [[0, 1], [2], [3]] output_shape [2, 4, 24, 8] : tensor<8x24x8xf32> into tensor<2x4x24x8xf32>
  %o = tensor.empty() : tensor<2x4x24x8xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%x : tensor<2x4x24x8xf32>) outs(%o : tensor<2x4x24x8xf32>) {
  ^bb0(%u: f32, %out: f32):
    %t = arith.addf %u, %u : f32
    linalg.yield %t : f32
  } -> tensor<2x4x24x8xf32>
  return %r : tensor<2x4x24x8xf32>
}

// An operand with more axes than there are loops is read as it is.
// CHECK-LABEL: func.func @more_axes
// CHECK: tensor.expand_shape
// CHECK: linalg.generic {{.*}} tensor<1x2x4x24x8xf32>
#more = affine_map<(a, b, c, d) -> (0, a, b, c, d)>
func.func @more_axes(%a: tensor<2x96x64xf32>, %b: tensor<2x64x8xf32>, %s: tensor<1x2x4x24x8xf32>) -> tensor<2x4x24x8xf32> {
  %e = tensor.empty() : tensor<2x96x8xf32>
  %p = nn.matmul %a, %b outs(%e) : tensor<2x96x64xf32>, tensor<2x64x8xf32>, tensor<2x96x8xf32> -> tensor<2x96x8xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  %x = tensor.expand_shape %p [[0], [1, 2], [3]] output_shape [2, 4, 24, 8] : tensor<2x96x8xf32> into tensor<2x4x24x8xf32>
  %o = tensor.empty() : tensor<2x4x24x8xf32>
  %r = linalg.generic {indexing_maps = [#id, #more, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%x, %s : tensor<2x4x24x8xf32>, tensor<1x2x4x24x8xf32>) outs(%o : tensor<2x4x24x8xf32>) {
  ^bb0(%u: f32, %v: f32, %out: f32):
    %t = arith.addf %u, %v : f32
    linalg.yield %t : f32
  } -> tensor<2x4x24x8xf32>
  return %r : tensor<2x4x24x8xf32>
}
