// RUN: ashlar-opt %s --ashlar-convert-onnx --canonicalize --cse | FileCheck %s

// The input's part of all gates is one product; the recurrent part is one in each step; states change in place.
// CHECK-LABEL: func.func @lstm
// CHECK: nn.matmul {{.*}} : tensor<?x4xf32>, tensor<4x12xf32>, tensor<?x12xf32>
// CHECK: scf.for {{.*}} iter_args(%[[H:.*]] = %{{.*}}, %[[C:.*]] = %{{.*}}, %{{.*}} = %{{.*}})
// CHECK: nn.matmul %[[H]], {{.*}} : tensor<?x3xf32>, tensor<3x12xf32>, tensor<?x12xf32>
// CHECK: linalg.generic {{.*}} outs(%[[H]], %[[C]]
// CHECK: math.tanh
func.func @lstm(%x: tensor<?x?x4xf32>, %w: tensor<1x12x4xf32>, %r: tensor<1x12x3xf32>, %h: tensor<1x?x3xf32>, %c: tensor<1x?x3xf32>) -> tensor<?x1x?x3xf32> {
  %y = "onnx.LSTM"(%x, %w, %r, %h, %c) {direction = "forward", input_forget = 0 : i64, layout = 0 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 1, 1, 0>, resultSegmentSizes = array<i32: 1, 0, 0>} : (tensor<?x?x4xf32>, tensor<1x12x4xf32>, tensor<1x12x3xf32>, tensor<1x?x3xf32>, tensor<1x?x3xf32>) -> tensor<?x1x?x3xf32>
  return %y : tensor<?x1x?x3xf32>
}

// Without linear_before_reset the candidate's product needs the reset gate first. f16 is computed in f32.
// CHECK-LABEL: func.func @gru
// CHECK: arith.extf
// CHECK: scf.for
// CHECK: nn.matmul {{.*}} : tensor<3x3xf32>, tensor<3x6xf32>, tensor<3x6xf32>
// CHECK: nn.matmul {{.*}} : tensor<3x3xf32>, tensor<3x3xf32>, tensor<3x3xf32>
// CHECK: arith.truncf
func.func @gru(%x: tensor<3x2x4xf16>, %w: tensor<1x9x4xf16>, %r: tensor<1x9x3xf16>) -> tensor<3x2x1x3xf16> {
  %y = "onnx.GRU"(%x, %w, %r) {direction = "reverse", linear_before_reset = 0 : i64, layout = 1 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0>} : (tensor<3x2x4xf16>, tensor<1x9x4xf16>, tensor<1x9x3xf16>) -> tensor<3x2x1x3xf16>
  return %y : tensor<3x2x1x3xf16>
}

// CHECK-LABEL: func.func @rnn_f64
// CHECK-NOT: nn.matmul
// CHECK: scf.for
func.func @rnn_f64(%x: tensor<3x2x4xf64>, %w: tensor<1x3x4xf64>, %r: tensor<1x3x3xf64>) -> tensor<1x2x3xf64> {
  %y = "onnx.RNN"(%x, %w, %r) {direction = "forward", activations = ["Tanh", "Tanh"], layout = 0 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>, resultSegmentSizes = array<i32: 0, 1>} : (tensor<3x2x4xf64>, tensor<1x3x4xf64>, tensor<1x3x3xf64>) -> tensor<1x2x3xf64>
  return %y : tensor<1x2x3xf64>
}

// Bytes of all steps of the input in one product, bytes of the state in each step. Sums are exact; what the zero points
// add is taken from them. The gates are floats.
// CHECK-LABEL: func.func @dynamic_lstm
// CHECK: nn.matmul {{.*}} : tensor<10x4xi8>, tensor<4x12xi8>, tensor<10x12xi32>
// CHECK: scf.for
// CHECK: nn.matmul {{.*}} : tensor<2x3xi8>, tensor<3x12xi8>, tensor<2x12xi32>
// CHECK: math.tanh
func.func @dynamic_lstm(%x: tensor<5x2x4xf32>, %s: tensor<1x12xf32>) -> tensor<5x1x2x3xf32> {
  %w = "onnx.Constant"() {value = dense<1> : tensor<1x4x12xi8>} : () -> tensor<1x4x12xi8>
  %r = "onnx.Constant"() {value = dense<2> : tensor<1x3x12xi8>} : () -> tensor<1x3x12xi8>
  %z = "onnx.Constant"() {value = dense<0> : tensor<1x12xi8>} : () -> tensor<1x12xi8>
  %y = "onnx.ms.DynamicQuantizeLSTM"(%x, %w, %r, %s, %z, %s, %z) {direction = "forward", input_forget = 0 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1>, resultSegmentSizes = array<i32: 1, 0, 0>} : (tensor<5x2x4xf32>, tensor<1x4x12xi8>, tensor<1x3x12xi8>, tensor<1x12xf32>, tensor<1x12xi8>, tensor<1x12xf32>, tensor<1x12xi8>) -> tensor<5x1x2x3xf32>
  return %y : tensor<5x1x2x3xf32>
}

// The quantize stage has multiplied the input: each direction takes its part.
// CHECK-LABEL: func.func @projected
// CHECK-SAME: (%[[X:.*]]: tensor<3x1x24xf32>,
// CHECK-NOT: nn.matmul %[[X]]
// CHECK: tensor.extract_slice %[[X]][0, 0, 0] [3, 1, 12]
// CHECK: tensor.extract_slice %[[X]][0, 0, 12] [3, 1, 12]
func.func @projected(%x: tensor<3x1x24xf32>, %w: tensor<2x12x4xf32>, %r: tensor<2x12x3xf32>) -> tensor<3x2x1x3xf32> {
  %y = "onnx.LSTM"(%x, %w, %r) {ashlar.input_projected, direction = "bidirectional", input_forget = 0 : i64, layout = 0 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0>} : (tensor<3x1x24xf32>, tensor<2x12x4xf32>, tensor<2x12x3xf32>) -> tensor<3x2x1x3xf32>
  return %y : tensor<3x2x1x3xf32>
}
