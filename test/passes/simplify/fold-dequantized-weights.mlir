// RUN: ashlar-opt %s --ashlar-fold-dequantized-weights | FileCheck %s

// CHECK-LABEL: func.func @per_tensor
// CHECK: dense<[-6.400000e+01, 0.000000e+00, 6.350000e+01]> : tensor<3xf32>
func.func @per_tensor() -> tensor<3xf32> {
  %x = "onnx.Constant"() {value = dense<[0, 128, 255]> : tensor<3xui8>} : () -> tensor<3xui8>
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %z = "onnx.Constant"() {value = dense<128> : tensor<ui8>} : () -> tensor<ui8>
  %r = "onnx.DequantizeLinear"(%x, %s, %z) : (tensor<3xui8>, tensor<f32>, tensor<ui8>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

// CHECK-LABEL: func.func @per_axis
// CHECK: dense<{{\[\[}}1.000000e+00, 2.000000e+00], [6.000000e+00, -8.000000e+00]]> : tensor<2x2xf32>
func.func @per_axis() -> tensor<2x2xf32> {
  %x = "onnx.Constant"() {value = dense<[[1, 2], [3, -4]]> : tensor<2x2xi8>} : () -> tensor<2x2xi8>
  %s = "onnx.Constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %r = "onnx.DequantizeLinear"(%x, %s) {axis = 0 : i64} : (tensor<2x2xi8>, tensor<2xf32>) -> tensor<2x2xf32>
  return %r : tensor<2x2xf32>
}

// CHECK-LABEL: func.func @blocked
// CHECK: dense<{{\[\[}}1.000000e+00, 2.000000e+00, 6.000000e+00, 8.000000e+00]]> : tensor<1x4xf32>
func.func @blocked() -> tensor<1x4xf32> {
  %x = "onnx.Constant"() {value = dense<[[1, 2, 3, 4]]> : tensor<1x4xi8>} : () -> tensor<1x4xi8>
  %s = "onnx.Constant"() {value = dense<[[1.0, 2.0]]> : tensor<1x2xf32>} : () -> tensor<1x2xf32>
  %r = "onnx.DequantizeLinear"(%x, %s) {axis = 1 : i64, block_size = 2 : i64} : (tensor<1x4xi8>, tensor<1x2xf32>) -> tensor<1x4xf32>
  return %r : tensor<1x4xf32>
}
