// RUN: ashlar-opt %s --ashlar-sink-transposes | FileCheck %s

// relu(transpose(x)) is computed in the layout of x, and the two transposes
// that then meet cancel.
// CHECK-LABEL: func.func @cancel(%arg0: tensor<1x4x6x8xf32>)
// CHECK: %[[RELU:.*]] = linalg.generic
// CHECK-SAME: ins(%arg0 : tensor<1x4x6x8xf32>)
// CHECK: arith.maximumf
// CHECK-NOT: linalg.generic
// CHECK: return %[[RELU]] : tensor<1x4x6x8xf32>
func.func @cancel(%x: tensor<1x4x6x8xf32>) -> tensor<1x4x6x8xf32> {
  %e0 = tensor.empty() : tensor<1x8x4x6xf32>
  %t = linalg.transpose ins(%x : tensor<1x4x6x8xf32>) outs(%e0 : tensor<1x8x4x6xf32>) permutation = [0, 3, 1, 2]
  %e1 = tensor.empty() : tensor<1x8x4x6xf32>
  %f = arith.constant 0.0 : f32
  %r = linalg.generic {indexing_maps = [affine_map<(a, b, c, d) -> (a, b, c, d)>, affine_map<(a, b, c, d) -> (a, b, c, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%t : tensor<1x8x4x6xf32>) outs(%e1 : tensor<1x8x4x6xf32>) {
  ^bb0(%a: f32, %o: f32):
    %m = arith.maximumf %a, %f : f32
    linalg.yield %m : f32
  } -> tensor<1x8x4x6xf32>
  %e2 = tensor.empty() : tensor<1x4x6x8xf32>
  %u = linalg.generic {indexing_maps = [affine_map<(a, b, c, d) -> (a, d, b, c)>, affine_map<(a, b, c, d) -> (a, b, c, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%r : tensor<1x8x4x6xf32>) outs(%e2 : tensor<1x4x6x8xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  } -> tensor<1x4x6x8xf32>
  return %u : tensor<1x4x6x8xf32>
}
