// RUN: ashlar-opt %s --split-input-file --ashlar-recognise-layer-norm | FileCheck %s

// CHECK-LABEL: func.func @scale_and_shift
// CHECK: "onnx.LayerNormalization"(%arg0, %arg1, %arg2) <{axis = -1 : i64, epsilon = 9.99999974E-6 : f32
// CHECK-NEXT: return
func.func @scale_and_shift(%x: tensor<2x3x8xf32>, %g: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<2x3x8xf32> {
  %axes = "onnx.Constant"() {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %two = "onnx.Constant"() {value = dense<2.0> : tensor<f32>} : () -> tensor<f32>
  %eps = "onnx.Constant"() {value = dense<1.0e-5> : tensor<f32>} : () -> tensor<f32>
  %m = "onnx.ReduceMean"(%x, %axes) {keepdims = 1 : i64} : (tensor<2x3x8xf32>, tensor<1xi64>) -> tensor<2x3x1xf32>
  %d = "onnx.Sub"(%x, %m) : (tensor<2x3x8xf32>, tensor<2x3x1xf32>) -> tensor<2x3x8xf32>
  %p = "onnx.Pow"(%d, %two) : (tensor<2x3x8xf32>, tensor<f32>) -> tensor<2x3x8xf32>
  %v = "onnx.ReduceMean"(%p, %axes) {keepdims = 1 : i64} : (tensor<2x3x8xf32>, tensor<1xi64>) -> tensor<2x3x1xf32>
  %e = "onnx.Add"(%v, %eps) : (tensor<2x3x1xf32>, tensor<f32>) -> tensor<2x3x1xf32>
  %s = "onnx.Sqrt"(%e) : (tensor<2x3x1xf32>) -> tensor<2x3x1xf32>
  %n = "onnx.Div"(%d, %s) : (tensor<2x3x8xf32>, tensor<2x3x1xf32>) -> tensor<2x3x8xf32>
  %ng = "onnx.Mul"(%n, %g) : (tensor<2x3x8xf32>, tensor<8xf32>) -> tensor<2x3x8xf32>
  %y = "onnx.Add"(%b, %ng) : (tensor<8xf32>, tensor<2x3x8xf32>) -> tensor<2x3x8xf32>
  return %y : tensor<2x3x8xf32>
}

// -----

// Over two axes, by a product with the reciprocal, without scale: ones.
// CHECK-LABEL: func.func @two_axes
// CHECK: %[[ONES:.*]] = "onnx.Constant"() <{value = dense<1.000000e+00> : tensor<3x8xf32>}>
// CHECK: "onnx.LayerNormalization"(%arg0, %[[ONES]]) <{axis = -2 : i64
func.func @two_axes(%x: tensor<2x3x8xf32>) -> tensor<2x3x8xf32> {
  %axes = "onnx.Constant"() {value = dense<[1, 2]> : tensor<2xi64>} : () -> tensor<2xi64>
  %eps = "onnx.Constant"() {value = dense<1.0e-5> : tensor<f32>} : () -> tensor<f32>
  %m = "onnx.ReduceMean"(%x, %axes) {keepdims = 1 : i64} : (tensor<2x3x8xf32>, tensor<2xi64>) -> tensor<2x1x1xf32>
  %d = "onnx.Sub"(%x, %m) : (tensor<2x3x8xf32>, tensor<2x1x1xf32>) -> tensor<2x3x8xf32>
  %p = "onnx.Mul"(%d, %d) : (tensor<2x3x8xf32>, tensor<2x3x8xf32>) -> tensor<2x3x8xf32>
  %v = "onnx.ReduceMean"(%p, %axes) {keepdims = 1 : i64} : (tensor<2x3x8xf32>, tensor<2xi64>) -> tensor<2x1x1xf32>
  %e = "onnx.Add"(%eps, %v) : (tensor<f32>, tensor<2x1x1xf32>) -> tensor<2x1x1xf32>
  %s = "onnx.Sqrt"(%e) : (tensor<2x1x1xf32>) -> tensor<2x1x1xf32>
  %r = "onnx.Reciprocal"(%s) : (tensor<2x1x1xf32>) -> tensor<2x1x1xf32>
  %y = "onnx.Mul"(%d, %r) : (tensor<2x3x8xf32>, tensor<2x1x1xf32>) -> tensor<2x3x8xf32>
  return %y : tensor<2x3x8xf32>
}

// -----

// The mean over leading axes is no layer's.
// CHECK-LABEL: func.func @leading
// CHECK-NOT: onnx.LayerNormalization
func.func @leading(%x: tensor<2x3x8xf32>) -> tensor<2x3x8xf32> {
  %axes = "onnx.Constant"() {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %eps = "onnx.Constant"() {value = dense<1.0e-5> : tensor<f32>} : () -> tensor<f32>
  %m = "onnx.ReduceMean"(%x, %axes) {keepdims = 1 : i64} : (tensor<2x3x8xf32>, tensor<1xi64>) -> tensor<1x3x8xf32>
  %d = "onnx.Sub"(%x, %m) : (tensor<2x3x8xf32>, tensor<1x3x8xf32>) -> tensor<2x3x8xf32>
  %p = "onnx.Mul"(%d, %d) : (tensor<2x3x8xf32>, tensor<2x3x8xf32>) -> tensor<2x3x8xf32>
  %v = "onnx.ReduceMean"(%p, %axes) {keepdims = 1 : i64} : (tensor<2x3x8xf32>, tensor<1xi64>) -> tensor<1x3x8xf32>
  %e = "onnx.Add"(%v, %eps) : (tensor<1x3x8xf32>, tensor<f32>) -> tensor<1x3x8xf32>
  %s = "onnx.Sqrt"(%e) : (tensor<1x3x8xf32>) -> tensor<1x3x8xf32>
  %y = "onnx.Div"(%d, %s) : (tensor<2x3x8xf32>, tensor<1x3x8xf32>) -> tensor<2x3x8xf32>
  return %y : tensor<2x3x8xf32>
}
