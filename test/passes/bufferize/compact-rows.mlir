// RUN: ashlar-opt %s --ashlar-compact-rows | FileCheck %s

// Every other element of the last axis, as a row: copied.
// CHECK-LABEL: func.func @column
// CHECK: %[[ROW:.*]] = tensor.expand_shape
// CHECK: %[[COPY:.*]] = bufferization.alloc_tensor() copy(%[[ROW]]) : tensor<1x128xf32>
// CHECK: nn.matmul %[[COPY]]
func.func @column(%x: tensor<128x2xf32>, %w: tensor<128x8xf32>, %init: tensor<1x8xf32>) -> tensor<1x8xf32> {
  %s = tensor.extract_slice %x[0, 1] [128, 1] [1, 1] : tensor<128x2xf32> to tensor<128xf32>
  %r = tensor.expand_shape %s [[0, 1]] output_shape [1, 128] : tensor<128xf32> into tensor<1x128xf32>
  %y = nn.matmul %r, %w outs(%init) : tensor<1x128xf32>, tensor<128x8xf32>, tensor<1x8xf32> -> tensor<1x8xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  return %y : tensor<1x8xf32>
}

// Whole rows of a larger matrix are as good as their own.
// CHECK-LABEL: func.func @rows
// CHECK-NOT: bufferization.alloc_tensor
func.func @rows(%x: tensor<4x128xf32>, %w: tensor<128x8xf32>, %init: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %r = tensor.extract_slice %x[1, 0] [2, 128] [1, 1] : tensor<4x128xf32> to tensor<2x128xf32>
  %y = nn.matmul %r, %w outs(%init) : tensor<2x128xf32>, tensor<128x8xf32>, tensor<2x8xf32> -> tensor<2x8xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  return %y : tensor<2x8xf32>
}
