// RUN: ashlar-opt %s --split-input-file --ashlar-choose-precision 2>/dev/null | FileCheck %s
// RUN: ashlar-opt %s --split-input-file --ashlar-choose-precision 2>&1 >/dev/null | FileCheck %s --check-prefix=WARNING

// Without a wish only integers say what they are.
// CHECK-LABEL: func.func @plain
// CHECK: "onnx.MatMulInteger"{{.*}}ashlar.precision = "int8", ashlar.precision_reason = "quantized in the model"
// CHECK-NOT: ashlar.precision
// CHECK: return
func.func @plain(%x: tensor<64x64xf32>, %a: tensor<4x4xui8>, %b: tensor<4x4xi8>) -> (tensor<4x4xi32>, tensor<64x64xf32>) {
  %i = "onnx.MatMulInteger"(%a, %b) {operandSegmentSizes = array<i32: 1, 1, 0, 0>} : (tensor<4x4xui8>, tensor<4x4xi8>) -> tensor<4x4xi32>
  %y = "onnx.MatMul"(%x, %x) : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  return %i, %y : tensor<4x4xi32>, tensor<64x64xf32>
}

// -----

// WARNING: warning: no layer of products matches 'absent'
// CHECK-LABEL: func.func @rule
// CHECK: "onnx.MatMul"(%arg0, %arg0) {ashlar.precision = "bf16", ashlar.precision_reason = "asked for"}
// CHECK: "onnx.MatMul"({{.*}}ashlar.precision = "f32", ashlar.precision_reason = "sums of 8 products only"
// CHECK: "onnx.Gemm"({{.*}}ashlar.precision = "f32", ashlar.precision_reason = "640 products only"
// CHECK: "onnx.Conv"({{.*}}ashlar.precision = "f32", ashlar.precision_reason = "groups of few channels are bound by memory"
// CHECK: "onnx.MatMul"({{.*}}ashlar.precision = "f32", ashlar.precision_reason = "asked for by name"
// CHECK: "onnx.MatMul"({{.*}}ashlar.precision = "bf16", ashlar.precision_reason = "asked for by name"
module attributes {ashlar.precision = "bf16", ashlar.layer_precision = [["score", "f32"], ["absent", "f32"], ["score/2$", "bf16"]]} {
func.func @rule(%x: tensor<64x64xf32>, %k: tensor<512x8xf32>, %l: tensor<8x512xf32>, %g: tensor<1x64xf32>, %w: tensor<64x10xf32>, %i: tensor<1x32x64x64xf32>, %f: tensor<32x1x5x5xf32>) {
  %0 = "onnx.MatMul"(%x, %x) : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %1 = "onnx.MatMul"(%k, %l) : (tensor<512x8xf32>, tensor<8x512xf32>) -> tensor<512x512xf32>
  %2 = "onnx.Gemm"(%g, %w) : (tensor<1x64xf32>, tensor<64x10xf32>) -> tensor<1x10xf32>
  %3 = "onnx.Conv"(%i, %f) {group = 32 : i64} : (tensor<1x32x64x64xf32>, tensor<32x1x5x5xf32>) -> tensor<1x32x60x60xf32>
  %4 = "onnx.MatMul"(%x, %x) : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32> loc("score/1")
  %5 = "onnx.MatMul"(%x, %x) : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32> loc("score/2")
  return
}
}

// -----

// Transposed convolutions that have phases (of images, not dilated) are convolutions; others are no layers of products.
// CHECK-LABEL: func.func @transposed
// CHECK: "onnx.ConvTranspose"({{.*}}strides = array<i64: 2, 2>}> {ashlar.precision = "bf16", ashlar.precision_reason = "asked for"
// CHECK: "onnx.ConvTranspose"({{.*}}strides = array<i64: 1, 1>}> {ashlar.precision = "bf16", ashlar.precision_reason = "asked for"
// CHECK: "onnx.ConvTranspose"({{.*}}dilations = array<i64: 2, 2>, group = 1 : i64}> :
// CHECK: "onnx.ConvTranspose"({{.*}}group = 64 : i64{{.*}}"groups of few channels are bound by memory"
module attributes {ashlar.precision = "bf16"} {
func.func @transposed(%x: tensor<1x64x32x32xf32>, %c: tensor<64x1x2x2xf32>) -> (tensor<1x32x64x64xf32>, tensor<1x32x33x33xf32>, tensor<1x32x34x34xf32>, tensor<1x64x64x64xf32>) {
  %w = "onnx.Constant"() {value = dense<1.0> : tensor<64x32x2x2xf32>} : () -> tensor<64x32x2x2xf32>
  %0 = "onnx.ConvTranspose"(%x, %w) {auto_pad = "NOTSET", group = 1 : i64, strides = array<i64: 2, 2>} : (tensor<1x64x32x32xf32>, tensor<64x32x2x2xf32>) -> tensor<1x32x64x64xf32>
  %1 = "onnx.ConvTranspose"(%x, %w) {auto_pad = "NOTSET", group = 1 : i64, strides = array<i64: 1, 1>} : (tensor<1x64x32x32xf32>, tensor<64x32x2x2xf32>) -> tensor<1x32x33x33xf32>
  %2 = "onnx.ConvTranspose"(%x, %w) {auto_pad = "NOTSET", group = 1 : i64, dilations = array<i64: 2, 2>} : (tensor<1x64x32x32xf32>, tensor<64x32x2x2xf32>) -> tensor<1x32x34x34xf32>
  %3 = "onnx.ConvTranspose"(%x, %c) {auto_pad = "NOTSET", group = 64 : i64, strides = array<i64: 2, 2>} : (tensor<1x64x32x32xf32>, tensor<64x1x2x2xf32>) -> tensor<1x64x64x64xf32>
  return %0, %1, %2, %3 : tensor<1x32x64x64xf32>, tensor<1x32x33x33xf32>, tensor<1x32x34x34xf32>, tensor<1x64x64x64xf32>
}
}

// -----

// Chosen, not asked for: the reason says what speaks for it.
// CHECK-LABEL: func.func @auto
// CHECK: onnx.MatMul{{.*}}ashlar.precision = "bf16", ashlar.precision_reason = "sums of 64 products"
module attributes {ashlar.precision = "auto"} {
func.func @auto(%x: tensor<64x64xf32>, %w: tensor<64x64xf32>) -> tensor<64x64xf32> {
  %r = "onnx.MatMul"(%x, %w) : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  return %r : tensor<64x64xf32>
}
}
