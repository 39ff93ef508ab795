// RUN: ashlar-opt %s --ashlar-convert-onnx --canonicalize --cse | FileCheck %s

// CHECK-LABEL: func.func @top_k
// CHECK: nn.require {{.*}} "k lies outside the axis" {status = 15 : i32}
// CHECK: scf.while
func.func @top_k(%x: tensor<3x?xf32>, %k: tensor<1xi64>) -> (tensor<3x?xf32>, tensor<3x?xi64>) {
  %r:2 = "onnx.TopK"(%x, %k) {axis = 1 : i64, largest = 1 : i64, sorted = 1 : i64} : (tensor<3x?xf32>, tensor<1xi64>) -> (tensor<3x?xf32>, tensor<3x?xi64>)
  return %r#0, %r#1 : tensor<3x?xf32>, tensor<3x?xi64>
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
