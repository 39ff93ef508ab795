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

// The slices of a window become channels of images, one a place along the
// depth; within a group those of a tap lie together.
// CHECK-LABEL: func.func @conv_3d
// CHECK: tensor.pad
// CHECK-COUNT-3: tensor.insert_slice {{.*}} : tensor<2x5x{{.*}}x2x1x2xf32> into tensor<2x5x{{.*}}x2x3x2xf32>
// CHECK: nn.conv {{.*}}filter_sizes = array<i64: 6, 6, 3, 3>, groups = 2 : i64, strides = array<i64: 2, 1>} : tensor<10x{{.*}}x12xf32>
func.func @conv_3d(%x: tensor<2x4x5x6x7xf32>, %w: tensor<6x2x3x3x3xf32>, %b: tensor<6xf32>) -> tensor<2x6x5x3x5xf32> {
  %r = "onnx.Conv"(%x, %w, %b) {auto_pad = "NOTSET", group = 2 : i64, pads = array<i64: 1, 1, 0, 1, 1, 0>, strides = array<i64: 1, 2, 1>} : (tensor<2x4x5x6x7xf32>, tensor<6x2x3x3x3xf32>, tensor<6xf32>) -> tensor<2x6x5x3x5xf32>
  return %r : tensor<2x6x5x3x5xf32>
}

// A window along the depth only: an image of depth by the rest, no copy.
// CHECK-LABEL: func.func @conv_along_depth
// CHECK-NOT: tensor.insert_slice
// CHECK: nn.conv {{.*}}filter_sizes = array<i64: 6, 4, 3, 1>, groups = 1 : i64, strides = array<i64: 2, 1>} : tensor<2x7x42x4xf32>
func.func @conv_along_depth(%x: tensor<2x4x7x6x7xf32>, %w: tensor<6x4x3x1x1xf32>) -> tensor<2x6x3x6x7xf32> {
  %r = "onnx.Conv"(%x, %w) {auto_pad = "NOTSET", group = 1 : i64, strides = array<i64: 2, 1, 1>} : (tensor<2x4x7x6x7xf32>, tensor<6x4x3x1x1xf32>) -> tensor<2x6x3x6x7xf32>
  return %r : tensor<2x6x3x6x7xf32>
}

// Other elements: groups become a dim of their own; whole rows of positions are the innermost loop.
// CHECK-LABEL: func.func @conv_3d_f64
// CHECK: tensor.expand_shape {{.*}} output_shape [2, 2, 2, 7, 7, 7]
// CHECK: linalg.generic {{.*}}"reduction", "reduction", "reduction", "reduction", "parallel", "parallel", "parallel"]
func.func @conv_3d_f64(%x: tensor<2x4x5x6x7xf64>, %w: tensor<6x2x3x3x3xf64>, %b: tensor<6xf64>) -> tensor<2x6x5x3x5xf64> {
  %r = "onnx.Conv"(%x, %w, %b) {auto_pad = "NOTSET", group = 2 : i64, pads = array<i64: 1, 1, 0, 1, 1, 0>, strides = array<i64: 1, 2, 1>} : (tensor<2x4x5x6x7xf64>, tensor<6x2x3x3x3xf64>, tensor<6xf64>) -> tensor<2x6x5x3x5xf64>
  return %r : tensor<2x6x5x3x5xf64>
}

// The input is spread with zeros, then convolved with the turned window.
// CHECK-LABEL: func.func @conv_transpose_f64
// CHECK: tensor.insert_slice %arg0 into %{{.*}}[0, 0, 2, 2] [1, 4, 3, 3] [1, 1, 3, 2]
// CHECK: linalg.generic {{.*}}"reduction", "reduction", "reduction", "parallel", "parallel"]
func.func @conv_transpose_f64(%x: tensor<1x4x3x3xf64>, %w: tensor<4x2x3x3xf64>) -> tensor<1x4x10x8xf64> {
  %r = "onnx.ConvTranspose"(%x, %w) {auto_pad = "NOTSET", group = 2 : i64, strides = array<i64: 3, 2>, output_shape = array<i64: 10, 8>} : (tensor<1x4x3x3xf64>, tensor<4x2x3x3xf64>) -> tensor<1x4x10x8xf64>
  return %r : tensor<1x4x10x8xf64>
}

// One convolution for each phase of the outputs, stored with gaps: windows that
// do not overlap have one product each.
// CHECK-LABEL: func.func @conv_transpose_blocks
// CHECK-COUNT-4: nn.conv {{.*}} tensor<16x4x1x1xf32>
// CHECK-NOT: nn.conv
func.func @conv_transpose_blocks(%x: tensor<1x4x3x3xf32>, %b: tensor<16xf32>) -> tensor<1x16x6x6xf32> {
  %w = "onnx.Constant"() {value = dense<1.0> : tensor<4x16x2x2xf32>} : () -> tensor<4x16x2x2xf32>
  %r = "onnx.ConvTranspose"(%x, %w, %b) {strides = array<i64: 2, 2>} : (tensor<1x4x3x3xf32>, tensor<4x16x2x2xf32>, tensor<16xf32>) -> tensor<1x16x6x6xf32>
  return %r : tensor<1x16x6x6xf32>
}

