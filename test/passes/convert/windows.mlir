// RUN: ashlar-opt %s --ashlar-convert-onnx --canonicalize --cse | FileCheck %s

// Value and place of each maximum come out of one reduction.
// CHECK-LABEL: func.func @max_pool_indices
// CHECK: tensor.insert_slice %arg0 into %{{.*}}[0, 0, 2, 2]
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]
// CHECK: linalg.yield %{{.*}}, %{{.*}} : f32, i64
func.func @max_pool_indices(%x: tensor<1x1x5x5xf32>) -> (tensor<1x1x5x5xf32>, tensor<1x1x5x5xi64>) {
  %r:2 = "onnx.MaxPool"(%x) {auto_pad = "NOTSET", ceil_mode = 0 : i64, kernel_shape = array<i64: 5, 5>, pads = array<i64: 2, 2, 2, 2>, storage_order = 0 : i64} : (tensor<1x1x5x5xf32>) -> (tensor<1x1x5x5xf32>, tensor<1x1x5x5xi64>)
  return %r#0, %r#1 : tensor<1x1x5x5xf32>, tensor<1x1x5x5xi64>
}

// Unsigned elements compare as such.
// CHECK-LABEL: func.func @max_pool_unsigned
// CHECK: nn.pool {{.*}} {dilations = array<i64: 1, 1>, kind = "max", strides = array<i64: 1, 1>, window = array<i64: 3, 3>} : tensor<1x5x5x1xi8>
func.func @max_pool_unsigned(%x: tensor<1x1x5x5xui8>) -> tensor<1x1x3x3xui8> {
  %r = "onnx.MaxPool"(%x) {auto_pad = "NOTSET", ceil_mode = 0 : i64, kernel_shape = array<i64: 3, 3>, storage_order = 0 : i64} : (tensor<1x1x5x5xui8>) -> tensor<1x1x3x3xui8>
  return %r : tensor<1x1x3x3xui8>
}

// CHECK-LABEL: func.func @max_pool_signed
// CHECK: nn.pool {{.*}}signed_bytes
func.func @max_pool_signed(%x: tensor<1x1x5x5xi8>) -> tensor<1x1x3x3xi8> {
  %r = "onnx.MaxPool"(%x) {auto_pad = "NOTSET", ceil_mode = 0 : i64, kernel_shape = array<i64: 3, 3>, storage_order = 0 : i64} : (tensor<1x1x5x5xi8>) -> tensor<1x1x3x3xi8>
  return %r : tensor<1x1x3x3xi8>
}

// Groups become a dim of their own; whole rows of positions are the innermost loop.
// CHECK-LABEL: func.func @conv_3d
// CHECK: tensor.expand_shape {{.*}} output_shape [2, 2, 2, 7, 7, 7]
// CHECK: linalg.generic {{.*}}"reduction", "reduction", "reduction", "reduction", "parallel", "parallel", "parallel"]
func.func @conv_3d(%x: tensor<2x4x5x6x7xf32>, %w: tensor<6x2x3x3x3xf32>, %b: tensor<6xf32>) -> tensor<2x6x5x3x5xf32> {
  %r = "onnx.Conv"(%x, %w, %b) {auto_pad = "NOTSET", group = 2 : i64, pads = array<i64: 1, 1, 0, 1, 1, 0>, strides = array<i64: 1, 2, 1>} : (tensor<2x4x5x6x7xf32>, tensor<6x2x3x3x3xf32>, tensor<6xf32>) -> tensor<2x6x5x3x5xf32>
  return %r : tensor<2x6x5x3x5xf32>
}

// The input is spread with zeros, then convolved with the turned window.
// CHECK-LABEL: func.func @conv_transpose_f64
// CHECK: tensor.insert_slice %arg0 into %{{.*}}[0, 0, 2, 2] [1, 4, 3, 3] [1, 1, 3, 2]
// CHECK: linalg.generic {{.*}}"reduction", "reduction", "reduction", "parallel", "parallel"]
func.func @conv_transpose_f64(%x: tensor<1x4x3x3xf64>, %w: tensor<4x2x3x3xf64>) -> tensor<1x4x10x8xf64> {
  %r = "onnx.ConvTranspose"(%x, %w) {auto_pad = "NOTSET", group = 2 : i64, strides = array<i64: 3, 2>, output_shape = array<i64: 10, 8>} : (tensor<1x4x3x3xf64>, tensor<4x2x3x3xf64>) -> tensor<1x4x10x8xf64>
  return %r : tensor<1x4x10x8xf64>
}

// Blocks that do not overlap, of a constant filter: one 1x1 convolution a pixel
// of a block, stored with gaps.
// CHECK-LABEL: func.func @conv_transpose_blocks
// CHECK-COUNT-4: nn.conv {{.*}} tensor<2x4x1x1xf32>
// CHECK-NOT: nn.matmul
func.func @conv_transpose_blocks(%x: tensor<1x4x3x3xf32>, %b: tensor<2xf32>) -> tensor<1x2x6x6xf32> {
  %w = "onnx.Constant"() {value = dense<1.0> : tensor<4x2x2x2xf32>} : () -> tensor<4x2x2x2xf32>
  %r = "onnx.ConvTranspose"(%x, %w, %b) {strides = array<i64: 2, 2>} : (tensor<1x4x3x3xf32>, tensor<4x2x2x2xf32>, tensor<2xf32>) -> tensor<1x2x6x6xf32>
  return %r : tensor<1x2x6x6xf32>
}
