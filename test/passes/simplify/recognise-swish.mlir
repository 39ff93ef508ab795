// RUN: ashlar-opt %s --split-input-file --ashlar-recognise-swish | FileCheck %s

// CHECK-LABEL: func.func @silu
// CHECK: "onnx.Swish"(%arg0) <{alpha = 1.000000e+00 : f32}>
func.func @silu(%x: tensor<4xf32>) -> tensor<4xf32> {
  %s = "onnx.Sigmoid"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %y = "onnx.Mul"(%s, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// CHECK-LABEL: func.func @scaled
// CHECK: "onnx.Swish"(%arg0) <{alpha = 1.702000e+00 : f32}>
func.func @scaled(%x: tensor<4xf32>) -> tensor<4xf32> {
  %k = "onnx.Constant"() {value = dense<1.702> : tensor<f32>} : () -> tensor<f32>
  %kx = "onnx.Mul"(%x, %k) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %s = "onnx.Sigmoid"(%kx) : (tensor<4xf32>) -> tensor<4xf32>
  %y = "onnx.Mul"(%x, %s) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// CHECK-LABEL: func.func @hard
// CHECK: "onnx.HardSwish"(%arg0)
func.func @hard(%x: tensor<4xf32>) -> tensor<4xf32> {
  %three = "onnx.Constant"() {value = dense<3.0> : tensor<f32>} : () -> tensor<f32>
  %zero = "onnx.Constant"() {value = dense<0.0> : tensor<f32>} : () -> tensor<f32>
  %six = "onnx.Constant"() {value = dense<6.0> : tensor<f32>} : () -> tensor<f32>
  %a = "onnx.Add"(%x, %three) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %c = "onnx.Clip"(%a, %zero, %six) {operandSegmentSizes = array<i32: 1, 1, 1>} : (tensor<4xf32>, tensor<f32>, tensor<f32>) -> tensor<4xf32>
  %m = "onnx.Mul"(%x, %c) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %y = "onnx.Div"(%m, %six) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// CHECK-LABEL: func.func @mish
// CHECK: "onnx.Mish"(%arg0)
func.func @mish(%x: tensor<4xf32>) -> tensor<4xf32> {
  %s = "onnx.Softplus"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %t = "onnx.Tanh"(%s) : (tensor<4xf32>) -> tensor<4xf32>
  %y = "onnx.Mul"(%x, %t) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// A gate of something else.
// CHECK-LABEL: func.func @gate
// CHECK-NOT: onnx.Swish
func.func @gate(%x: tensor<4xf32>, %g: tensor<4xf32>) -> tensor<4xf32> {
  %s = "onnx.Sigmoid"(%g) : (tensor<4xf32>) -> tensor<4xf32>
  %y = "onnx.Mul"(%x, %s) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
