// RUN: ashlar-opt %s --ashlar-convert-onnx --canonicalize --cse | FileCheck %s

// A shape that is computed from sizes stays scalar: no tensor of integers, no check.
// CHECK-LABEL: func.func @reshape_by_sizes
// CHECK-NOT: nn.require
// CHECK: %[[B:.*]] = tensor.dim %arg0, %c0
// CHECK: %[[S:.*]] = tensor.dim %arg0, %c1
// CHECK: tensor.expand_shape %arg0 {{\[\[}}0], [1], [2, 3]] output_shape [%[[B]], %[[S]], 12, 64]
func.func @reshape_by_sizes(%x: tensor<?x?x768xf32>) -> tensor<?x?x12x64xf32> {
  %s = "onnx.Shape"(%x) {start = 0 : i64} : (tensor<?x?x768xf32>) -> tensor<3xi64>
  %first = "onnx.Constant"() {value = dense<0> : tensor<i64>} : () -> tensor<i64>
  %second = "onnx.Constant"() {value = dense<1> : tensor<i64>} : () -> tensor<i64>
  %axis = "onnx.Constant"() {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %heads = "onnx.Constant"() {value = dense<[12, 64]> : tensor<2xi64>} : () -> tensor<2xi64>
  %a = "onnx.Gather"(%s, %first) {axis = 0 : i64} : (tensor<3xi64>, tensor<i64>) -> tensor<i64>
  %b = "onnx.Gather"(%s, %second) {axis = 0 : i64} : (tensor<3xi64>, tensor<i64>) -> tensor<i64>
  %a1 = "onnx.Unsqueeze"(%a, %axis) : (tensor<i64>, tensor<1xi64>) -> tensor<1xi64>
  %b1 = "onnx.Unsqueeze"(%b, %axis) : (tensor<i64>, tensor<1xi64>) -> tensor<1xi64>
  %c = "onnx.Concat"(%a1, %b1, %heads) {axis = 0 : i64} : (tensor<1xi64>, tensor<1xi64>, tensor<2xi64>) -> tensor<4xi64>
  %r = "onnx.Reshape"(%x, %c) {allowzero = 0 : i64} : (tensor<?x?x768xf32>, tensor<4xi64>) -> tensor<?x?x12x64xf32>
  return %r : tensor<?x?x12x64xf32>
}

// 0 copies a size, -1 follows from the others.
// CHECK-LABEL: func.func @reshape_inferred
// CHECK-NEXT: tensor.collapse_shape %arg0 {{\[\[}}0], [1, 2]]
func.func @reshape_inferred(%x: tensor<?x4x6xf32>) -> tensor<?x24xf32> {
  %s = "onnx.Constant"() {value = dense<[0, -1]> : tensor<2xi64>} : () -> tensor<2xi64>
  %r = "onnx.Reshape"(%x, %s) {allowzero = 0 : i64} : (tensor<?x4x6xf32>, tensor<2xi64>) -> tensor<?x24xf32>
  return %r : tensor<?x24xf32>
}

// A shape that only the running program knows must be the declared one.
// CHECK-LABEL: func.func @reshape_by_data
// CHECK-COUNT-2: nn.require {{.*}} "the new shape differs from the declared one" {status = 14 : i32}
// CHECK: tensor.expand_shape
func.func @reshape_by_data(%x: tensor<2x3x4xf32>, %s: tensor<2xi64>) -> tensor<4x6xf32> {
  %r = "onnx.Reshape"(%x, %s) {allowzero = 0 : i64} : (tensor<2x3x4xf32>, tensor<2xi64>) -> tensor<4x6xf32>
  return %r : tensor<4x6xf32>
}

// CHECK-LABEL: func.func @squeeze_checked
// CHECK: nn.require {{.*}} "a squeezed axis has not size 1"
func.func @squeeze_checked(%x: tensor<?x4xf32>) -> tensor<4xf32> {
  %axis = "onnx.Constant"() {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %r = "onnx.Squeeze"(%x, %axis) : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}
