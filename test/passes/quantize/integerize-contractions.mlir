// RUN: ashlar-opt %s --ashlar-integerize-contractions | FileCheck %s

// Unsigned weights lose their zero point; the bias counts in the same steps,
// less what the zero point of the input adds: 7 - 3 * -2, 8 - 3 * -1.
// CHECK-LABEL: func.func @conv
// CHECK: %[[W:.*]] = "onnx.Constant"() <{value = dense<{{\[\[\[\[}}-2]]], {{\[\[\[}}-1]]]]> : tensor<2x1x1x1xi8>}>
// CHECK: %[[S:.*]] = "onnx.ConvInteger"(%arg0, %[[W]]) {{.*}} -> tensor<1x2x2x2xi32>
// CHECK: %[[B:.*]] = "onnx.Constant"() <{value = dense<{{\[\[\[}}13]], {{\[\[}}11]]]> : tensor<2x1x1xi32>}>
// CHECK: %[[A:.*]] = "onnx.Add"(%[[S]], %[[B]])
// CHECK: %[[F:.*]] = "onnx.Cast"(%[[A]])
// CHECK: %[[M:.*]] = "onnx.Constant"() <{value = dense<2.500000e-01>
// CHECK: "onnx.Mul"(%[[F]], %[[M]])
func.func @conv(%x: tensor<1x1x2x2xui8>) -> tensor<1x2x2x2xf32> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %z = "onnx.Constant"() {value = dense<3> : tensor<ui8>} : () -> tensor<ui8>
  %bs = "onnx.Constant"() {value = dense<0.25> : tensor<f32>} : () -> tensor<f32>
  %w = "onnx.Constant"() {value = dense<[[[[1]]], [[[2]]]]> : tensor<2x1x1x1xui8>} : () -> tensor<2x1x1x1xui8>
  %b = "onnx.Constant"() {value = dense<[7, 8]> : tensor<2xi32>} : () -> tensor<2xi32>
  %dx = "onnx.DequantizeLinear"(%x, %s, %z) : (tensor<1x1x2x2xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x1x2x2xf32>
  %dw = "onnx.DequantizeLinear"(%w, %s, %z) : (tensor<2x1x1x1xui8>, tensor<f32>, tensor<ui8>) -> tensor<2x1x1x1xf32>
  %db = "onnx.DequantizeLinear"(%b, %bs) : (tensor<2xi32>, tensor<f32>) -> tensor<2xf32>
  %y = "onnx.Conv"(%dx, %dw, %db) : (tensor<1x1x2x2xf32>, tensor<2x1x1x1xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32>
  return %y : tensor<1x2x2x2xf32>
}

// Padding holds the zero point.
// CHECK-LABEL: func.func @padded
// CHECK: %[[P:.*]] = "onnx.Pad"(%arg0, {{.*}} -> tensor<1x1x4x4xui8>
// CHECK: "onnx.ConvInteger"(%[[P]], {{.*}} -> tensor<1x1x2x2xi32>
func.func @padded(%x: tensor<1x1x2x2xui8>) -> tensor<1x1x2x2xf32> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %z = "onnx.Constant"() {value = dense<3> : tensor<ui8>} : () -> tensor<ui8>
  %w = "onnx.Constant"() {value = dense<1> : tensor<1x1x3x3xi8>} : () -> tensor<1x1x3x3xi8>
  %dx = "onnx.DequantizeLinear"(%x, %s, %z) : (tensor<1x1x2x2xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x1x2x2xf32>
  %dw = "onnx.DequantizeLinear"(%w, %s) : (tensor<1x1x3x3xi8>, tensor<f32>) -> tensor<1x1x3x3xf32>
  %y = "onnx.Conv"(%dx, %dw) {pads = array<i64: 1, 1, 1, 1>} : (tensor<1x1x2x2xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x2x2xf32>
  return %y : tensor<1x1x2x2xf32>
}

// Weights that do not fit a signed byte keep a zero point.
// CHECK-LABEL: func.func @wide_weights
// CHECK: %[[Z:.*]] = "onnx.Constant"() <{value = dense<-125> : tensor<i8>}>
// CHECK: "onnx.MatMulInteger"(%arg0, %{{.*}}, %[[Z]]) <{operandSegmentSizes = array<i32: 1, 1, 0, 1>}>
func.func @wide_weights(%x: tensor<1x2xui8>) -> tensor<1x1xf32> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %z = "onnx.Constant"() {value = dense<3> : tensor<ui8>} : () -> tensor<ui8>
  %w = "onnx.Constant"() {value = dense<[[255], [0]]> : tensor<2x1xui8>} : () -> tensor<2x1xui8>
  %dx = "onnx.DequantizeLinear"(%x, %s) : (tensor<1x2xui8>, tensor<f32>) -> tensor<1x2xf32>
  %dw = "onnx.DequantizeLinear"(%w, %s, %z) : (tensor<2x1xui8>, tensor<f32>, tensor<ui8>) -> tensor<2x1xf32>
  %y = "onnx.MatMul"(%dx, %dw) : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
  return %y : tensor<1x1xf32>
}

// CHECK-LABEL: func.func @gemm
// CHECK: "onnx.Transpose"({{.*}} -> tensor<2x3xi8>
// CHECK: "onnx.MatMulInteger"
// CHECK: dense<[1.250000e-01, 2.500000e-01, 5.000000e-01]>
// CHECK: %[[M:.*]] = "onnx.Mul"
// CHECK: "onnx.Add"(%[[M]], %arg1) {{.*}} -> tensor<1x3xf32>
func.func @gemm(%x: tensor<1x2xi8>, %c: tensor<3xf32>) -> tensor<1x3xf32> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %ws = "onnx.Constant"() {value = dense<[0.25, 0.5, 1.0]> : tensor<3xf32>} : () -> tensor<3xf32>
  %w = "onnx.Constant"() {value = dense<1> : tensor<3x2xi8>} : () -> tensor<3x2xi8>
  %dx = "onnx.DequantizeLinear"(%x, %s) : (tensor<1x2xi8>, tensor<f32>) -> tensor<1x2xf32>
  %dw = "onnx.DequantizeLinear"(%w, %ws) {axis = 0 : i64} : (tensor<3x2xi8>, tensor<3xf32>) -> tensor<3x2xf32>
  %y = "onnx.Gemm"(%dx, %dw, %c) {transB = 1 : i64} : (tensor<1x2xf32>, tensor<3x2xf32>, tensor<3xf32>) -> tensor<1x3xf32>
  return %y : tensor<1x3xf32>
}

