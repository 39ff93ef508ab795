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

// Insertions of transposed parts are one transpose of the whole.
// CHECK-LABEL: func.func @insertions
// CHECK: %[[BASE:.*]] = tensor.empty() : tensor<2x3x9x5xf32>
// CHECK: %[[ONE:.*]] = tensor.insert_slice %arg0 into %[[BASE]][0, 0, 0, 0]
// CHECK: %[[ALL:.*]] = tensor.insert_slice %arg1 into %[[ONE]][0, 0, 4, 0] [2, 3, 5, 5]
// CHECK: linalg.generic {{.*}} ins(%[[ALL]]
func.func @insertions(%x: tensor<2x3x4x5xf32>, %y: tensor<2x3x5x5xf32>) -> tensor<2x9x3x5xf32> {
  %e = tensor.empty() : tensor<2x4x3x5xf32>
  %f = tensor.empty() : tensor<2x5x3x5xf32>
  %j = tensor.empty() : tensor<2x9x3x5xf32>
  %a = linalg.transpose ins(%x : tensor<2x3x4x5xf32>) outs(%e : tensor<2x4x3x5xf32>) permutation = [0, 2, 1, 3]
  %b = linalg.transpose ins(%y : tensor<2x3x5x5xf32>) outs(%f : tensor<2x5x3x5xf32>) permutation = [0, 2, 1, 3]
  %1 = tensor.insert_slice %a into %j[0, 0, 0, 0] [2, 4, 3, 5] [1, 1, 1, 1] : tensor<2x4x3x5xf32> into tensor<2x9x3x5xf32>
  %2 = tensor.insert_slice %b into %1[0, 4, 0, 0] [2, 5, 3, 5] [1, 1, 1, 1] : tensor<2x5x3x5xf32> into tensor<2x9x3x5xf32>
  return %2 : tensor<2x9x3x5xf32>
}
