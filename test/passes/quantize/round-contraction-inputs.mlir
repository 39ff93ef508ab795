// RUN: ashlar-opt %s --ashlar-round-contraction-inputs | FileCheck %s

// The factors, not the bias; only where bf16 was chosen.
// CHECK-LABEL: func.func @main
// CHECK: %[[X:.*]] = "onnx.Cast"(%arg0) {{.*}}to = 16 : i64{{.*}} -> tensor<8x64xbf16>
// CHECK: %[[A:.*]] = "onnx.Cast"(%[[X]]) {{.*}}to = 1 : i64{{.*}} -> tensor<8x64xf32>
// CHECK: %[[W:.*]] = "onnx.Cast"(%arg1)
// CHECK: %[[B:.*]] = "onnx.Cast"(%[[W]])
// CHECK: "onnx.Gemm"(%[[A]], %[[B]], %arg2) {{.*}}ashlar.precision = "f32"
// CHECK: "onnx.MatMul"(%arg0, %arg1)
func.func @main(%x: tensor<8x64xf32>, %w: tensor<64x16xf32>, %c: tensor<16xf32>) -> (tensor<8x16xf32>, tensor<8x16xf32>) {
  %y = "onnx.Gemm"(%x, %w, %c) {ashlar.precision = "bf16", ashlar.precision_reason = "asked for"} : (tensor<8x64xf32>, tensor<64x16xf32>, tensor<16xf32>) -> tensor<8x16xf32>
  %z = "onnx.MatMul"(%x, %w) {ashlar.precision = "f32", ashlar.precision_reason = "asked for"} : (tensor<8x64xf32>, tensor<64x16xf32>) -> tensor<8x16xf32>
  return %y, %z : tensor<8x16xf32>, tensor<8x16xf32>
}
