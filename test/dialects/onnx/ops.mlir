// RUN: ashlar-opt %s | ashlar-opt | FileCheck %s

// CHECK-LABEL: func.func @types
// CHECK-SAME: tensor<2x!onnx.string>, %{{.*}}: !onnx.seq<tensor<*xf32>>, %{{.*}}: !onnx.opt<!onnx.seq<tensor<3xi64>>>, %{{.*}}: tensor<2xf8E4M3FN>
func.func @types(%a: tensor<2x!onnx.string>, %b: !onnx.seq<tensor<*xf32>>,
                 %c: !onnx.opt<!onnx.seq<tensor<3xi64>>>, %d: tensor<2xf8E4M3FN>) {
  return
}

// Defaults are filled in when an operation is made.
// CHECK-LABEL: func.func @defaults
// CHECK: onnx.Gemm
// CHECK-SAME: alpha = 1.000000e+00 : f32
// CHECK-SAME: transA = 0 : i64
func.func @defaults(%a: tensor<2x3xf32>, %b: tensor<3x4xf32>) -> tensor<2x4xf32> {
  %0 = "onnx.Gemm"(%a, %b) : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// Subgraphs use outer values.
// CHECK-LABEL: func.func @branches
// CHECK: "onnx.If"
// CHECK: "onnx.Exp"(%[[X:.*]])
// CHECK: "onnx.Yield"
func.func @branches(%c: tensor<i1>, %x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "onnx.If"(%c) ({
    %1 = "onnx.Exp"(%x) : (tensor<2xf32>) -> tensor<2xf32>
    "onnx.Yield"(%1) : (tensor<2xf32>) -> ()
  }, {
    "onnx.Yield"(%x) : (tensor<2xf32>) -> ()
  }) : (tensor<i1>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// CHECK-LABEL: func.func @prefixes
// CHECK: onnx.ms.QLinearAdd
// CHECK: onnx.ml.Binarizer
func.func @prefixes(%x: tensor<2xui8>, %s: tensor<f32>, %z: tensor<ui8>, %f: tensor<2xf32>) {
  %0 = "onnx.ms.QLinearAdd"(%x, %s, %z, %x, %s, %z, %s, %z) {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 1, 1>}
    : (tensor<2xui8>, tensor<f32>, tensor<ui8>, tensor<2xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<2xui8>
  %1 = "onnx.ml.Binarizer"(%f) : (tensor<2xf32>) -> tensor<2xf32>
  return
}
