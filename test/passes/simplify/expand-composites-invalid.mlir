// RUN: ashlar-opt %s --ashlar-expand-composites --verify-diagnostics

func.func @too_few_scales(%a: tensor<3x32xf32>) -> tensor<3x1xf32> {
  %b = "onnx.Constant"() {value = dense<152> : tensor<1x2x8xui8>} : () -> tensor<1x2x8xui8>
  %s = "onnx.Constant"() {value = dense<2.0> : tensor<1xf32>} : () -> tensor<1xf32>
  // expected-error @below {{has weights, scales or zero points of other sizes than K, N, bits and block_size ask for}}
  %y = "onnx.ms.MatMulNBits"(%a, %b, %s) {K = 32 : i64, N = 1 : i64, bits = 4 : i64, block_size = 16 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>} : (tensor<3x32xf32>, tensor<1x2x8xui8>, tensor<1xf32>) -> tensor<3x1xf32>
  return %y : tensor<3x1xf32>
}
