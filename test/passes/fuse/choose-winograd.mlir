// RUN: ashlar-opt %s --ashlar-choose-winograd | FileCheck %s

// Tiles of 4x4: the padding grows to whole tiles, the filter has 36 places.
// CHECK-LABEL: func.func @large
// CHECK: arith.constant dense_resource<{{.*}}> : tensor<36x1x32x32xf32>
// CHECK: tensor.pad %arg0 low[0, 1, 1, 0] high[0, 3, 3, 0]
// CHECK: tensor<1x54x54x32xf32> to tensor<1x58x58x32xf32>
// CHECK: %[[A:.*]] = tensor.empty() : tensor<36x{{[0-9]+}}xf32>
// CHECK: %[[B:.*]] = tensor.empty() : tensor<36x{{[0-9]+}}xf32>
// CHECK: %[[Y:.*]]:3 = nn.winograd {{.*}} epilogue({{.*}}) outs({{.*}}, %[[A]], %[[B]]) {tiles = 28 : i64}
// CHECK: arith.addf
// CHECK: return %[[Y]]#0
func.func @large(%x: tensor<1x54x54x32xf32>, %bias: tensor<32xf32>) -> tensor<1x54x54x32xf32> {
  %zero = arith.constant 0.0 : f32
  %w = arith.constant dense<1.0> : tensor<32x32x3x3xf32>
  %padded = tensor.pad %x low[0, 1, 1, 0] high[0, 1, 1, 0] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<1x54x54x32xf32> to tensor<1x56x56x32xf32>
  %e = tensor.empty() : tensor<1x54x54x32xf32>
  %y = nn.conv %padded, %w epilogue(%bias : tensor<32xf32>) outs(%e) {dilations = array<i64: 1, 1>, filter_sizes = array<i64: 32, 32, 3, 3>, groups = 1 : i64, strides = array<i64: 1, 1>} : tensor<1x56x56x32xf32>, tensor<32x32x3x3xf32>, tensor<1x54x54x32xf32> -> tensor<1x54x54x32xf32> {
  ^bb0(%a: f32, %b: f32):
    %s = arith.addf %a, %b : f32
    nn.yield %s : f32
  }
  return %y : tensor<1x54x54x32xf32>
}

// Many weights for few pixels: tiles of 2x2.
// CHECK-LABEL: func.func @small
// CHECK: tensor<16x8x256x32xf32>
// CHECK: nn.winograd
func.func @small(%x: tensor<1x16x16x256xf32>) -> tensor<1x14x14x256xf32> {
  %w = arith.constant dense<1.0> : tensor<256x256x3x3xf32>
  %e = tensor.empty() : tensor<1x14x14x256xf32>
  %y = nn.conv %x, %w outs(%e) {dilations = array<i64: 1, 1>, filter_sizes = array<i64: 256, 256, 3, 3>, groups = 1 : i64, strides = array<i64: 1, 1>} : tensor<1x16x16x256xf32>, tensor<256x256x3x3xf32>, tensor<1x14x14x256xf32> -> tensor<1x14x14x256xf32> {
  ^bb0(%a: f32):
    nn.yield %a : f32
  }
  return %y : tensor<1x14x14x256xf32>
}

// Left alone: larger steps, and so few pixels that weights decide.
// CHECK-LABEL: func.func @direct
// CHECK-COUNT-2: nn.conv
// CHECK-NOT: nn.winograd
func.func @direct(%x: tensor<1x57x57x32xf32>, %z: tensor<1x9x9x512xf32>) -> (tensor<1x28x28x32xf32>, tensor<1x7x7x512xf32>) {
  %w = arith.constant dense<1.0> : tensor<32x32x3x3xf32>
  %v = arith.constant dense<1.0> : tensor<512x512x3x3xf32>
  %e = tensor.empty() : tensor<1x28x28x32xf32>
  %f = tensor.empty() : tensor<1x7x7x512xf32>
  %y = nn.conv %x, %w outs(%e) {dilations = array<i64: 1, 1>, filter_sizes = array<i64: 32, 32, 3, 3>, groups = 1 : i64, strides = array<i64: 2, 2>} : tensor<1x57x57x32xf32>, tensor<32x32x3x3xf32>, tensor<1x28x28x32xf32> -> tensor<1x28x28x32xf32> {
  ^bb0(%a: f32):
    nn.yield %a : f32
  }
  %u = nn.conv %z, %v outs(%f) {dilations = array<i64: 1, 1>, filter_sizes = array<i64: 512, 512, 3, 3>, groups = 1 : i64, strides = array<i64: 1, 1>} : tensor<1x9x9x512xf32>, tensor<512x512x3x3xf32>, tensor<1x7x7x512xf32> -> tensor<1x7x7x512xf32> {
  ^bb0(%a: f32):
    nn.yield %a : f32
  }
  return %y, %u : tensor<1x28x28x32xf32>, tensor<1x7x7x512xf32>
}
