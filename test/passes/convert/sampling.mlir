// RUN: ashlar-opt %s --ashlar-convert-onnx --canonicalize --cse | FileCheck %s

// Where the four neighbours stand is found once for all channels; one below zero counts for nothing.
// CHECK-LABEL: func.func @grid_sample
// CHECK: math.floor
// CHECK-COUNT-4: tensor.insert {{.*}} : tensor<1x4x6x6xindex>
// CHECK: linalg.generic
// CHECK-NOT: math.floor
// CHECK-COUNT-4: arith.cmpi sge
func.func @grid_sample(%x: tensor<1x8x4x4xf32>, %g: tensor<1x6x6x2xf32>) -> tensor<1x8x6x6xf32> {
  %y = "onnx.GridSample"(%x, %g) {mode = "linear", padding_mode = "zeros"} : (tensor<1x8x4x4xf32>, tensor<1x6x6x2xf32>) -> tensor<1x8x6x6xf32>
  return %y : tensor<1x8x6x6xf32>
}

// So with the samples of a region, of which there are four a bin here.
// CHECK-LABEL: func.func @roi_align
// CHECK: nn.require {{.*}} "an index lies outside the axis that it refers to"
// CHECK: math.floor
// CHECK: linalg.generic
// CHECK-NOT: math.floor
// CHECK: tensor.expand_shape {{.*}} : tensor<3x8x25xf32> into tensor<3x8x5x5xf32>
func.func @roi_align(%x: tensor<1x8x10x10xf32>, %r: tensor<3x4xf32>, %i: tensor<3xi64>) -> tensor<3x8x5x5xf32> {
  %y = "onnx.RoiAlign"(%x, %r, %i) {output_height = 5 : i64, output_width = 5 : i64, sampling_ratio = 2 : i64} : (tensor<1x8x10x10xf32>, tensor<3x4xf32>, tensor<3xi64>) -> tensor<3x8x5x5xf32>
  return %y : tensor<3x8x5x5xf32>
}

// Their number is known only then.
// CHECK-LABEL: func.func @roi_align_adaptive
// CHECK: linalg.generic
// CHECK: scf.for
// CHECK: math.floor
func.func @roi_align_adaptive(%x: tensor<1x8x10x10xf32>, %r: tensor<3x4xf32>, %i: tensor<3xi64>) -> tensor<3x8x5x5xf32> {
  %y = "onnx.RoiAlign"(%x, %r, %i) {output_height = 5 : i64, output_width = 5 : i64, sampling_ratio = 0 : i64} : (tensor<1x8x10x10xf32>, tensor<3x4xf32>, tensor<3xi64>) -> tensor<3x8x5x5xf32>
  return %y : tensor<3x8x5x5xf32>
}

// Rows of the input are copied, only columns at both ends find out where from.
// CHECK-LABEL: func.func @reflect
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<2x6x1xf32>)
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<2x6x9xf32>)
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<2x6x2xf32>)
func.func @reflect(%x: tensor<2x4x9xf32>) -> tensor<2x6x12xf32> {
  %p = "onnx.Constant"() {value = dense<[0, 1, 1, 0, 1, 2]> : tensor<6xi64>} : () -> tensor<6xi64>
  %y = "onnx.Pad"(%x, %p) {mode = "reflect", operandSegmentSizes = array<i32: 1, 1, 0, 0>} : (tensor<2x4x9xf32>, tensor<6xi64>) -> tensor<2x6x12xf32>
  return %y : tensor<2x6x12xf32>
}

// Columns are added to the image, those of one element of the blocks in rows; the padding keeps the first block out
// for the first column, and the last one for the third.
// CHECK-LABEL: func.func @col2im
// CHECK: linalg.fill {{.*}} -> tensor<1x2x5x5xf32>
// CHECK-COUNT-5: scf.for
// CHECK: %[[OLD:.*]] = tensor.extract
// CHECK: %[[TERM:.*]] = tensor.extract %arg0
// CHECK: %[[SUM:.*]] = arith.addf %[[OLD]], %[[TERM]]
// CHECK-NEXT: tensor.insert %[[SUM]]
func.func @col2im(%x: tensor<1x18x25xf32>) -> tensor<1x2x5x5xf32> {
  %i = "onnx.Constant"() {value = dense<5> : tensor<2xi64>} : () -> tensor<2xi64>
  %b = "onnx.Constant"() {value = dense<3> : tensor<2xi64>} : () -> tensor<2xi64>
  %y = "onnx.Col2Im"(%x, %i, %b) {pads = array<i64: 1, 1, 1, 1>} : (tensor<1x18x25xf32>, tensor<2xi64>, tensor<2xi64>) -> tensor<1x2x5x5xf32>
  return %y : tensor<1x2x5x5xf32>
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
