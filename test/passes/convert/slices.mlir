// RUN: ashlar-opt %s --ashlar-convert-onnx --canonicalize --cse | FileCheck %s

// CHECK-LABEL: func.func @slice_forward
// CHECK-NEXT: tensor.extract_slice %arg0[1, 0] [5, 4] [2, 1] : tensor<12x4xf32> to tensor<5x4xf32>
func.func @slice_forward(%x: tensor<12x4xf32>) -> tensor<5x4xf32> {
  %start = "onnx.Constant"() {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
  %end = "onnx.Constant"() {value = dense<-2> : tensor<1xi64>} : () -> tensor<1xi64>
  %axis = "onnx.Constant"() {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %step = "onnx.Constant"() {value = dense<2> : tensor<1xi64>} : () -> tensor<1xi64>
  %r = "onnx.Slice"(%x, %start, %end, %axis, %step) {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>} : (tensor<12x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<5x4xf32>
  return %r : tensor<5x4xf32>
}

// A negative step reads elements in the other order.
// CHECK-LABEL: func.func @slice_backward
// CHECK: linalg.generic
// CHECK: arith.subi %c11
// CHECK: tensor.extract %arg0
func.func @slice_backward(%x: tensor<12xf32>) -> tensor<12xf32> {
  %start = "onnx.Constant"() {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %end = "onnx.Constant"() {value = dense<-9223372036854775808> : tensor<1xi64>} : () -> tensor<1xi64>
  %axis = "onnx.Constant"() {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %step = "onnx.Constant"() {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %r = "onnx.Slice"(%x, %start, %end, %axis, %step) {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>} : (tensor<12xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<12xf32>
  return %r : tensor<12xf32>
}

// Starts that only the running program knows are clamped, and the size must be the declared one.
// CHECK-LABEL: func.func @slice_by_data
// CHECK: %[[FROM:.*]] = arith.maxsi
// CHECK: nn.require {{.*}} "a slice has another size than declared" {status = 14 : i32}
// CHECK: tensor.extract_slice %arg0[%[[FROM]], 0] [3, 10] [1, 1]
func.func @slice_by_data(%x: tensor<20x10xf32>, %start: tensor<1xi64>, %end: tensor<1xi64>) -> tensor<3x10xf32> {
  %axis = "onnx.Constant"() {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %r = "onnx.Slice"(%x, %start, %end, %axis) {operandSegmentSizes = array<i32: 1, 1, 1, 1, 0>} : (tensor<20x10xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<3x10xf32>
  return %r : tensor<3x10xf32>
}

// Unsigned elements have no sign afterwards; both inputs write into one tensor.
// CHECK-LABEL: func.func @concat
// CHECK: nn.require {{.*}} "the inputs differ on an axis that is not joined"
// CHECK: %[[E:.*]] = tensor.empty(%{{.*}}) : tensor<?x7xi8>
// CHECK: %[[A:.*]] = tensor.insert_slice %arg0 into %[[E]][0, 0]
// CHECK: tensor.insert_slice %arg1 into %[[A]][0, 3]
func.func @concat(%x: tensor<?x3xui8>, %y: tensor<?x4xui8>) -> tensor<?x7xui8> {
  %r = "onnx.Concat"(%x, %y) {axis = -1 : i64} : (tensor<?x3xui8>, tensor<?x4xui8>) -> tensor<?x7xui8>
  return %r : tensor<?x7xui8>
}

// CHECK-LABEL: func.func @split
// CHECK-DAG: tensor.extract_slice %arg0[0, 0] [3, 2]
// CHECK-DAG: tensor.extract_slice %arg0[3, 0] [1, 2]
func.func @split(%x: tensor<4x2xf32>) -> (tensor<3x2xf32>, tensor<1x2xf32>) {
  %s = "onnx.Constant"() {value = dense<[3, 1]> : tensor<2xi64>} : () -> tensor<2xi64>
  %r:2 = "onnx.Split"(%x, %s) {axis = 0 : i64} : (tensor<4x2xf32>, tensor<2xi64>) -> (tensor<3x2xf32>, tensor<1x2xf32>)
  return %r#0, %r#1 : tensor<3x2xf32>, tensor<1x2xf32>
}
