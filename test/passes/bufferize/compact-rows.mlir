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

// What is stacked along a new last axis would be written with gaps: a place of
// its own, of a tensor that no insertion can take over.
// CHECK-LABEL: func.func @stacked
// CHECK: %[[OWN:.*]] = bufferization.alloc_tensor() : tensor<5x8xf32>
// CHECK: nn.matmul %arg0, %arg1 outs(%[[OWN]])
func.func @stacked(%x: tensor<5x4xf32>, %w: tensor<4x8xf32>, %to: tensor<5x8x2xf32>) -> tensor<5x8x2xf32> {
  %init = tensor.empty() : tensor<5x8xf32>
  %y = nn.matmul %x, %w outs(%init) : tensor<5x4xf32>, tensor<4x8xf32>, tensor<5x8xf32> -> tensor<5x8xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  %e = tensor.expand_shape %y [[0], [1, 2]] output_shape [5, 8, 1] : tensor<5x8xf32> into tensor<5x8x1xf32>
  %r = tensor.insert_slice %e into %to[0, 0, 1] [5, 8, 1] [1, 1, 1] : tensor<5x8x1xf32> into tensor<5x8x2xf32>
  return %r : tensor<5x8x2xf32>
}

// The same where the slice is the destination already.
// CHECK-LABEL: func.func @in_slice
// CHECK: %[[OWN:.*]] = bufferization.alloc_tensor() : tensor<5x8xf32>
// CHECK: nn.matmul %arg0, %arg1 outs(%[[OWN]])
func.func @in_slice(%x: tensor<5x4xf32>, %w: tensor<4x8xf32>, %to: tensor<5x8x2xf32>) -> tensor<5x8x2xf32> {
  %init = tensor.extract_slice %to[0, 0, 1] [5, 8, 1] [1, 1, 1] : tensor<5x8x2xf32> to tensor<5x8xf32>
  %y = nn.matmul %x, %w outs(%init) : tensor<5x4xf32>, tensor<4x8xf32>, tensor<5x8xf32> -> tensor<5x8xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  %r = tensor.insert_slice %y into %to[0, 0, 1] [5, 8, 1] [1, 1, 1] : tensor<5x8xf32> into tensor<5x8x2xf32>
  return %r : tensor<5x8x2xf32>
}

// Joined along the last axis, or along another one, it is written in place.
// CHECK-LABEL: func.func @joined
// CHECK-NOT: bufferization.alloc_tensor
func.func @joined(%x: tensor<5x4xf32>, %w: tensor<4x8xf32>, %to: tensor<5x20xf32>, %stack: tensor<2x5x8xf32>) -> (tensor<5x20xf32>, tensor<2x5x8xf32>) {
  %init = tensor.empty() : tensor<5x8xf32>
  %y = nn.matmul %x, %w outs(%init) : tensor<5x4xf32>, tensor<4x8xf32>, tensor<5x8xf32> -> tensor<5x8xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  %r = tensor.insert_slice %y into %to[0, 6] [5, 8] [1, 1] : tensor<5x8xf32> into tensor<5x20xf32>
  %e = tensor.expand_shape %y [[0, 1], [2]] output_shape [1, 5, 8] : tensor<5x8xf32> into tensor<1x5x8xf32>
  %s = tensor.insert_slice %e into %stack[1, 0, 0] [1, 5, 8] [1, 1, 1] : tensor<1x5x8xf32> into tensor<2x5x8xf32>
  return %r, %s : tensor<5x20xf32>, tensor<2x5x8xf32>
}
