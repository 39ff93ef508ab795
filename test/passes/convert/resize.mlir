// RUN: ashlar-opt %s --ashlar-convert-onnx --canonicalize --cse | FileCheck %s

// Rows and columns come from tables, here the same one.
// CHECK-LABEL: func.func @nearest
// CHECK: math.floor
// CHECK: } -> tensor<8xindex>
// CHECK: } -> tensor<1x1x8x4xf32>
// CHECK: } -> tensor<1x1x8x8xf32>
func.func @nearest(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x8x8xf32> {
  %s = "onnx.Constant"() {value = dense<[1.0, 1.0, 2.0, 2.0]> : tensor<4xf32>} : () -> tensor<4xf32>
  %r = "onnx.Resize"(%x, %s) {mode = "nearest", nearest_mode = "floor", coordinate_transformation_mode = "asymmetric", operandSegmentSizes = array<i32: 1, 0, 1, 0>} : (tensor<1x1x4x4xf32>, tensor<4xf32>) -> tensor<1x1x8x8xf32>
  return %r : tensor<1x1x8x8xf32>
}

// Sizes that only the running program knows must be the declared ones.
// CHECK-LABEL: func.func @sizes_by_data
// CHECK-COUNT-4: nn.require {{.*}} "the result has another size than declared" {status = 14 : i32}
func.func @sizes_by_data(%x: tensor<1x1x4x4xf32>, %s: tensor<4xi64>) -> tensor<1x1x8x8xf32> {
  %r = "onnx.Resize"(%x, %s) {mode = "nearest", nearest_mode = "ceil", coordinate_transformation_mode = "half_pixel", operandSegmentSizes = array<i32: 1, 0, 0, 1>} : (tensor<1x1x4x4xf32>, tensor<4xi64>) -> tensor<1x1x8x8xf32>
  return %r : tensor<1x1x8x8xf32>
}

// Two taps an axis; f16 is computed in f32.
// CHECK-LABEL: func.func @linear
// CHECK: arith.extf
// CHECK: } -> tensor<6x2xindex>
// CHECK: } -> tensor<6x2xf32>
// CHECK: arith.truncf {{.*}} : f32 to f16
func.func @linear(%x: tensor<1x1x4x4xf16>) -> tensor<1x1x6x4xf16> {
  %s = "onnx.Constant"() {value = dense<[1.0, 1.0, 1.5, 1.0]> : tensor<4xf32>} : () -> tensor<4xf32>
  %r = "onnx.Resize"(%x, %s) {mode = "linear", coordinate_transformation_mode = "half_pixel", operandSegmentSizes = array<i32: 1, 0, 1, 0>} : (tensor<1x1x4x4xf16>, tensor<4xf32>) -> tensor<1x1x6x4xf16>
  return %r : tensor<1x1x6x4xf16>
}