// Scales along the summed axis cannot be taken out of the sum.
// CHECK-LABEL: func.func @scales_of_rows
// CHECK: "onnx.MatMul"(
func.func @scales_of_rows(%x: tensor<1x2xi8>) -> tensor<1x3xf32> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %ws = "onnx.Constant"() {value = dense<[0.25, 0.5]> : tensor<2xf32>} : () -> tensor<2xf32>
  %w = "onnx.Constant"() {value = dense<1> : tensor<2x3xi8>} : () -> tensor<2x3xi8>
  %dx = "onnx.DequantizeLinear"(%x, %s) : (tensor<1x2xi8>, tensor<f32>) -> tensor<1x2xf32>
  %dw = "onnx.DequantizeLinear"(%w, %ws) {axis = 0 : i64} : (tensor<2x3xi8>, tensor<2xf32>) -> tensor<2x3xf32>
  %y = "onnx.MatMul"(%dx, %dw) : (tensor<1x2xf32>, tensor<2x3xf32>) -> tensor<1x3xf32>
  return %y : tensor<1x3xf32>
}

// A bias that could overflow the sums is added to the real numbers.
// CHECK-LABEL: func.func @large_bias
// CHECK: %[[S:.*]] = "onnx.MatMulInteger"
// CHECK: "onnx.Cast"(%[[S]])
// CHECK: "onnx.Add"({{.*}} -> tensor<1x1xf32>
func.func @large_bias(%x: tensor<1x2xui8>) -> tensor<1x1xf32> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %bs = "onnx.Constant"() {value = dense<0.25> : tensor<f32>} : () -> tensor<f32>
  %w = "onnx.Constant"() {value = dense<1> : tensor<2x1xi8>} : () -> tensor<2x1xi8>
  %b = "onnx.Constant"() {value = dense<2000000000> : tensor<1xi32>} : () -> tensor<1xi32>
  %dx = "onnx.DequantizeLinear"(%x, %s) : (tensor<1x2xui8>, tensor<f32>) -> tensor<1x2xf32>
  %dw = "onnx.DequantizeLinear"(%w, %s) : (tensor<2x1xi8>, tensor<f32>) -> tensor<2x1xf32>
  %db = "onnx.DequantizeLinear"(%b, %bs) : (tensor<1xi32>, tensor<f32>) -> tensor<1xf32>
  %y = "onnx.Gemm"(%dx, %dw, %db) : (tensor<1x2xf32>, tensor<2x1xf32>, tensor<1xf32>) -> tensor<1x1xf32>
  return %y : tensor<1x1xf32>
}
