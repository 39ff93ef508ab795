// RUN: ashlar-opt %s --ashlar-integerize-transposed-convolutions | FileCheck %s

// CHECK-LABEL: func.func @blocks
// CHECK: %[[L:.*]] = "onnx.Reshape"({{.*}} -> tensor<4x3xui8>
// CHECK: "onnx.MatMulInteger"(%[[L]], {{.*}} -> tensor<4x8xi32>
// CHECK: "onnx.Add"({{.*}} -> tensor<4x8xi32>
// CHECK: "onnx.Reshape"({{.*}} -> tensor<1x2x2x2x2x2xf32>
// CHECK: "onnx.Transpose"({{.*}} -> tensor<1x2x4x4xf32>
func.func @blocks(%x: tensor<1x3x2x2xui8>) -> tensor<1x2x4x4xf32> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %bs = "onnx.Constant"() {value = dense<0.25> : tensor<f32>} : () -> tensor<f32>
  %w = "onnx.Constant"() {value = dense<1> : tensor<3x2x2x2xi8>} : () -> tensor<3x2x2x2xi8>
  %b = "onnx.Constant"() {value = dense<[7, 8]> : tensor<2xi32>} : () -> tensor<2xi32>
  %dx = "onnx.DequantizeLinear"(%x, %s) : (tensor<1x3x2x2xui8>, tensor<f32>) -> tensor<1x3x2x2xf32>
  %dw = "onnx.DequantizeLinear"(%w, %s) : (tensor<3x2x2x2xi8>, tensor<f32>) -> tensor<3x2x2x2xf32>
  %db = "onnx.DequantizeLinear"(%b, %bs) : (tensor<2xi32>, tensor<f32>) -> tensor<2xf32>
  %y = "onnx.ConvTranspose"(%dx, %dw, %db) {strides = array<i64: 2, 2>} : (tensor<1x3x2x2xf32>, tensor<3x2x2x2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  return %y : tensor<1x2x4x4xf32>
}

// Windows that overlap stay.
// CHECK-LABEL: func.func @overlapping
// CHECK: onnx.ConvTranspose
func.func @overlapping(%x: tensor<1x3x2x2xui8>) -> tensor<1x2x3x3xf32> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %w = "onnx.Constant"() {value = dense<1> : tensor<3x2x2x2xi8>} : () -> tensor<3x2x2x2xi8>
  %dx = "onnx.DequantizeLinear"(%x, %s) : (tensor<1x3x2x2xui8>, tensor<f32>) -> tensor<1x3x2x2xf32>
  %dw = "onnx.DequantizeLinear"(%w, %s) : (tensor<3x2x2x2xi8>, tensor<f32>) -> tensor<3x2x2x2xf32>
  %y = "onnx.ConvTranspose"(%dx, %dw) {strides = array<i64: 1, 1>} : (tensor<1x3x2x2xf32>, tensor<3x2x2x2xf32>) -> tensor<1x2x3x3xf32>
  return %y : tensor<1x2x3x3xf32>
}
