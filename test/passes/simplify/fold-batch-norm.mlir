// RUN: ashlar-opt %s --split-input-file --ashlar-fold-batch-norm | FileCheck %s

// scale / sqrt(var + eps) is 2 and 0.5; the shifts follow.
// CHECK-LABEL: func.func @into_conv
// CHECK-DAG: dense<[1.000000e+00, 2.500000e+00]> : tensor<2xf32>
// CHECK-DAG: dense<{{.*}}2.000000e+00{{.*}}1.500000e+00{{.*}}> : tensor<2x1x1x1xf32>
// CHECK: "onnx.Conv"(%arg0, %{{.*}}, %{{.*}})
// CHECK-NOT: onnx.BatchNormalization
func.func @into_conv(%x: tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = "onnx.Constant"() {value = dense<[[[[1.0]]], [[[3.0]]]]> : tensor<2x1x1x1xf32>} : () -> tensor<2x1x1x1xf32>
  %s = "onnx.Constant"() {value = dense<[2.0, 1.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %b = "onnx.Constant"() {value = dense<[3.0, 3.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %m = "onnx.Constant"() {value = dense<[1.0, 1.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %v = "onnx.Constant"() {value = dense<[1.0, 4.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %c = "onnx.Conv"(%x, %w) : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %y = "onnx.BatchNormalization"(%c, %s, %b, %m, %v) {epsilon = 0.0 : f32, resultSegmentSizes = array<i32: 1, 0, 0>} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  return %y : tensor<1x2x4x4xf32>
}

// -----

// Two groups of one input and two output channels each: the channel counts through both.
// CHECK-LABEL: func.func @into_grouped_transpose
// CHECK-DAG: dense<{{.*}}1.000000e+00{{.*}}2.000000e+00{{.*}}3.000000e+00{{.*}}4.000000e+00{{.*}}> : tensor<2x2x1x1xf32>
// CHECK: onnx.ConvTranspose
// CHECK-NOT: onnx.BatchNormalization
func.func @into_grouped_transpose(%x: tensor<1x2x4x4xf32>) -> tensor<1x4x4x4xf32> {
  %w = "onnx.Constant"() {value = dense<1.0> : tensor<2x2x1x1xf32>} : () -> tensor<2x2x1x1xf32>
  %s = "onnx.Constant"() {value = dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>} : () -> tensor<4xf32>
  %z = "onnx.Constant"() {value = dense<0.0> : tensor<4xf32>} : () -> tensor<4xf32>
  %v = "onnx.Constant"() {value = dense<1.0> : tensor<4xf32>} : () -> tensor<4xf32>
  %c = "onnx.ConvTranspose"(%x, %w) {group = 2 : i64} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x4x4x4xf32>
  %y = "onnx.BatchNormalization"(%c, %s, %z, %z, %v) {epsilon = 0.0 : f32, resultSegmentSizes = array<i32: 1, 0, 0>} : (tensor<1x4x4x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4x4x4xf32>
  return %y : tensor<1x4x4x4xf32>
}

// -----

// CHECK-LABEL: func.func @alone
// CHECK: onnx.Mul
// CHECK: onnx.Add
// CHECK-NOT: onnx.BatchNormalization
func.func @alone(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32> {
  %s = "onnx.Constant"() {value = dense<2.0> : tensor<1xf32>} : () -> tensor<1xf32>
  %y = "onnx.BatchNormalization"(%x, %s, %s, %s, %s) {resultSegmentSizes = array<i32: 1, 0, 0>} : (tensor<1x1x4x4xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x4x4xf32>
  return %y : tensor<1x1x4x4xf32>
}

// -----

// Statistics that are no constants stay.
// CHECK-LABEL: func.func @computed
// CHECK: onnx.BatchNormalization
func.func @computed(%x: tensor<1x1x4x4xf32>, %s: tensor<1xf32>) -> tensor<1x1x4x4xf32> {
  %y = "onnx.BatchNormalization"(%x, %s, %s, %s, %s) {resultSegmentSizes = array<i32: 1, 0, 0>} : (tensor<1x1x4x4xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x4x4xf32>
  return %y : tensor<1x1x4x4xf32>
}
