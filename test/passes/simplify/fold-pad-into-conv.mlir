// RUN: ashlar-opt %s --split-input-file --ashlar-fold-pad-into-conv | FileCheck %s

// CHECK-LABEL: func.func @conv
// CHECK: "onnx.Conv"(%arg0
// CHECK-SAME: pads = array<i64: 1, 2, 4, 4>
func.func @conv(%x: tensor<1x1x4x4xf32>, %w: tensor<2x1x3x3xf32>) -> tensor<1x2x7x8xf32> {
  %p = "onnx.Constant"() {value = dense<[0, 0, 1, 1, 0, 0, 3, 3]> : tensor<8xi64>} : () -> tensor<8xi64>
  %q = "onnx.Pad"(%x, %p) {operandSegmentSizes = array<i32: 1, 1, 0, 0>} : (tensor<1x1x4x4xf32>, tensor<8xi64>) -> tensor<1x1x8x8xf32>
  %c = "onnx.Conv"(%q, %w) {pads = array<i64: 0, 1, 1, 1>} : (tensor<1x1x8x8xf32>, tensor<2x1x3x3xf32>) -> tensor<1x2x7x8xf32>
  return %c : tensor<1x2x7x8xf32>
}

// -----

// The zeros that were padded count in an average.
// CHECK-LABEL: func.func @average
// CHECK: "onnx.AveragePool"(%arg0)
// CHECK-SAME: count_include_pad = 1
// CHECK-SAME: pads = array<i64: 1, 1, 1, 1>
func.func @average(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32> {
  %p = "onnx.Constant"() {value = dense<[0, 0, 1, 1, 0, 0, 1, 1]> : tensor<8xi64>} : () -> tensor<8xi64>
  %q = "onnx.Pad"(%x, %p) {operandSegmentSizes = array<i32: 1, 1, 0, 0>} : (tensor<1x1x4x4xf32>, tensor<8xi64>) -> tensor<1x1x6x6xf32>
  %c = "onnx.AveragePool"(%q) {kernel_shape = array<i64: 3, 3>} : (tensor<1x1x6x6xf32>) -> tensor<1x1x4x4xf32>
  return %c : tensor<1x1x4x4xf32>
}

// -----

// Other values than zero are not what a convolution pads with.
// CHECK-LABEL: func.func @ones
// CHECK: onnx.Pad
func.func @ones(%x: tensor<1x1x4x4xf32>, %w: tensor<2x1x3x3xf32>) -> tensor<1x2x4x4xf32> {
  %p = "onnx.Constant"() {value = dense<[0, 0, 1, 1, 0, 0, 1, 1]> : tensor<8xi64>} : () -> tensor<8xi64>
  %v = "onnx.Constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %q = "onnx.Pad"(%x, %p, %v) {operandSegmentSizes = array<i32: 1, 1, 1, 0>} : (tensor<1x1x4x4xf32>, tensor<8xi64>, tensor<f32>) -> tensor<1x1x6x6xf32>
  %c = "onnx.Conv"(%q, %w) : (tensor<1x1x6x6xf32>, tensor<2x1x3x3xf32>) -> tensor<1x2x4x4xf32>
  return %c : tensor<1x2x4x4xf32>
}
