// RUN: ashlar-opt %s --split-input-file --ashlar-clean-graph | FileCheck %s

// CHECK-LABEL: func.func @nothing
// CHECK-NEXT: return %arg0
func.func @nothing(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %p = "onnx.Constant"() {value = dense<0> : tensor<4xi64>} : () -> tensor<4xi64>
  %a = "onnx.Identity"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %b = "onnx.Dropout"(%a) {operandSegmentSizes = array<i32: 1, 0, 0>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %c = "onnx.Cast"(%b) {to = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %d = "onnx.Pad"(%c, %p) {operandSegmentSizes = array<i32: 1, 1, 0, 0>} : (tensor<2x3xf32>, tensor<4xi64>) -> tensor<2x3xf32>
  %e = "onnx.Concat"(%d) {axis = 0 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %f = "onnx.Transpose"(%e) : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %g = "onnx.Transpose"(%f) {perm = array<i64: 1, 0>} : (tensor<3x2xf32>) -> tensor<2x3xf32>
  return %g : tensor<2x3xf32>
}

// -----

// CHECK-LABEL: func.func @reshapes
// CHECK: %[[T:.*]] = "onnx.Constant"() <{value = dense<[3, 2]> : tensor<2xi64>}>
// CHECK: %[[R:.*]] = "onnx.Reshape"(%arg0, %[[T]])
// CHECK: return %[[R]]
func.func @reshapes(%x: tensor<2x1x3xf32>) -> tensor<3x2xf32> {
  %ax = "onnx.Constant"() {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
  %t = "onnx.Constant"() {value = dense<[3, 2]> : tensor<2xi64>} : () -> tensor<2xi64>
  %a = "onnx.Squeeze"(%x, %ax) : (tensor<2x1x3xf32>, tensor<1xi64>) -> tensor<2x3xf32>
  %b = "onnx.Flatten"(%a) {axis = 0 : i64} : (tensor<2x3xf32>) -> tensor<1x6xf32>
  %c = "onnx.Reshape"(%b, %t) : (tensor<1x6xf32>, tensor<2xi64>) -> tensor<3x2xf32>
  return %c : tensor<3x2xf32>
}

// -----

// Moving unit dims only renames.
// CHECK-LABEL: func.func @unit_transpose
// CHECK-NOT: Transpose
// CHECK: onnx.Reshape
func.func @unit_transpose(%x: tensor<1x5x1x3xf32>) -> tensor<5x1x3x1xf32> {
  %a = "onnx.Transpose"(%x) {perm = array<i64: 1, 0, 3, 2>} : (tensor<1x5x1x3xf32>) -> tensor<5x1x3x1xf32>
  return %a : tensor<5x1x3x1xf32>
}

// -----

// CHECK-LABEL: func.func @branch
// CHECK-NOT: onnx.If
// CHECK: onnx.Relu
// CHECK-NOT: onnx.Abs
func.func @branch(%x: tensor<3xf32>) -> tensor<3xf32> {
  %c = "onnx.Constant"() {value = dense<true> : tensor<i1>} : () -> tensor<i1>
  %r = "onnx.If"(%c) ({
    %no = "onnx.Abs"(%x) : (tensor<3xf32>) -> tensor<3xf32>
    "onnx.Yield"(%no) : (tensor<3xf32>) -> ()
  }, {
    %yes = "onnx.Relu"(%x) : (tensor<3xf32>) -> tensor<3xf32>
    "onnx.Yield"(%yes) : (tensor<3xf32>) -> ()
  }) : (tensor<i1>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

// -----

// CHECK-LABEL: func.func @no_iteration
// CHECK: dense<> : tensor<0x2xf32>
// CHECK-NOT: onnx.Loop
func.func @no_iteration(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<0x2xf32>) {
  %m = "onnx.Constant"() {value = dense<0> : tensor<i64>} : () -> tensor<i64>
  %c = "onnx.Constant"() {value = dense<true> : tensor<i1>} : () -> tensor<i1>
  %r:2 = "onnx.Loop"(%m, %c, %x) ({
  ^bb0(%i: tensor<i64>, %go: tensor<i1>, %v: tensor<2xf32>):
    %n = "onnx.Relu"(%v) : (tensor<2xf32>) -> tensor<2xf32>
    "onnx.Yield"(%go, %n, %v) : (tensor<i1>, tensor<2xf32>, tensor<2xf32>) -> ()
  }) {operandSegmentSizes = array<i32: 1, 1, 1>} : (tensor<i64>, tensor<i1>, tensor<2xf32>) -> (tensor<2xf32>, tensor<0x2xf32>)
  return %r#0, %r#1 : tensor<2xf32>, tensor<0x2xf32>
}
