// RUN: ashlar-opt %s --split-input-file --ashlar-fold-scale | FileCheck %s

// CHECK-LABEL: func.func @mul_add
// CHECK-DAG: dense<{{.*}}2.000000e+00{{.*}}9.000000e+00{{.*}}> : tensor<2x1x1x1xf32>
// CHECK-DAG: dense<[1.000000e+01, 2.000000e+01]> : tensor<2xf32>
// CHECK: "onnx.Conv"(%arg0, %{{.*}}, %{{.*}})
// CHECK-NEXT: return
func.func @mul_add(%x: tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = "onnx.Constant"() {value = dense<[[[[1.0]]], [[[3.0]]]]> : tensor<2x1x1x1xf32>} : () -> tensor<2x1x1x1xf32>
  %s = "onnx.Constant"() {value = dense<[[[2.0]], [[3.0]]]> : tensor<2x1x1xf32>} : () -> tensor<2x1x1xf32>
  %b = "onnx.Constant"() {value = dense<[[[[10.0]], [[20.0]]]]> : tensor<1x2x1x1xf32>} : () -> tensor<1x2x1x1xf32>
  %c = "onnx.Conv"(%x, %w) : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
  %m = "onnx.Mul"(%s, %c) : (tensor<2x1x1xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %y = "onnx.Add"(%m, %b) : (tensor<1x2x4x4xf32>, tensor<1x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  return %y : tensor<1x2x4x4xf32>
}

// -----

// One number for each column is not one for each channel.
// CHECK-LABEL: func.func @columns
// CHECK: onnx.Add
func.func @columns(%x: tensor<1x1x4x4xf32>) -> tensor<1x4x4x4xf32> {
  %w = "onnx.Constant"() {value = dense<1.0> : tensor<4x1x1x1xf32>} : () -> tensor<4x1x1x1xf32>
  %b = "onnx.Constant"() {value = dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>} : () -> tensor<4xf32>
  %c = "onnx.Conv"(%x, %w) : (tensor<1x1x4x4xf32>, tensor<4x1x1x1xf32>) -> tensor<1x4x4x4xf32>
  %y = "onnx.Add"(%c, %b) : (tensor<1x4x4x4xf32>, tensor<4xf32>) -> tensor<1x4x4x4xf32>
  return %y : tensor<1x4x4x4xf32>
}

// -----

// Where others use the unscaled result, nothing is gained.
// CHECK-LABEL: func.func @shared
// CHECK: onnx.Mul
func.func @shared(%x: tensor<1x1x4x4xf32>) -> (tensor<1x1x4x4xf32>, tensor<1x1x4x4xf32>) {
  %w = "onnx.Constant"() {value = dense<1.0> : tensor<1x1x1x1xf32>} : () -> tensor<1x1x1x1xf32>
  %b = "onnx.Constant"() {value = dense<2.0> : tensor<f32>} : () -> tensor<f32>
  %c = "onnx.Conv"(%x, %w) : (tensor<1x1x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4x4xf32>
  %y = "onnx.Mul"(%c, %b) : (tensor<1x1x4x4xf32>, tensor<f32>) -> tensor<1x1x4x4xf32>
  return %c, %y : tensor<1x1x4x4xf32>, tensor<1x1x4x4xf32>
}
