// RUN: ashlar-opt %s --split-input-file --verify-diagnostics

func.func @constant_type() -> tensor<3xf32> {
  // expected-error @below {{holds a value of type 'tensor<2xf32>', but its result is 'tensor<3xf32>'}}
  %0 = "onnx.Constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

func.func @missing_attribute(%a: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error @below {{requires attribute 'axis'}}
  %0 = "onnx.Concat"(%a) : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

func.func @wrong_attribute(%a: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error @below {{attribute 'axis' failed to satisfy constraint: 64-bit signless integer attribute}}
  %0 = "onnx.Concat"(%a) {axis = 1.0 : f32} : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

func.func @operands(%a: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error @below {{expected 2 operands, but found 1}}
  %0 = "onnx.Add"(%a) : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

func.func @terminator(%c: tensor<i1>, %x: tensor<2xf32>) {
  // expected-error @below {{region with 1 blocks}}
  %0 = "onnx.If"(%c) ({}, {}) : (tensor<i1>) -> tensor<2xf32>
  return
}
