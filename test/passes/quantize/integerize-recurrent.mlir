// RUN: ashlar-opt %s --ashlar-integerize-recurrent | FileCheck %s

// One product for all steps; what the zero point adds is a constant.
// CHECK-LABEL: func.func @lstm
// CHECK-SAME: (%[[X:.*]]: tensor<5x1x2xui8>,
// CHECK: %[[SUMS:.*]] = "onnx.MatMulInteger"(%[[X]], %{{.*}}) {{.*}} : (tensor<5x1x2xui8>, tensor<2x4xi8>) -> tensor<5x1x4xi32>
// CHECK: dense<{{.*}}> : tensor<4xi32>
// CHECK: %[[COUNTED:.*]] = "onnx.Add"(%[[SUMS]],
// CHECK: %[[REAL:.*]] = "onnx.Cast"(%[[COUNTED]])
// CHECK: %[[P:.*]] = "onnx.Mul"(%[[REAL]],
// CHECK: "onnx.LSTM"(%[[P]], {{.*}}ashlar.input_projected
func.func @lstm(%x: tensor<5x1x2xui8>, %r: tensor<1x4x1xf32>) -> tensor<5x1x1x1xf32> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %z = "onnx.Constant"() {value = dense<3> : tensor<ui8>} : () -> tensor<ui8>
  %dx = "onnx.DequantizeLinear"(%x, %s, %z) {axis = 1 : i64, block_size = 0 : i64, output_dtype = 0 : i64} : (tensor<5x1x2xui8>, tensor<f32>, tensor<ui8>) -> tensor<5x1x2xf32>
  %w = "onnx.Constant"() {value = dense<[[[1, 2], [3, 4], [5, 6], [7, -8]]]> : tensor<1x4x2xi8>} : () -> tensor<1x4x2xi8>
  %ws = "onnx.Constant"() {value = dense<[0.5, 0.25, 1.0, 2.0]> : tensor<4xf32>} : () -> tensor<4xf32>
  %wz = "onnx.Constant"() {value = dense<0> : tensor<4xi8>} : () -> tensor<4xi8>
  %dw = "onnx.DequantizeLinear"(%w, %ws, %wz) {axis = 1 : i64, block_size = 0 : i64, output_dtype = 0 : i64} : (tensor<1x4x2xi8>, tensor<4xf32>, tensor<4xi8>) -> tensor<1x4x2xf32>
  %y = "onnx.LSTM"(%dx, %dw, %r) {direction = "forward", input_forget = 0 : i64, layout = 0 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0>} : (tensor<5x1x2xf32>, tensor<1x4x2xf32>, tensor<1x4x1xf32>) -> tensor<5x1x1x1xf32>
  return %y : tensor<5x1x1x1xf32>
}

// A product for each direction, side by side.
// CHECK-LABEL: func.func @both
// CHECK-COUNT-2: "onnx.MatMulInteger"{{.*}} -> tensor<?x1x3xi32>
// CHECK: "onnx.Concat"{{.*}} -> tensor<?x1x6xf32>
// CHECK: "onnx.GRU"{{.*}}ashlar.input_projected
func.func @both(%x: tensor<?x1x2xui8>, %r: tensor<2x3x1xf32>) -> tensor<?x2x1x1xf32> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %z = "onnx.Constant"() {value = dense<0> : tensor<ui8>} : () -> tensor<ui8>
  %dx = "onnx.DequantizeLinear"(%x, %s, %z) {axis = 1 : i64, block_size = 0 : i64, output_dtype = 0 : i64} : (tensor<?x1x2xui8>, tensor<f32>, tensor<ui8>) -> tensor<?x1x2xf32>
  %w = "onnx.Constant"() {value = dense<1> : tensor<2x3x2xi8>} : () -> tensor<2x3x2xi8>
  %ws = "onnx.Constant"() {value = dense<[0.5, 0.25]> : tensor<2xf32>} : () -> tensor<2xf32>
  %wz = "onnx.Constant"() {value = dense<0> : tensor<2xi8>} : () -> tensor<2xi8>
  %dw = "onnx.DequantizeLinear"(%w, %ws, %wz) {axis = 0 : i64, block_size = 0 : i64, output_dtype = 0 : i64} : (tensor<2x3x2xi8>, tensor<2xf32>, tensor<2xi8>) -> tensor<2x3x2xf32>
  %y = "onnx.GRU"(%dx, %dw, %r) {direction = "bidirectional", layout = 0 : i64, linear_before_reset = 0 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0>} : (tensor<?x1x2xf32>, tensor<2x3x2xf32>, tensor<2x3x1xf32>) -> tensor<?x2x1x1xf32>
  return %y : tensor<?x2x1x1xf32>
}

// Weights that are no constant stay, and so does an input in floats.
// CHECK-LABEL: func.func @floats
// CHECK-NOT: onnx.MatMulInteger
// CHECK-NOT: ashlar.input_projected
func.func @floats(%x: tensor<5x1x2xf32>, %r: tensor<1x1x1xf32>, %w: tensor<1x1x2xi8>) -> tensor<5x1x1x1xf32> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %z = "onnx.Constant"() {value = dense<0> : tensor<i8>} : () -> tensor<i8>
  %dw = "onnx.DequantizeLinear"(%w, %s, %z) {axis = 1 : i64, block_size = 0 : i64, output_dtype = 0 : i64} : (tensor<1x1x2xi8>, tensor<f32>, tensor<i8>) -> tensor<1x1x2xf32>
  %y = "onnx.RNN"(%x, %dw, %r) {direction = "forward", activations = ["Tanh"], layout = 0 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0>} : (tensor<5x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x1xf32>) -> tensor<5x1x1x1xf32>
  return %y : tensor<5x1x1x1xf32>
}
