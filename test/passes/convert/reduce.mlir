// RUN: ashlar-opt %s --ashlar-convert-onnx | FileCheck %s

// CHECK-LABEL: func @mean
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "reduction", "reduction"]
// CHECK: arith.divf
func.func @mean(%x: tensor<4x5x6xf32>) -> tensor<4x1x1xf32> {
  %axes = "onnx.Constant"() {value = dense<[-1, 1]> : tensor<2xi64>} : () -> tensor<2xi64>
  %0 = "onnx.ReduceMean"(%x, %axes) : (tensor<4x5x6xf32>, tensor<2xi64>) -> tensor<4x1x1xf32>
  return %0 : tensor<4x1x1xf32>
}

// Axes that only the running program knows: loops, and a check of the shape.
// CHECK-LABEL: func @axes_at_run_time
// CHECK: scf.for
// CHECK: nn.require
func.func @axes_at_run_time(%x: tensor<4x5xf32>, %axes: tensor<1xi64>) -> tensor<4xf32> {
  %0 = "onnx.ReduceSum"(%x, %axes) {keepdims = 0 : i64} : (tensor<4x5xf32>, tensor<1xi64>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// Products and sums of f16 are f32.
// CHECK-LABEL: func @squares
// CHECK: linalg.fill {{.*}} tensor<4xf32>
// CHECK: arith.truncf %{{.*}} : f32 to f16
func.func @squares(%x: tensor<4x5xf16>) -> tensor<4xf16> {
  %axes = "onnx.Constant"() {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
  %0 = "onnx.ReduceSumSquare"(%x, %axes) {keepdims = 0 : i64} : (tensor<4x5xf16>, tensor<1xi64>) -> tensor<4xf16>
  return %0 : tensor<4xf16>
}

// Along the last axis one operation, which a kernel computes row by row.
// CHECK-LABEL: func @softmax
// CHECK-NOT: math.exp
// CHECK: nn.softmax
func.func @softmax(%x: tensor<4x50xf32>) -> tensor<4x50xf32> {
  %0 = "onnx.Softmax"(%x) : (tensor<4x50xf32>) -> tensor<4x50xf32>
  return %0 : tensor<4x50xf32>
}

// CHECK-LABEL: func @softmax_of_columns
// CHECK: arith.maximumf
// CHECK: math.exp
// CHECK: arith.addf
// CHECK: arith.divf
// CHECK: arith.mulf
func.func @softmax_of_columns(%x: tensor<4x50xf32>) -> tensor<4x50xf32> {
  %0 = "onnx.Softmax"(%x) {axis = 0 : i64} : (tensor<4x50xf32>) -> tensor<4x50xf32>
  return %0 : tensor<4x50xf32>
}
