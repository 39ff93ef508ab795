// RUN: ashlar-opt %s --split-input-file --ashlar-pad-channels | FileCheck %s

#amx = #tile.target<cpu = "sapphirerapids", vector_bytes = 64, vector_registers = 32, l1_bytes = 49152, l2_bytes = 2097152, vnni = true, bf16 = true, amx = true>

module attributes {tile.target = #amx} {
// Three channels by three columns are no pairs: the padding of the image takes a channel more, the filter zeros.
// CHECK-LABEL: func.func @image
// CHECK: arith.constant dense_resource<padded> : tensor<16x4x3x3xbf16>
// CHECK: tensor.pad %arg0 low[0, 1, 1, 0] high[0, 1, 1, 1]
// CHECK: tensor<1x8x8x3xbf16> to tensor<1x10x10x4xbf16>
// CHECK-NOT: tensor.pad
// CHECK: nn.conv {{.*}} filter_sizes = array<i64: 16, 4, 3, 3>
// CHECK-NEXT: ^bb0
func.func @image(%x: tensor<1x8x8x3xbf16>) -> tensor<1x8x8x16xf32> {
  %zero = arith.constant 0.0 : bf16
  %w = arith.constant dense<1.0> : tensor<16x3x3x3xbf16>
  %p = tensor.pad %x low[0, 1, 1, 0] high[0, 1, 1, 0] {
  ^bb0(%n: index, %h: index, %v: index, %c: index):
    tensor.yield %zero : bf16
  } : tensor<1x8x8x3xbf16> to tensor<1x10x10x3xbf16>
  %e = tensor.empty() : tensor<1x8x8x16xf32>
  %y = nn.conv %p, %w outs(%e) {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64, filter_sizes = array<i64: 16, 3, 3, 3>} : tensor<1x10x10x3xbf16>, tensor<16x3x3x3xbf16>, tensor<1x8x8x16xf32> -> tensor<1x8x8x16xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  return %y : tensor<1x8x8x16xf32>
}

// An image that comes channel by channel gets a channel before it is transposed.
// CHECK-LABEL: func.func @transposed
// CHECK: %[[PAD:.*]] = tensor.pad %arg0 low[0, 0, 1, 1] high[0, 1, 1, 1]
// CHECK: tensor<1x3x8x8xbf16> to tensor<1x4x10x10xbf16>
// CHECK: %[[IMAGE:.*]] = linalg.{{.*}}ins(%[[PAD]] : tensor<1x4x10x10xbf16>)
// CHECK-NOT: tensor.pad
// CHECK: nn.conv %[[IMAGE]]
func.func @transposed(%x: tensor<1x3x8x8xbf16>, %e: tensor<1x8x8x16xf32>) -> tensor<1x8x8x16xf32> {
  %zero = arith.constant 0.0 : bf16
  %w = arith.constant dense<1.0> : tensor<16x3x3x3xbf16>
  %p = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%n: index, %c: index, %h: index, %v: index):
    tensor.yield %zero : bf16
  } : tensor<1x3x8x8xbf16> to tensor<1x3x10x10xbf16>
  %i = tensor.empty() : tensor<1x10x10x3xbf16>
  %t = linalg.transpose ins(%p : tensor<1x3x10x10xbf16>) outs(%i : tensor<1x10x10x3xbf16>) permutation = [0, 2, 3, 1]
  %y = nn.conv %t, %w outs(%e) {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64, filter_sizes = array<i64: 16, 3, 3, 3>} : tensor<1x10x10x3xbf16>, tensor<16x3x3x3xbf16>, tensor<1x8x8x16xf32> -> tensor<1x8x8x16xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  return %y : tensor<1x8x8x16xf32>
}

// Without padding there is one for this, of any height.
// CHECK-LABEL: func.func @unpadded
// CHECK: tensor.pad %arg0 low[0, 0, 0, 0] high[0, 0, 0, 1]
// CHECK: tensor<1x?x8x1xbf16> to tensor<1x?x8x2xbf16>
func.func @unpadded(%x: tensor<1x?x8x1xbf16>, %e: tensor<1x?x6x16xf32>) -> tensor<1x?x6x16xf32> {
  %w = arith.constant dense<1.0> : tensor<16x1x3x3xbf16>
  %y = nn.conv %x, %w outs(%e) {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64, filter_sizes = array<i64: 16, 1, 3, 3>} : tensor<1x?x8x1xbf16>, tensor<16x1x3x3xbf16>, tensor<1x?x6x16xf32> -> tensor<1x?x6x16xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  return %y : tensor<1x?x6x16xf32>
}

// Pairs as they are; and bytes, which bear what is multiplied by zero.
// CHECK-LABEL: func.func @even
// CHECK-NOT: tensor.pad
func.func @even(%x: tensor<1x8x8x4xbf16>, %z: tensor<1x8x8x3xi8>) -> (tensor<1x6x6x16xf32>, tensor<1x6x6x16xi32>) {
  %w = arith.constant dense<1.0> : tensor<16x4x3x3xbf16>
  %v = arith.constant dense<1> : tensor<16x3x3x3xi8>
  %e = tensor.empty() : tensor<1x6x6x16xf32>
  %f = tensor.empty() : tensor<1x6x6x16xi32>
  %y = nn.conv %x, %w outs(%e) {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64, filter_sizes = array<i64: 16, 4, 3, 3>} : tensor<1x8x8x4xbf16>, tensor<16x4x3x3xbf16>, tensor<1x6x6x16xf32> -> tensor<1x6x6x16xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  %u = nn.conv %z, %v outs(%f) {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64, filter_sizes = array<i64: 16, 3, 3, 3>} : tensor<1x8x8x3xi8>, tensor<16x3x3x3xi8>, tensor<1x6x6x16xi32> -> tensor<1x6x6x16xi32> {
  ^bb0(%acc: i32):
    nn.yield %acc : i32
  }
  return %y, %u : tensor<1x6x6x16xf32>, tensor<1x6x6x16xi32>
}
}

// -----

// Vectors repeat as little as they can.
module attributes {tile.target = #tile.target<cpu = "cooperlake", vector_bytes = 64, vector_registers = 32, l1_bytes = 32768, l2_bytes = 1048576, vnni = true, bf16 = true>} {
// CHECK-LABEL: func.func @vectors
// CHECK-NOT: tensor.pad
func.func @vectors(%x: tensor<1x8x8x3xbf16>) -> tensor<1x6x6x16xf32> {
  %w = arith.constant dense<1.0> : tensor<16x3x3x3xbf16>
  %e = tensor.empty() : tensor<1x6x6x16xf32>
  %y = nn.conv %x, %w outs(%e) {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64, filter_sizes = array<i64: 16, 3, 3, 3>} : tensor<1x8x8x3xbf16>, tensor<16x3x3x3xbf16>, tensor<1x6x6x16xf32> -> tensor<1x6x6x16xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  return %y : tensor<1x6x6x16xf32>
}
}