// The phases of overlapping windows read parts of one padded image.
// CHECK-LABEL: func.func @conv_transpose_overlap
// CHECK: %[[PADDED:.*]] = tensor.pad %{{.*}} low[0, 0, 1, 0] high[0, 0, 1, 0]
// CHECK: %[[FIRST:.*]] = tensor.extract_slice %[[PADDED]][0, 0, 0, 0] [1, 1, 10, 8] [1, 1, 1, 1]
// CHECK: nn.conv %[[FIRST]], %{{.*}}filter_sizes = array<i64: 16, 8, 1, 2>
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, 0, 0] [1, 1, 9, 16] [1, 1, 2, 1]
// CHECK: tensor.extract_slice %[[PADDED]][0, 0, 1, 0] [1, 1, 10, 8] [1, 1, 1, 1]
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, 1, 0] [1, 1, 9, 16] [1, 1, 2, 1]
func.func @conv_transpose_overlap(%x: tensor<1x8x9xf32>) -> tensor<1x16x18xf32> {
  %w = "onnx.Constant"() {value = dense<1.0> : tensor<8x16x4xf32>} : () -> tensor<8x16x4xf32>
  %r = "onnx.ConvTranspose"(%x, %w) {strides = array<i64: 2>, pads = array<i64: 1, 1>} : (tensor<1x8x9xf32>, tensor<8x16x4xf32>) -> tensor<1x16x18xf32>
  return %r : tensor<1x16x18xf32>
}

// Few channels: the phases' outputs fill a vector together. The first is
// beyond the padding.
// CHECK-LABEL: func.func @conv_transpose_merged
// CHECK: nn.conv {{.*}}filter_sizes = array<i64: 2, 8, 1, 2>
// CHECK: tensor.extract_slice %{{.*}}[0, 0, 1, 0] [1, 1, 18, 1] [1, 1, 1, 1]
// CHECK-NOT: nn.conv
func.func @conv_transpose_merged(%x: tensor<1x8x9xf32>) -> tensor<1x1x18xf32> {
  %w = "onnx.Constant"() {value = dense<1.0> : tensor<8x1x4xf32>} : () -> tensor<8x1x4xf32>
  %r = "onnx.ConvTranspose"(%x, %w) {strides = array<i64: 2>, pads = array<i64: 1, 1>} : (tensor<1x8x9xf32>, tensor<8x1x4xf32>) -> tensor<1x1x18xf32>
  return %r : tensor<1x1x18xf32>
}

// A volume is pooled slice by slice, then along the depth, as rows of an image.
// CHECK-LABEL: func.func @max_pool_volume
// CHECK: tensor.pad %{{.*}} low[0, 1, 0, 0, 0] high[0, 1, 0, 0, 0]
// CHECK: nn.pool {{.*}}window = array<i64: 2, 2>} : tensor<16x9x10x3xf32>
// CHECK: nn.pool {{.*}}strides = array<i64: 2, 1>, window = array<i64: 3, 1>} : tensor<2x8x20x3xf32>
func.func @max_pool_volume(%x: tensor<2x3x6x9x10xf32>) -> tensor<2x3x3x4x5xf32> {
  %r = "onnx.MaxPool"(%x) {auto_pad = "NOTSET", ceil_mode = 0 : i64, kernel_shape = array<i64: 3, 2, 2>, pads = array<i64: 1, 0, 0, 1, 0, 0>, storage_order = 0 : i64, strides = array<i64: 2, 2, 2>} : (tensor<2x3x6x9x10xf32>) -> tensor<2x3x3x4x5xf32>
  return %r : tensor<2x3x3x4x5xf32>
}

// A signal is an image of one row.
// CHECK-LABEL: func.func @average_pool_signal
// CHECK: nn.pool {{.*}}window = array<i64: 1, 3>} : tensor<1x1x12x4xf32>
func.func @average_pool_signal(%x: tensor<1x4x10xf32>) -> tensor<1x4x10xf32> {
  %r = "onnx.AveragePool"(%x) {auto_pad = "NOTSET", ceil_mode = 0 : i64, count_include_pad = 0 : i64, kernel_shape = array<i64: 3>, pads = array<i64: 1, 1>} : (tensor<1x4x10xf32>) -> tensor<1x4x10xf32>
  return %r : tensor<1x4x10xf32>
}
