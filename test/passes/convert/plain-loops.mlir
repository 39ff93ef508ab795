// RUN: ashlar-opt %s --ashlar-convert-onnx --split-input-file --verify-diagnostics -o /dev/null

// What no kernel computes says so, and why.
func.func @elements(%a: tensor<128x256xf64>, %b: tensor<256x64xf64>) -> tensor<128x64xf64> {
  // expected-warning @+1 {{operator 'MatMul' is computed in plain loops, many times slower than by a kernel: its elements are 'f64', kernels multiply f32, f16, bf16 and bytes}}
  %r = "onnx.MatMul"(%a, %b) : (tensor<128x256xf64>, tensor<256x64xf64>) -> tensor<128x64xf64>
  return %r : tensor<128x64xf64>
}

// -----

func.func @dilated(%x: tensor<1x64x32x32xf32>, %w: tensor<64x32x3x3xf32>) -> tensor<1x32x36x36xf32> {
  // expected-warning @+1 {{operator 'ConvTranspose' is computed in plain loops, many times slower than by a kernel: its filter is dilated}}
  %r = "onnx.ConvTranspose"(%x, %w) {dilations = array<i64: 2, 2>} : (tensor<1x64x32x32xf32>, tensor<64x32x3x3xf32>) -> tensor<1x32x36x36xf32>
  return %r : tensor<1x32x36x36xf32>
}

// -----

func.func @zero_points(%a: tensor<128x256xui8>, %z: tensor<128xui8>, %b: tensor<256x64xi8>) -> tensor<128x64xi32> {
  // expected-warning @+1 {{an operand is a vector, or has a zero point for each row or matrix}}
  %r = "onnx.MatMulInteger"(%a, %b, %z) {operandSegmentSizes = array<i32: 1, 1, 1, 0>} : (tensor<128x256xui8>, tensor<256x64xi8>, tensor<128xui8>) -> tensor<128x64xi32>
  return %r : tensor<128x64xi32>
}

// -----

// Where sizes are not known it may be much; a little is not worth a word.
func.func @sizes(%a: tensor<?x256xf64>, %b: tensor<256x64xf64>, %c: tensor<4x256xf64>) -> (tensor<?x64xf64>, tensor<4x64xf64>) {
  // expected-warning @+1 {{plain loops}}
  %r = "onnx.MatMul"(%a, %b) : (tensor<?x256xf64>, tensor<256x64xf64>) -> tensor<?x64xf64>
  %s = "onnx.MatMul"(%c, %b) : (tensor<4x256xf64>, tensor<256x64xf64>) -> tensor<4x64xf64>
  return %r, %s : tensor<?x64xf64>, tensor<4x64xf64>
}
