// RUN: ashlar-opt %s --ashlar-expand-transposed-convolutions | FileCheck %s

// Windows side by side: one product for each pixel and place in the window.
// CHECK-LABEL: func.func @blocks
// CHECK: %[[B:.*]] = "onnx.DequantizeLinear"(%{{.*}} : (tensor<8xi32>
// CHECK: %[[W:.*]] = "onnx.DequantizeLinear"(%{{.*}} : (tensor<8x3x1x1xi8>
// CHECK: %[[C:.*]] = "onnx.Conv"(%{{.*}}, %[[W]], %[[B]]) {{.*}} -> tensor<1x8x2x2xf32>
// CHECK: %[[T:.*]] = "onnx.Transpose"(%[[C]]) {{.*}} -> tensor<1x2x2x8xf32>
// CHECK: %[[R:.*]] = "onnx.Reshape"(%[[T]], {{.*}} -> tensor<1x2x2x2x2x2xf32>
// CHECK: %[[S:.*]] = "onnx.Transpose"(%[[R]]) {{.*}}perm = array<i64: 0, 1, 3, 2, 4, 5>
// CHECK: %[[I:.*]] = "onnx.Reshape"(%[[S]], {{.*}} -> tensor<1x4x4x2xf32>
// CHECK-NOT: onnx.Slice
// CHECK: "onnx.Transpose"(%[[I]]) {{.*}} -> tensor<1x2x4x4xf32>
func.func @blocks(%x: tensor<1x3x2x2xui8>) -> tensor<1x2x4x4xf32> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %bs = "onnx.Constant"() {value = dense<0.25> : tensor<f32>} : () -> tensor<f32>
  %w = "onnx.Constant"() {value = dense<1> : tensor<3x2x2x2xi8>} : () -> tensor<3x2x2x2xi8>
  %b = "onnx.Constant"() {value = dense<[7, 8]> : tensor<2xi32>} : () -> tensor<2xi32>
  %dx = "onnx.DequantizeLinear"(%x, %s) : (tensor<1x3x2x2xui8>, tensor<f32>) -> tensor<1x3x2x2xf32>
  %dw = "onnx.DequantizeLinear"(%w, %s) : (tensor<3x2x2x2xi8>, tensor<f32>) -> tensor<3x2x2x2xf32>
  %db = "onnx.DequantizeLinear"(%b, %bs) : (tensor<2xi32>, tensor<f32>) -> tensor<2xf32>
  %y = "onnx.ConvTranspose"(%dx, %dw, %db) {strides = array<i64: 2, 2>} : (tensor<1x3x2x2xf32>, tensor<3x2x2x2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  return %y : tensor<1x2x4x4xf32>
}

// Windows that overlap, of a signal: every other tap for each of two phases,
// the last first; one output in front and one behind are cropped. Scales and
// zero points of the two channels are those of each phase.
// CHECK-LABEL: func.func @overlapping
// CHECK-DAG: dense<{{\[}}[{{\[}}3, 1]], {{\[}}[7, 5]], {{\[}}[4, 2]], {{\[}}[8, 6]]]> : tensor<4x1x2xi8>
// CHECK-DAG: dense<[5.000000e-01, 2.500000e-01, 5.000000e-01, 2.500000e-01]> : tensor<4xf32>
// CHECK: "onnx.Conv"({{.*}}kernel_shape = array<i64: 2>, pads = array<i64: 1, 1>{{.*}} -> tensor<1x4x6xf32>
// CHECK: "onnx.Reshape"({{.*}} -> tensor<1x6x2x2xf32>
// CHECK: "onnx.Reshape"({{.*}} -> tensor<1x12x2xf32>
// CHECK: "onnx.Slice"({{.*}} -> tensor<1x10x2xf32>
// CHECK: "onnx.Transpose"({{.*}} -> tensor<1x2x10xf32>
func.func @overlapping(%x: tensor<1x1x5xui8>) -> tensor<1x2x10xf32> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %ws = "onnx.Constant"() {value = dense<[0.5, 0.25]> : tensor<2xf32>} : () -> tensor<2xf32>
  %w = "onnx.Constant"() {value = dense<[[[1, 2, 3, 4], [5, 6, 7, 8]]]> : tensor<1x2x4xi8>} : () -> tensor<1x2x4xi8>
  %dx = "onnx.DequantizeLinear"(%x, %s) : (tensor<1x1x5xui8>, tensor<f32>) -> tensor<1x1x5xf32>
  %dw = "onnx.DequantizeLinear"(%w, %ws) {axis = 1 : i64} : (tensor<1x2x4xi8>, tensor<2xf32>) -> tensor<1x2x4xf32>
  %y = "onnx.ConvTranspose"(%dx, %dw) {strides = array<i64: 2>, pads = array<i64: 1, 1>} : (tensor<1x1x5xf32>, tensor<1x2x4xf32>) -> tensor<1x2x10xf32>
  return %y : tensor<1x2x10xf32>
}

// Dilated windows stay.
// CHECK-LABEL: func.func @dilated
// CHECK: onnx.ConvTranspose
func.func @dilated(%x: tensor<1x3x2x2xui8>) -> tensor<1x2x4x4xf32> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %w = "onnx.Constant"() {value = dense<1> : tensor<3x2x2x2xi8>} : () -> tensor<3x2x2x2xi8>
  %dx = "onnx.DequantizeLinear"(%x, %s) : (tensor<1x3x2x2xui8>, tensor<f32>) -> tensor<1x3x2x2xf32>
  %dw = "onnx.DequantizeLinear"(%w, %s) : (tensor<3x2x2x2xi8>, tensor<f32>) -> tensor<3x2x2x2xf32>
  %y = "onnx.ConvTranspose"(%dx, %dw) {dilations = array<i64: 2, 2>} : (tensor<1x3x2x2xf32>, tensor<3x2x2x2xf32>) -> tensor<1x2x4x4xf32>
  return %y : tensor<1x2x4x4xf32>
}
