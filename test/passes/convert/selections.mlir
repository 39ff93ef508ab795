// RUN: ashlar-opt %s --ashlar-convert-onnx --canonicalize --cse | FileCheck %s

// Where k is not known, candidates are gathered and sorted by the digits of their keys.
// CHECK-LABEL: func.func @top_k
// CHECK: nn.require {{.*}} "k lies outside the axis" {status = 15 : i32}
// CHECK: %[[KEYS:.*]] = linalg.fill {{.*}} -> tensor<?xi32>
// CHECK: linalg.fill {{.*}} -> tensor<?xi64>
// CHECK: linalg.fill {{.*}} -> tensor<256xindex>
// CHECK: scf.while
// CHECK: scf.while
func.func @top_k(%x: tensor<3x?xf32>, %k: tensor<1xi64>) -> (tensor<3x?xf32>, tensor<3x?xi64>) {
  %r:2 = "onnx.TopK"(%x, %k) {axis = 1 : i64, largest = 1 : i64, sorted = 1 : i64} : (tensor<3x?xf32>, tensor<1xi64>) -> (tensor<3x?xf32>, tensor<3x?xi64>)
  return %r#0, %r#1 : tensor<3x?xf32>, tensor<3x?xi64>
}

// A few are inserted into a list, nothing is sorted; 64 bits need packed keys of 128.
// CHECK-LABEL: func.func @top_few
// CHECK-NOT: scf.while
// CHECK: linalg.fill {{.*}} -> tensor<5xi128>
// CHECK-NOT: scf.while
// CHECK: return
func.func @top_few(%x: tensor<3x100xf64>) -> (tensor<3x5xf64>, tensor<3x5xi64>) {
  %k = "onnx.Constant"() {value = dense<5> : tensor<1xi64>} : () -> tensor<1xi64>
  %r:2 = "onnx.TopK"(%x, %k) {axis = 1 : i64, largest = 1 : i64, sorted = 1 : i64} : (tensor<3x100xf64>, tensor<1xi64>) -> (tensor<3x5xf64>, tensor<3x5xi64>)
  return %r#0, %r#1 : tensor<3x5xf64>, tensor<3x5xi64>
}

// Room for all, then a cut to what was found.
// CHECK-LABEL: func.func @non_zero
// CHECK: %[[N:.*]] = arith.muli
// CHECK: tensor.empty(%[[N]]) : tensor<2x?xi64>
// CHECK: tensor.extract_slice
func.func @non_zero(%x: tensor<?x2xf32>) -> tensor<2x?xi64> {
  %r = "onnx.NonZero"(%x) : (tensor<?x2xf32>) -> tensor<2x?xi64>
  return %r : tensor<2x?xi64>
}

// A declared size is checked.
// CHECK-LABEL: func.func @compress
// CHECK: nn.require {{.*}} "the result has another size than declared" {status = 14 : i32}
func.func @compress(%x: tensor<3x2xf32>, %c: tensor<3xi1>) -> tensor<2x2xf32> {
  %r = "onnx.Compress"(%x, %c) {axis = 0 : i64} : (tensor<3x2xf32>, tensor<3xi1>) -> tensor<2x2xf32>
  return %r : tensor<2x2xf32>
}
