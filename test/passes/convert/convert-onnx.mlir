// RUN: ashlar-opt %s --ashlar-convert-onnx | FileCheck %s

// A float product and a bias: a contraction of the nn dialect, and a loop that
// the fuse stage moves into its epilogue. Unsigned types become signless.
// CHECK-LABEL: func.func @main(%arg0: tensor<4x8xf32>, %arg1: tensor<8x16xf32>, %arg2: tensor<4xi8>)
// CHECK: nn.matmul %arg0, %arg1
// CHECK: linalg.generic
// CHECK: arith.addf
// CHECK-NOT: onnx.
func.func @main(%a: tensor<4x8xf32>, %b: tensor<8x16xf32>, %c: tensor<4xui8>) -> (tensor<4x16xf32>, tensor<4xui8>) {
  %p = "onnx.MatMul"(%a, %b) : (tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<4x16xf32>
  %s = "onnx.Add"(%p, %p) : (tensor<4x16xf32>, tensor<4x16xf32>) -> tensor<4x16xf32>
  return %s, %c : tensor<4x16xf32>, tensor<4xui8>
}
