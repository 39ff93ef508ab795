// RUN: ashlar-opt %s --ashlar-split-reductions | FileCheck %s

#id = affine_map<(a, b, c, d) -> (a, b, c, d)>
#none = affine_map<(a, b, c, d) -> ()>

// The least element of an image that comes through a transpose: rows of the
// image as it lies, then what the rows gave.
// CHECK-DAG: #[[ALL:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
// CHECK-DAG: #[[ROWS:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1)>
// CHECK-LABEL: func.func @image
// CHECK: %[[START:.*]] = linalg.fill {{.*}} -> tensor<1x128xf32>
// CHECK: %[[PARTS:.*]] = linalg.generic {indexing_maps = [#[[ALL]], #[[ROWS]]], iterator_types = ["parallel", "parallel", "reduction", "reduction"]} ins(%arg0 : tensor<1x128x128x32xf32>) outs(%[[START]] : tensor<1x128xf32>)
// CHECK: arith.minnumf
// CHECK: %[[LEAST:.*]] = linalg.generic {{.*}}iterator_types = ["reduction", "reduction"]} ins(%[[PARTS]] : tensor<1x128xf32>)
// CHECK: arith.minnumf
// CHECK: return %[[LEAST]] : tensor<f32>
func.func @image(%x: tensor<1x128x128x32xf32>) -> tensor<f32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x32x128x128xf32>
  %t = linalg.transpose ins(%x : tensor<1x128x128x32xf32>) outs(%e : tensor<1x32x128x128xf32>) permutation = [0, 3, 1, 2]
  %s = tensor.empty() : tensor<f32>
  %f = linalg.fill ins(%zero : f32) outs(%s : tensor<f32>) -> tensor<f32>
  %r = linalg.generic {indexing_maps = [#id, #none], iterator_types = ["reduction", "reduction", "reduction", "reduction"]} ins(%t : tensor<1x32x128x128xf32>) outs(%f : tensor<f32>) {
  ^bb0(%in: f32, %out: f32):
    %m = arith.minnumf %out, %in : f32
    linalg.yield %m : f32
  } -> tensor<f32>
  return %r : tensor<f32>
}

// Sums depend on the order.
// CHECK-LABEL: func.func @sum
// CHECK: linalg.transpose
// CHECK: linalg.generic {{.*}}iterator_types = ["reduction", "reduction", "reduction", "reduction"]}
// CHECK: arith.addf
// CHECK-NOT: linalg.generic
// CHECK: return
func.func @sum(%x: tensor<1x128x128x32xf32>) -> tensor<f32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x32x128x128xf32>
  %t = linalg.transpose ins(%x : tensor<1x128x128x32xf32>) outs(%e : tensor<1x32x128x128xf32>) permutation = [0, 3, 1, 2]
  %s = tensor.empty() : tensor<f32>
  %f = linalg.fill ins(%zero : f32) outs(%s : tensor<f32>) -> tensor<f32>
  %r = linalg.generic {indexing_maps = [#id, #none], iterator_types = ["reduction", "reduction", "reduction", "reduction"]} ins(%t : tensor<1x32x128x128xf32>) outs(%f : tensor<f32>) {
  ^bb0(%in: f32, %out: f32):
    %m = arith.addf %out, %in : f32
    linalg.yield %m : f32
  } -> tensor<f32>
  return %r : tensor<f32>
}

// A few elements are folded at once.
// CHECK-LABEL: func.func @few
// CHECK: linalg.generic {{.*}} ins(%arg0 : tensor<1x4x4x3xf32>)
// CHECK-NOT: linalg.generic
// CHECK: return
func.func @few(%x: tensor<1x4x4x3xf32>) -> tensor<f32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x3x4x4xf32>
  %t = linalg.transpose ins(%x : tensor<1x4x4x3xf32>) outs(%e : tensor<1x3x4x4xf32>) permutation = [0, 3, 1, 2]
  %s = tensor.empty() : tensor<f32>
  %f = linalg.fill ins(%zero : f32) outs(%s : tensor<f32>) -> tensor<f32>
  %r = linalg.generic {indexing_maps = [#id, #none], iterator_types = ["reduction", "reduction", "reduction", "reduction"]} ins(%t : tensor<1x3x4x4xf32>) outs(%f : tensor<f32>) {
  ^bb0(%in: f32, %out: f32):
    %m = arith.maxnumf %out, %in : f32
    linalg.yield %m : f32
  } -> tensor<f32>
  return %r : tensor<f32>
}
