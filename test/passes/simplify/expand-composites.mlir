// RUN: ashlar-opt %s --split-input-file --ashlar-expand-composites --ashlar-infer-shapes | FileCheck %s

// CHECK-LABEL: func.func @global_pool
// CHECK: %[[AXES:.*]] = "onnx.Constant"() <{value = dense<[2, 3]> : tensor<2xi64>}>
// CHECK: "onnx.ReduceMean"(%arg0, %[[AXES]])
// CHECK-SAME: -> tensor<1x8x1x1xf32>
func.func @global_pool(%x: tensor<1x8x5x6xf32>) -> tensor<1x8x1x1xf32> {
  %r = "onnx.GlobalAveragePool"(%x) : (tensor<1x8x5x6xf32>) -> tensor<1x8x1x1xf32>
  return %r : tensor<1x8x1x1xf32>
}

// -----

// Batched: the sums run over k; sizes stay open where they are.
// CHECK-LABEL: func.func @einsum
// CHECK: onnx.Transpose
// CHECK-SAME: perm = array<i64: 0, 2, 1>
// CHECK: onnx.MatMul
// CHECK-SAME: -> tensor<?x3x5xf32>
func.func @einsum(%a: tensor<?x3x4xf32> {onnx.dim_names = ["N", "", ""]}, %b: tensor<?x5x4xf32> {onnx.dim_names = ["N", "", ""]}) -> tensor<?x3x5xf32> {
  %r = "onnx.Einsum"(%a, %b) {equation = "bik,bjk->bij"} : (tensor<?x3x4xf32>, tensor<?x5x4xf32>) -> tensor<?x3x5xf32>
  return %r : tensor<?x3x5xf32>
}

// -----

// CHECK-LABEL: func.func @diagonal
// CHECK: onnx.Gather
// CHECK: -> tensor<2x3xf32>
// CHECK-NOT: onnx.Einsum
func.func @diagonal(%a: tensor<2x3x3xf32>) -> tensor<2x3xf32> {
  %r = "onnx.Einsum"(%a) {equation = "...ii->...i"} : (tensor<2x3x3xf32>) -> tensor<2x3xf32>
  return %r : tensor<2x3xf32>
}

// -----

// CHECK-LABEL: func.func @attention
// CHECK: onnx.Softmax
// CHECK-SAME: -> tensor<2x3x4x6xf32>
// CHECK: onnx.MatMul
// CHECK-SAME: -> tensor<2x3x4x8xf32>
// CHECK-NOT: onnx.Attention
func.func @attention(%q: tensor<2x3x4x8xf32>, %k: tensor<2x3x6x8xf32>, %v: tensor<2x3x6x8xf32>) -> tensor<2x3x4x8xf32> {
  %y = "onnx.Attention"(%q, %k, %v) {is_causal = 1 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<2x3x4x8xf32>, tensor<2x3x6x8xf32>, tensor<2x3x6x8xf32>) -> tensor<2x3x4x8xf32>
  return %y : tensor<2x3x4x8xf32>
}

// -----

// CHECK-LABEL: func.func @quantized_add
// CHECK: onnx.DequantizeLinear
// CHECK: onnx.DequantizeLinear
// CHECK: onnx.Add
// CHECK: onnx.QuantizeLinear
// CHECK-SAME: -> tensor<4xui8>
func.func @quantized_add(%a: tensor<4xui8>, %b: tensor<4xui8>, %s: tensor<f32>, %z: tensor<ui8>) -> tensor<4xui8> {
  %r = "onnx.ms.QLinearAdd"(%a, %s, %z, %b, %s, %z, %s, %z) {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 1, 1>} : (tensor<4xui8>, tensor<f32>, tensor<ui8>, tensor<4xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> tensor<4xui8>
  return %r : tensor<4xui8>
}

// -----

// CHECK-LABEL: func.func @loss
// CHECK: onnx.LogSoftmax
// CHECK: onnx.GatherElements
// CHECK: onnx.ReduceMean
// CHECK-SAME: -> tensor<f32>
func.func @loss(%x: tensor<3x5xf32>, %t: tensor<3xi64>) -> tensor<f32> {
  %r = "onnx.SoftmaxCrossEntropyLoss"(%x, %t) {operandSegmentSizes = array<i32: 1, 1, 0>} : (tensor<3x5xf32>, tensor<3xi64>) -> tensor<f32>
  return %r : tensor<f32>
}

// -----

// A transform of 4 samples is a product with constant matrices, in double
// precision while it is small.
// CHECK-LABEL: func.func @dft
// CHECK-DAG: dense<{{.*}}> : tensor<4x4xf64>
// CHECK: onnx.MatMul
// CHECK-NOT: onnx.DFT
func.func @dft(%x: tensor<2x4x1xf32>) -> tensor<2x4x2xf32> {
  %r = "onnx.DFT"(%x) {operandSegmentSizes = array<i32: 1, 0, 0>} : (tensor<2x4x1xf32>) -> tensor<2x4x2xf32>
  return %r : tensor<2x4x2xf32>
}

// -----

// A sequence that is built and taken apart: the tensor itself.
// CHECK-LABEL: func.func @sequence
// CHECK-NOT: onnx.Sequence
// CHECK: "onnx.Identity"(%arg1)
func.func @sequence(%x: tensor<2xf32>, %y: tensor<3xf32>) -> tensor<3xf32> {
  %i = "onnx.Constant"() {value = dense<-1> : tensor<i64>} : () -> tensor<i64>
  %s = "onnx.SequenceConstruct"(%x, %y) : (tensor<2xf32>, tensor<3xf32>) -> !onnx.seq<tensor<?xf32>>
  %r = "onnx.SequenceAt"(%s, %i) : (!onnx.seq<tensor<?xf32>>, tensor<i64>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

// -----

// CHECK-LABEL: func.func @momentum
// CHECK-NOT: onnx.training
// CHECK: onnx.Where
// CHECK: onnx.Sub
func.func @momentum(%r: tensor<f32>, %t: tensor<i64>, %x: tensor<4xf32>, %g: tensor<4xf32>, %v: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %y:2 = "onnx.training.Momentum"(%r, %t, %x, %g, %v) {alpha = 0.9 : f32, beta = 1.0 : f32, mode = "standard", norm_coefficient = 0.0 : f32} : (tensor<f32>, tensor<i64>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  return %y#0, %y#1 : tensor<4xf32>, tensor<4xf32>
}

// -----

// Four bits each, the lower ones first, less the middle, 8; one scale a block.
// CHECK-LABEL: func.func @four_bits
// CHECK: %[[W:.*]] = "onnx.Constant"() {{.*}}dense<{{\[\[}}0.000000e+00], [2.000000e+00], [0.000000e+00]
// CHECK: "onnx.MatMul"(%arg0, %[[W]])
func.func @four_bits(%a: tensor<3x16xf32>) -> tensor<3x1xf32> {
  %b = "onnx.Constant"() {value = dense<152> : tensor<1x1x8xui8>} : () -> tensor<1x1x8xui8>
  %s = "onnx.Constant"() {value = dense<2.0> : tensor<1xf32>} : () -> tensor<1xf32>
  %y = "onnx.ms.MatMulNBits"(%a, %b, %s) {K = 16 : i64, N = 1 : i64, bits = 4 : i64, block_size = 16 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>} : (tensor<3x16xf32>, tensor<1x1x8xui8>, tensor<1xf32>) -> tensor<3x1xf32>
  return %y : tensor<3x1xf32>
}
