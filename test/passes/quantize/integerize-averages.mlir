// RUN: ashlar-opt %s --ashlar-integerize-averages | FileCheck %s

// CHECK-LABEL: func.func @mean
// CHECK: %[[W:.*]] = "onnx.Cast"(%arg0) {{.*}} -> tensor<1x2x4x4xi32>
// CHECK: %[[S:.*]] = "onnx.ReduceSum"(%[[W]]
// CHECK: dense<-48> : tensor<i32>
// CHECK: "onnx.Add"(%[[S]]
// CHECK: dense<3.125000e-02> : tensor<f32>
func.func @mean(%x: tensor<1x2x4x4xui8>) -> tensor<1x2x1x1xf32> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %z = "onnx.Constant"() {value = dense<3> : tensor<ui8>} : () -> tensor<ui8>
  %axes = "onnx.Constant"() {value = dense<[2, 3]> : tensor<2xi64>} : () -> tensor<2xi64>
  %d = "onnx.DequantizeLinear"(%x, %s, %z) : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32>
  %m = "onnx.ReduceMean"(%d, %axes) : (tensor<1x2x4x4xf32>, tensor<2xi64>) -> tensor<1x2x1x1xf32>
  return %m : tensor<1x2x1x1xf32>
}

// CHECK-LABEL: func.func @pool
// CHECK: "onnx.ConvInteger"({{.*}}group = 2 : i64{{.*}} -> tensor<1x2x2x2xi32>
// CHECK: dense<1.250000e-01> : tensor<f32>
func.func @pool(%x: tensor<1x2x4x4xui8>) -> tensor<1x2x2x2xf32> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %d = "onnx.DequantizeLinear"(%x, %s) : (tensor<1x2x4x4xui8>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %m = "onnx.AveragePool"(%d) {kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32>
  return %m : tensor<1x2x2x2xf32>
}

// Windows with fewer terms at the border are not all divided by the same.
// CHECK-LABEL: func.func @excluding_padding
// CHECK: onnx.AveragePool
func.func @excluding_padding(%x: tensor<1x2x4x4xui8>) -> tensor<1x2x3x3xf32> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %d = "onnx.DequantizeLinear"(%x, %s) : (tensor<1x2x4x4xui8>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %m = "onnx.AveragePool"(%d) {kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x3x3xf32>
  return %m : tensor<1x2x3x3xf32>
}

// Averages of four, quantized as they were: a quarter of them are ties.
// CHECK-LABEL: func.func @ties
// CHECK: onnx.AveragePool
func.func @ties(%x: tensor<1x2x4x4xui8>) -> tensor<1x2x2x2xui8> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %z = "onnx.Constant"() {value = dense<0> : tensor<ui8>} : () -> tensor<ui8>
  %d = "onnx.DequantizeLinear"(%x, %s) : (tensor<1x2x4x4xui8>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %m = "onnx.AveragePool"(%d) {kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32>
  %q = "onnx.QuantizeLinear"(%m, %s, %z) : (tensor<1x2x2x2xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x2x2xui8>
  return %q : tensor<1x2x2x2xui8>
}
