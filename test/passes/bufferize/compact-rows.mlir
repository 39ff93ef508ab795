// RUN: ashlar-opt %s --ashlar-compact-rows | FileCheck %s

// Every other element of the last axis, as rows: copied.
// CHECK-LABEL: func.func @gaps
// CHECK: %[[ROWS:.*]] = tensor.expand_shape
// CHECK: %[[COPY:.*]] = bufferization.alloc_tensor() copy(%[[ROWS]]) : tensor<16x8xf32>
// CHECK: nn.matmul %arg1, %[[COPY]]
func.func @gaps(%w: tensor<128x2xf32>, %x: tensor<1x16xf32>, %init: tensor<1x8xf32>) -> tensor<1x8xf32> {
  %s = tensor.extract_slice %w[0, 1] [128, 1] [1, 1] : tensor<128x2xf32> to tensor<128xf32>
  %r = tensor.expand_shape %s [[0, 1]] output_shape [16, 8] : tensor<128xf32> into tensor<16x8xf32>
  %y = nn.matmul %x, %r outs(%init) : tensor<1x16xf32>, tensor<16x8xf32>, tensor<1x8xf32> -> tensor<1x8xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  return %y : tensor<1x8xf32>
}

// Whole rows of a larger matrix are as good as their own; the left side may have gaps.
// CHECK-LABEL: func.func @rows
// CHECK-NOT: bufferization.alloc_tensor
func.func @rows(%x: tensor<2x128x2xf32>, %w: tensor<200x8xf32>, %init: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %l = tensor.extract_slice %x[0, 0, 1] [2, 128, 1] [1, 1, 1] : tensor<2x128x2xf32> to tensor<2x128xf32>
  %r = tensor.extract_slice %w[1, 0] [128, 8] [1, 1] : tensor<200x8xf32> to tensor<128x8xf32>
  %y = nn.matmul %l, %r outs(%init) : tensor<2x128xf32>, tensor<128x8xf32>, tensor<2x8xf32> -> tensor<2x8xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  return %y : tensor<2x8xf32>
}
