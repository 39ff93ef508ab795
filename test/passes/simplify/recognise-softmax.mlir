// RUN: ashlar-opt %s --ashlar-recognise-softmax | FileCheck %s

// CHECK-LABEL: func.func @decomposed
// CHECK: "onnx.Softmax"(%arg0) <{axis = 1 : i64}>
func.func @decomposed(%x: tensor<2x3x8xf32>) -> tensor<2x3x8xf32> {
  %axes = "onnx.Constant"() {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
  %m = "onnx.ReduceMax"(%x, %axes) {keepdims = 1 : i64} : (tensor<2x3x8xf32>, tensor<1xi64>) -> tensor<2x1x8xf32>
  %d = "onnx.Sub"(%x, %m) : (tensor<2x3x8xf32>, tensor<2x1x8xf32>) -> tensor<2x3x8xf32>
  %e = "onnx.Exp"(%d) : (tensor<2x3x8xf32>) -> tensor<2x3x8xf32>
  %s = "onnx.ReduceSum"(%e, %axes) {keepdims = 1 : i64} : (tensor<2x3x8xf32>, tensor<1xi64>) -> tensor<2x1x8xf32>
  %y = "onnx.Div"(%e, %s) : (tensor<2x3x8xf32>, tensor<2x1x8xf32>) -> tensor<2x3x8xf32>
  return %y : tensor<2x3x8xf32>
}
