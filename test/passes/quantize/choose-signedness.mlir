// RUN: ashlar-opt %s --ashlar-choose-signedness | FileCheck %s

// What makes the integers makes signed ones.
// CHECK-LABEL: func.func @retyped
// CHECK: %[[Z:.*]] = "onnx.Constant"() <{value = dense<-125> : tensor<i8>}>
// CHECK: %[[Q:.*]] = "onnx.QuantizeLinear"(%arg1, {{.*}}, %[[Z]]) {{.*}} -> tensor<2x3xi8>
// CHECK: %[[T:.*]] = "onnx.Transpose"(%[[Q]]) {{.*}} -> tensor<3x2xi8>
// CHECK: "onnx.DequantizeLinear"(%[[T]], {{.*}} : (tensor<3x2xi8>, tensor<f32>, tensor<i8>)
func.func @retyped(%a: tensor<2x3xui8>, %b: tensor<2x3xf32>) -> tensor<2x2xf32> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %z = "onnx.Constant"() {value = dense<3> : tensor<ui8>} : () -> tensor<ui8>
  %da = "onnx.DequantizeLinear"(%a, %s, %z) : (tensor<2x3xui8>, tensor<f32>, tensor<ui8>) -> tensor<2x3xf32>
  %q = "onnx.QuantizeLinear"(%b, %s, %z) : (tensor<2x3xf32>, tensor<f32>, tensor<ui8>) -> tensor<2x3xui8>
  %t = "onnx.Transpose"(%q) {perm = array<i64: 1, 0>} : (tensor<2x3xui8>) -> tensor<3x2xui8>
  %db = "onnx.DequantizeLinear"(%t, %s, %z) : (tensor<3x2xui8>, tensor<f32>, tensor<ui8>) -> tensor<3x2xf32>
  %y = "onnx.MatMul"(%da, %db) : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// An input of the model cannot be changed: its sign bits are flipped.
// CHECK-LABEL: func.func @flipped
// CHECK: %[[F:.*]] = "onnx.BitwiseXor"(%arg1
// CHECK: %[[C:.*]] = "onnx.Cast"(%[[F]]) {{.*}} -> tensor<3x2xi8>
// CHECK: "onnx.DequantizeLinear"(%[[C]]
func.func @flipped(%a: tensor<2x3xui8>, %b: tensor<3x2xui8>) -> tensor<2x2xf32> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %z = "onnx.Constant"() {value = dense<3> : tensor<ui8>} : () -> tensor<ui8>
  %da = "onnx.DequantizeLinear"(%a, %s, %z) : (tensor<2x3xui8>, tensor<f32>, tensor<ui8>) -> tensor<2x3xf32>
  %db = "onnx.DequantizeLinear"(%b, %s, %z) : (tensor<3x2xui8>, tensor<f32>, tensor<ui8>) -> tensor<3x2xf32>
  %y = "onnx.MatMul"(%da, %db) : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// CHECK-LABEL: func.func @left_side
// CHECK: %[[Z:.*]] = "onnx.Constant"() <{value = dense<131> : tensor<ui8>}>
// CHECK: "onnx.QuantizeLinear"(%arg0, {{.*}}, %[[Z]]) {{.*}} -> tensor<2x3xui8>
func.func @left_side(%a: tensor<2x3xf32>, %b: tensor<3x2xf32>) -> tensor<2x2xf32> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %z = "onnx.Constant"() {value = dense<3> : tensor<i8>} : () -> tensor<i8>
  %q = "onnx.QuantizeLinear"(%a, %s, %z) : (tensor<2x3xf32>, tensor<f32>, tensor<i8>) -> tensor<2x3xi8>
  %d = "onnx.DequantizeLinear"(%q, %s, %z) : (tensor<2x3xi8>, tensor<f32>, tensor<i8>) -> tensor<2x3xf32>
  %y = "onnx.MatMul"(%d, %b) : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}
