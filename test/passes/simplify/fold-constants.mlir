// RUN: ashlar-opt %s --split-input-file --ashlar-fold-constants | FileCheck %s

// CHECK-LABEL: func.func @arithmetic
// CHECK: dense<[5.000000e+00, 8.000000e+00]> : tensor<2xf32>
// CHECK-NEXT: return
func.func @arithmetic() -> tensor<2xf32> {
  %a = "onnx.Constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %b = "onnx.Constant"() {value = dense<3.0> : tensor<f32>} : () -> tensor<f32>
  %c = "onnx.Constant"() {value = dense<2.0> : tensor<1xf32>} : () -> tensor<1xf32>
  %ab = "onnx.Mul"(%a, %b) : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  %r = "onnx.Add"(%ab, %c) : (tensor<2xf32>, tensor<1xf32>) -> tensor<2xf32>
  return %r : tensor<2xf32>
}

// -----

// CHECK-LABEL: func.func @transpose
// CHECK: dense<{{\[\[}}1, 4], [2, 5], [3, 6]]> : tensor<3x2xi32>
func.func @transpose() -> tensor<3x2xi32> {
  %a = "onnx.Constant"() {value = dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi32>} : () -> tensor<2x3xi32>
  %r = "onnx.Transpose"(%a) {perm = array<i64: 1, 0>} : (tensor<2x3xi32>) -> tensor<3x2xi32>
  return %r : tensor<3x2xi32>
}

// -----

