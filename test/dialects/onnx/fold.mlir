// RUN: ashlar-opt %s --canonicalize | FileCheck %s
// RUN: ashlar-opt %s --cse | FileCheck %s --check-prefix=CSE

// Equal constants become one; random numbers stay what they are.
// CHECK-LABEL: func.func @constants
// CSE-LABEL: func.func @constants
// CSE-COUNT-1: onnx.Constant
// CSE: %[[SUM:.*]] = "onnx.Add"(%[[C:.*]], %[[C]])
// CSE-COUNT-2: onnx.RandomNormal
func.func @constants() -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
  %0 = "onnx.Constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %1 = "onnx.Constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %2 = "onnx.Add"(%0, %1) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %3 = "onnx.RandomNormal"() {shape = array<i64: 2>} : () -> tensor<2xf32>
  %4 = "onnx.RandomNormal"() {shape = array<i64: 2>} : () -> tensor<2xf32>
  return %2, %3, %4 : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
}

// What nobody uses goes.
// CHECK-LABEL: func.func @unused
// CHECK-NOT: onnx
// CHECK: return
func.func @unused(%x: tensor<2xf32>) {
  %0 = "onnx.Exp"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  return
}
