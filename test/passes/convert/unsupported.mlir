// RUN: not ashlar-opt %s --ashlar-convert-onnx 2>&1 | FileCheck %s

// All problems in one run, each with its reason.
// CHECK: operator 'Abs' is not supported with elements of type complex<f32>
// CHECK: operator 'Softmax' is not supported with an axis outside the rank of its input
func.func @main(%x: tensor<4xcomplex<f32>>, %y: tensor<4xf32>) -> (tensor<4xcomplex<f32>>, tensor<4xf32>) {
  %0 = "onnx.Abs"(%x) : (tensor<4xcomplex<f32>>) -> tensor<4xcomplex<f32>>
  %1 = "onnx.Softmax"(%y) {axis = 3 : i64} : (tensor<4xf32>) -> tensor<4xf32>
  return %0, %1 : tensor<4xcomplex<f32>>, tensor<4xf32>
}