// CHECK-LABEL: func.func @slice_back
// CHECK: dense<{{\[\[}}3, 2], [6, 5]]> : tensor<2x2xi32>
func.func @slice_back() -> tensor<2x2xi32> {
  %a = "onnx.Constant"() {value = dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi32>} : () -> tensor<2x3xi32>
  %s = "onnx.Constant"() {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %e = "onnx.Constant"() {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %x = "onnx.Constant"() {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
  %t = "onnx.Constant"() {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %r = "onnx.Slice"(%a, %s, %e, %x, %t) {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>} : (tensor<2x3xi32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<2x2xi32>
  return %r : tensor<2x2xi32>
}

// -----

// CHECK-LABEL: func.func @concat_gather
// CHECK: dense<{{\[\[}}3, 1, 3], [7, 5, 8]]> : tensor<2x3xi64>
func.func @concat_gather() -> tensor<2x3xi64> {
  %a = "onnx.Constant"() {value = dense<[[1, 2], [5, 6]]> : tensor<2x2xi64>} : () -> tensor<2x2xi64>
  %b = "onnx.Constant"() {value = dense<[[3, 3], [7, 8]]> : tensor<2x2xi64>} : () -> tensor<2x2xi64>
  %i = "onnx.Constant"() {value = dense<[2, 0, -1]> : tensor<3xi64>} : () -> tensor<3xi64>
  %ab = "onnx.Concat"(%a, %b) {axis = 1 : i64} : (tensor<2x2xi64>, tensor<2x2xi64>) -> tensor<2x4xi64>
  %r = "onnx.Gather"(%ab, %i) {axis = 1 : i64} : (tensor<2x4xi64>, tensor<3xi64>) -> tensor<2x3xi64>
  return %r : tensor<2x3xi64>
}

// -----

// Halves are computed in f32 and rounded once; comparisons give booleans; casts truncate.
// CHECK-LABEL: func.func @types
// CHECK-DAG: dense<[3.001950e+00, 6.103520e-05]> : tensor<2xf16>
// CHECK-DAG: dense<[true, false]> : tensor<2xi1>
// CHECK-DAG: dense<[-1, 2]> : tensor<2xi32>
func.func @types() -> (tensor<2xf16>, tensor<2xi1>, tensor<2xi32>) {
  %a = "onnx.Constant"() {value = dense<[1.0, 6.103515625e-05]> : tensor<2xf16>} : () -> tensor<2xf16>
  %b = "onnx.Constant"() {value = dense<[2.001, 0.0]> : tensor<2xf16>} : () -> tensor<2xf16>
  %c = "onnx.Constant"() {value = dense<[-1.7, 2.9]> : tensor<2xf32>} : () -> tensor<2xf32>
  %d = "onnx.Constant"() {value = dense<0.0> : tensor<f32>} : () -> tensor<f32>
  %r = "onnx.Add"(%a, %b) : (tensor<2xf16>, tensor<2xf16>) -> tensor<2xf16>
  %s = "onnx.Less"(%c, %d) : (tensor<2xf32>, tensor<f32>) -> tensor<2xi1>
  %t = "onnx.Cast"(%c) {to = 6 : i64} : (tensor<2xf32>) -> tensor<2xi32>
  return %r, %s, %t : tensor<2xf16>, tensor<2xi1>, tensor<2xi32>
}

// -----

// What makes the constants much larger stays.
// CHECK-LABEL: func.func @no_growth
// CHECK: onnx.Expand
func.func @no_growth() -> tensor<1024x1024xf32> {
  %a = "onnx.Constant"() {value = dense<1.0> : tensor<1x1xf32>} : () -> tensor<1x1xf32>
  %s = "onnx.Constant"() {value = dense<1024> : tensor<2xi64>} : () -> tensor<2xi64>
  %r = "onnx.Expand"(%a, %s) : (tensor<1x1xf32>, tensor<2xi64>) -> tensor<1024x1024xf32>
  return %r : tensor<1024x1024xf32>
}

// -----

// Division by zero is left to the run.
// CHECK-LABEL: func.func @no_division
// CHECK: onnx.Div
func.func @no_division() -> tensor<i64> {
  %a = "onnx.Constant"() {value = dense<1> : tensor<i64>} : () -> tensor<i64>
  %b = "onnx.Constant"() {value = dense<0> : tensor<i64>} : () -> tensor<i64>
  %r = "onnx.Div"(%a, %b) : (tensor<i64>, tensor<i64>) -> tensor<i64>
  return %r : tensor<i64>
}

// -----

// CHECK-LABEL: func.func @movement
// CHECK-DAG: dense<{{\[\[}}1, 1], [2, 2]]> : tensor<2x2xi32>
// CHECK-DAG: dense<[1, 2, 1, 2]> : tensor<4xi32>
// CHECK-DAG: dense<[5, 3, 1]> : tensor<3xi64>
// CHECK-DAG: dense<{{\[\[}}1], [2]]> : tensor<2x1xi32>
func.func @movement() -> (tensor<2x2xi32>, tensor<4xi32>, tensor<3xi64>, tensor<2x1xi32>) {
  %a = "onnx.Constant"() {value = dense<[1, 2]> : tensor<2xi32>} : () -> tensor<2xi32>
  %two = "onnx.Constant"() {value = dense<2> : tensor<2xi64>} : () -> tensor<2xi64>
  %two1 = "onnx.Constant"() {value = dense<2> : tensor<1xi64>} : () -> tensor<1xi64>
  %axes = "onnx.Constant"() {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
  %five = "onnx.Constant"() {value = dense<5> : tensor<i64>} : () -> tensor<i64>
  %zero = "onnx.Constant"() {value = dense<0> : tensor<i64>} : () -> tensor<i64>
  %down = "onnx.Constant"() {value = dense<-2> : tensor<i64>} : () -> tensor<i64>
  %u = "onnx.Unsqueeze"(%a, %axes) : (tensor<2xi32>, tensor<1xi64>) -> tensor<2x1xi32>
  %e = "onnx.Expand"(%u, %two) : (tensor<2x1xi32>, tensor<2xi64>) -> tensor<2x2xi32>
  %t = "onnx.Tile"(%a, %two1) : (tensor<2xi32>, tensor<1xi64>) -> tensor<4xi32>
  %r = "onnx.Range"(%five, %zero, %down) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<3xi64>
  return %e, %t, %r, %u : tensor<2x2xi32>, tensor<4xi32>, tensor<3xi64>, tensor<2x1xi32>
}

// -----

// CHECK-LABEL: func.func @choices
// CHECK-DAG: dense<[1.000000e+00, -2.000000e+00]> : tensor<2xf32>
// CHECK-DAG: dense<[false, true]> : tensor<2xi1>
// CHECK-DAG: dense<[-4, -2]> : tensor<2xi64>
// CHECK-DAG: dense<[2, 1]> : tensor<2xi64>
func.func @choices() -> (tensor<2xf32>, tensor<2xi1>, tensor<2xi64>, tensor<2xi64>) {
  %c = "onnx.Constant"() {value = dense<[true, false]> : tensor<2xi1>} : () -> tensor<2xi1>
  %x = "onnx.Constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %n = "onnx.Neg"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %i = "onnx.Constant"() {value = dense<[-7, -3]> : tensor<2xi64>} : () -> tensor<2xi64>
  %j = "onnx.Constant"() {value = dense<[3, 2]> : tensor<2xi64>} : () -> tensor<2xi64>
  %k = "onnx.Constant"() {value = dense<[-2, -1]> : tensor<2xi64>} : () -> tensor<2xi64>
  %w = "onnx.Where"(%c, %x, %n) : (tensor<2xi1>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %not = "onnx.Not"(%c) : (tensor<2xi1>) -> tensor<2xi1>
  %q = "onnx.Div"(%i, %j) : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  %s = "onnx.Add"(%q, %k) : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  %m = "onnx.Mod"(%i, %j) : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  return %w, %not, %s, %m : tensor<2xf32>, tensor<2xi1>, tensor<2xi64>, tensor<2xi64>
}
