// RUN: ashlar-opt %s --split-input-file --ashlar-recognise-rms-norm | FileCheck %s

// CHECK-LABEL: func.func @reciprocal
// CHECK: "onnx.RMSNormalization"(%arg0, %arg1) <{axis = -1 : i64, epsilon = 9.99999974E-6 : f32
// CHECK-NEXT: return
func.func @reciprocal(%x: tensor<2x3x8xf32>, %g: tensor<8xf32>) -> tensor<2x3x8xf32> {
  %axes = "onnx.Constant"() {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %two = "onnx.Constant"() {value = dense<2.0> : tensor<f32>} : () -> tensor<f32>
  %one = "onnx.Constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %eps = "onnx.Constant"() {value = dense<1.0e-5> : tensor<f32>} : () -> tensor<f32>
  %p = "onnx.Pow"(%x, %two) : (tensor<2x3x8xf32>, tensor<f32>) -> tensor<2x3x8xf32>
  %m = "onnx.ReduceMean"(%p, %axes) {keepdims = 1 : i64} : (tensor<2x3x8xf32>, tensor<1xi64>) -> tensor<2x3x1xf32>
  %e = "onnx.Add"(%m, %eps) : (tensor<2x3x1xf32>, tensor<f32>) -> tensor<2x3x1xf32>
  %s = "onnx.Sqrt"(%e) : (tensor<2x3x1xf32>) -> tensor<2x3x1xf32>
  %r = "onnx.Div"(%one, %s) : (tensor<f32>, tensor<2x3x1xf32>) -> tensor<2x3x1xf32>
  %n = "onnx.Mul"(%x, %r) : (tensor<2x3x8xf32>, tensor<2x3x1xf32>) -> tensor<2x3x8xf32>
  %y = "onnx.Mul"(%g, %n) : (tensor<8xf32>, tensor<2x3x8xf32>) -> tensor<2x3x8xf32>
  return %y : tensor<2x3x8xf32>
}

// -----

// The mean of another tensor's squares normalizes nothing.
// CHECK-LABEL: func.func @other
// CHECK-NOT: onnx.RMSNormalization
func.func @other(%x: tensor<2x8xf32>, %z: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %axes = "onnx.Constant"() {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %eps = "onnx.Constant"() {value = dense<1.0e-5> : tensor<f32>} : () -> tensor<f32>
  %p = "onnx.Mul"(%z, %z) : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %m = "onnx.ReduceMean"(%p, %axes) {keepdims = 1 : i64} : (tensor<2x8xf32>, tensor<1xi64>) -> tensor<2x1xf32>
  %e = "onnx.Add"(%m, %eps) : (tensor<2x1xf32>, tensor<f32>) -> tensor<2x1xf32>
  %s = "onnx.Sqrt"(%e) : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %y = "onnx.Div"(%x, %s) : (tensor<2x8xf32>, tensor<2x1xf32>) -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}
