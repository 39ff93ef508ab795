// RUN: ashlar-opt %s --ashlar-convert-onnx --canonicalize --cse | FileCheck %s

// Four neighbours, each counting only where it lies inside.
// CHECK-LABEL: func.func @grid_sample
// CHECK: linalg.generic
// CHECK: math.floor
// CHECK-COUNT-4: tensor.extract %arg0
func.func @grid_sample(%x: tensor<1x1x4x4xf32>, %g: tensor<1x6x6x2xf32>) -> tensor<1x1x6x6xf32> {
  %y = "onnx.GridSample"(%x, %g) {mode = "linear", padding_mode = "zeros"} : (tensor<1x1x4x4xf32>, tensor<1x6x6x2xf32>) -> tensor<1x1x6x6xf32>
  return %y : tensor<1x1x6x6xf32>
}

// CHECK-LABEL: func.func @roi_align
// CHECK: nn.require {{.*}} "an index lies outside the axis that it refers to"
// CHECK: linalg.generic
// CHECK: scf.for
func.func @roi_align(%x: tensor<1x1x10x10xf32>, %r: tensor<3x4xf32>, %i: tensor<3xi64>) -> tensor<3x1x5x5xf32> {
  %y = "onnx.RoiAlign"(%x, %r, %i) {output_height = 5 : i64, output_width = 5 : i64, sampling_ratio = 2 : i64} : (tensor<1x1x10x10xf32>, tensor<3x4xf32>, tensor<3xi64>) -> tensor<3x1x5x5xf32>
  return %y : tensor<3x1x5x5xf32>
}

// Chosen boxes are appended one after the other, those of a class sorted by their scores.
// CHECK-LABEL: func.func @non_max_suppression
// CHECK: scf.while
// CHECK: scf.if
// CHECK: nn.require {{.*}} "another number of boxes is chosen than declared"
func.func @non_max_suppression(%b: tensor<2x6x4xf32>, %s: tensor<2x1x6xf32>, %m: tensor<1xi64>, %i: tensor<1xf32>, %t: tensor<1xf32>) -> tensor<4x3xi64> {
  %r = "onnx.NonMaxSuppression"(%b, %s, %m, %i, %t) {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>} : (tensor<2x6x4xf32>, tensor<2x1x6xf32>, tensor<1xi64>, tensor<1xf32>, tensor<1xf32>) -> tensor<4x3xi64>
  return %r : tensor<4x3xi64>
}

// The same numbers in every run: a function of the seed and of the element's number.
// CHECK-LABEL: func.func @random_uniform
// CHECK: arith.shrui
// CHECK: arith.sitofp {{.*}} : i64 to f32
func.func @random_uniform() -> tensor<3x4xf32> {
  %y = "onnx.RandomUniform"() {dtype = 1 : i64, low = 0.0 : f32, high = 1.0 : f32, seed = 3.0 : f32, shape = array<i64: 3, 4>} : () -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}
