// RUN: ashlar-opt %s --ashlar-expand-quantized-operators | FileCheck %s

// CHECK-LABEL: func.func @conv
// CHECK-DAG: %[[X:.*]] = "onnx.DequantizeLinear"(%arg0, {{.*}} -> tensor<1x1x2x2xf32>
// CHECK-DAG: %[[W:.*]] = "onnx.DequantizeLinear"({{.*}} -> tensor<2x1x1x1xf32>
// CHECK-DAG: dense<[1.250000e-01, 2.500000e-01]>
// CHECK-DAG: %[[B:.*]] = "onnx.DequantizeLinear"({{.*}} -> tensor<2xf32>
// CHECK: %[[Y:.*]] = "onnx.Conv"(%[[X]], %[[W]], %[[B]])
// CHECK: "onnx.QuantizeLinear"(%[[Y]]
func.func @conv(%x: tensor<1x1x2x2xui8>) -> tensor<1x2x2x2xui8> {
  %xs = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %z = "onnx.Constant"() {value = dense<3> : tensor<ui8>} : () -> tensor<ui8>
  %w = "onnx.Constant"() {value = dense<[[[[1]]], [[[2]]]]> : tensor<2x1x1x1xi8>} : () -> tensor<2x1x1x1xi8>
  %ws = "onnx.Constant"() {value = dense<[0.25, 0.5]> : tensor<2xf32>} : () -> tensor<2xf32>
  %wz = "onnx.Constant"() {value = dense<0> : tensor<2xi8>} : () -> tensor<2xi8>
  %b = "onnx.Constant"() {value = dense<[7, 8]> : tensor<2xi32>} : () -> tensor<2xi32>
  %y = "onnx.QLinearConv"(%x, %xs, %z, %w, %ws, %wz, %xs, %z, %b)
    : (tensor<1x1x2x2xui8>, tensor<f32>, tensor<ui8>, tensor<2x1x1x1xi8>, tensor<2xf32>, tensor<2xi8>, tensor<f32>, tensor<ui8>, tensor<2xi32>) -> tensor<1x2x2x2xui8>
  return %y : tensor<1x2x2x2xui8>
}

// CHECK-LABEL: func.func @matmul
// CHECK: "onnx.MatMul"({{.*}} -> tensor<2x2xf32>
func.func @matmul(%a: tensor<2x3xui8>, %b: tensor<3x2xi8>) -> tensor<2x2xui8> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %z = "onnx.Constant"() {value = dense<3> : tensor<ui8>} : () -> tensor<ui8>
  %bz = "onnx.Constant"() {value = dense<0> : tensor<i8>} : () -> tensor<i8>
  %y = "onnx.QLinearMatMul"(%a, %s, %z, %b, %s, %bz, %s, %z)
    : (tensor<2x3xui8>, tensor<f32>, tensor<ui8>, tensor<3x2xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<ui8>) -> tensor<2x2xui8>
  return %y : tensor<2x2xui8>
}

// Parameters that the run decides stay with the operator.
// CHECK-LABEL: func.func @open
// CHECK: "onnx.QLinearMatMul"
func.func @open(%a: tensor<2x3xui8>, %b: tensor<3x2xi8>, %s: tensor<f32>) -> tensor<2x2xui8> {
  %z = "onnx.Constant"() {value = dense<3> : tensor<ui8>} : () -> tensor<ui8>
  %bz = "onnx.Constant"() {value = dense<0> : tensor<i8>} : () -> tensor<i8>
  %y = "onnx.QLinearMatMul"(%a, %s, %z, %b, %s, %bz, %s, %z)
    : (tensor<2x3xui8>, tensor<f32>, tensor<ui8>, tensor<3x2xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<ui8>) -> tensor<2x2xui8>
  return %y : tensor<2x2xui8>
}
