// RUN: ashlar-opt %s --split-input-file --ashlar-recognise-gelu | FileCheck %s

// CHECK-LABEL: func.func @erf
// CHECK: "onnx.Gelu"(%arg0) <{approximate = "none"}>
func.func @erf(%x: tensor<4xf32>) -> tensor<4xf32> {
  %half = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %one = "onnx.Constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %root = "onnx.Constant"() {value = dense<1.41421354> : tensor<f32>} : () -> tensor<f32>
  %d = "onnx.Div"(%x, %root) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %e = "onnx.Erf"(%d) : (tensor<4xf32>) -> tensor<4xf32>
  %a = "onnx.Add"(%e, %one) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %m = "onnx.Mul"(%x, %a) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %y = "onnx.Mul"(%half, %m) : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// CHECK-LABEL: func.func @tanh
// CHECK: "onnx.Gelu"(%arg0) <{approximate = "tanh"}>
func.func @tanh(%x: tensor<4xf32>) -> tensor<4xf32> {
  %half = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %one = "onnx.Constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %three = "onnx.Constant"() {value = dense<3.0> : tensor<f32>} : () -> tensor<f32>
  %k = "onnx.Constant"() {value = dense<4.471500e-02> : tensor<f32>} : () -> tensor<f32>
  %r = "onnx.Constant"() {value = dense<0.797884583> : tensor<f32>} : () -> tensor<f32>
  %h = "onnx.Mul"(%x, %half) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %c = "onnx.Pow"(%x, %three) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %kc = "onnx.Mul"(%c, %k) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %s = "onnx.Add"(%x, %kc) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %rs = "onnx.Mul"(%s, %r) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %t = "onnx.Tanh"(%rs) : (tensor<4xf32>) -> tensor<4xf32>
  %a = "onnx.Add"(%t, %one) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %y = "onnx.Mul"(%h, %a) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// Another factor than one half is no GELU.
// CHECK-LABEL: func.func @other
// CHECK-NOT: onnx.Gelu
func.func @other(%x: tensor<4xf32>) -> tensor<4xf32> {
  %one = "onnx.Constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %root = "onnx.Constant"() {value = dense<1.41421354> : tensor<f32>} : () -> tensor<f32>
  %d = "onnx.Div"(%x, %root) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %e = "onnx.Erf"(%d) : (tensor<4xf32>) -> tensor<4xf32>
  %a = "onnx.Add"(%e, %one) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %y = "onnx.Mul"(%x, %a) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
