// RUN: ashlar-opt %s --ashlar-merge-requantization | FileCheck %s

// One multiplication for both scales; the Relu is what saturation does.
// CHECK-LABEL: func.func @relu
// CHECK: %[[S:.*]] = "onnx.Constant"() <{value = dense<5.000000e-01>
// CHECK: %[[M:.*]] = "onnx.Mul"(%arg0, %[[S]])
// CHECK-NOT: onnx.Relu
// CHECK: dense<1.000000e+00> : tensor<f32>
// CHECK: "onnx.QuantizeLinear"(%[[M]]
func.func @relu(%x: tensor<4xf32>) -> tensor<4xui8> {
  %s = "onnx.Constant"() {value = dense<0.25> : tensor<f32>} : () -> tensor<f32>
  %t = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %z = "onnx.Constant"() {value = dense<0> : tensor<ui8>} : () -> tensor<ui8>
  %m = "onnx.Mul"(%x, %s) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %r = "onnx.Relu"(%m) : (tensor<4xf32>) -> tensor<4xf32>
  %q = "onnx.QuantizeLinear"(%r, %t, %z) : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<4xui8>
  return %q : tensor<4xui8>
}

// Both sides of a residual sum take the factor.
// CHECK-LABEL: func.func @residual
// CHECK: %[[M:.*]] = "onnx.Mul"(%arg0
// CHECK: dense<2.000000e+00> : tensor<f32>
// CHECK: %[[D:.*]] = "onnx.DequantizeLinear"(%arg1
// CHECK: "onnx.Add"(%[[M]], %[[D]])
// CHECK-NOT: onnx.Mul
func.func @residual(%x: tensor<4xf32>, %y: tensor<4xui8>) -> tensor<4xui8> {
  %s = "onnx.Constant"() {value = dense<0.25> : tensor<f32>} : () -> tensor<f32>
  %t = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %u = "onnx.Constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %z = "onnx.Constant"() {value = dense<9> : tensor<ui8>} : () -> tensor<ui8>
  %m = "onnx.Mul"(%x, %s) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %d = "onnx.DequantizeLinear"(%y, %u, %z) : (tensor<4xui8>, tensor<f32>, tensor<ui8>) -> tensor<4xf32>
  %a = "onnx.Add"(%m, %d) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %q = "onnx.QuantizeLinear"(%a, %t, %z) : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<4xui8>
  return %q : tensor<4xui8>
}

// 6 / (6 / 255) is 255: saturation clips there.
// CHECK-LABEL: func.func @relu6
// CHECK-NOT: onnx.Clip
func.func @relu6(%x: tensor<4xf32>) -> tensor<4xui8> {
  %t = "onnx.Constant"() {value = dense<0.0235294122> : tensor<f32>} : () -> tensor<f32>
  %z = "onnx.Constant"() {value = dense<0> : tensor<ui8>} : () -> tensor<ui8>
  %low = "onnx.Constant"() {value = dense<0.0> : tensor<f32>} : () -> tensor<f32>
  %high = "onnx.Constant"() {value = dense<6.0> : tensor<f32>} : () -> tensor<f32>
  %c = "onnx.Clip"(%x, %low, %high) {operandSegmentSizes = array<i32: 1, 1, 1>} : (tensor<4xf32>, tensor<f32>, tensor<f32>) -> tensor<4xf32>
  %q = "onnx.QuantizeLinear"(%c, %t, %z) : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<4xui8>
  return %q : tensor<4xui8>
}

// An input of the model is divided, as the standard says.
// CHECK-LABEL: func.func @alone
// CHECK: dense<3.000000e-01>
// CHECK-NOT: onnx.Mul
// CHECK: "onnx.QuantizeLinear"(%arg0
func.func @alone(%x: tensor<4xf32>) -> tensor<4xui8> {
  %t = "onnx.Constant"() {value = dense<0.3> : tensor<f32>} : () -> tensor<f32>
  %z = "onnx.Constant"() {value = dense<0> : tensor<ui8>} : () -> tensor<ui8>
  %q = "onnx.QuantizeLinear"(%x, %t, %z) : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<4xui8>
  return %q : tensor<4xui8>
}
