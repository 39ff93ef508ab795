// Observation goes through conversion and bufferization: the value is read where
// it is computed, before it is overwritten, in C order.
// RUN: ashlar-opt %s --ashlar-convert-onnx | FileCheck %s
// RUN: ashlar-opt %s --ashlar-convert-onnx --ashlar-stage-bufferize \
// RUN:   | FileCheck %s --check-prefix=BUFFER

// CHECK-LABEL: func @main
// CHECK: nn.observe "x", %arg0 : tensor<2x3xf32>
// CHECK: nn.observe "left"
// BUFFER: nn.observe "x", %{{.*}} : memref<2x3xf32>
// BUFFER: nn.observe "left", %{{.*}} : memref<2x1xf32>
func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  "onnx.Observe"(%x) {name = "x"} : (tensor<2x3xf32>) -> ()
  %begin = "onnx.Constant"() {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %end = "onnx.Constant"() {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
  %left = "onnx.Slice"(%x, %begin, %end, %end) {operandSegmentSizes = array<i32: 1, 1, 1, 1, 0>} : (tensor<2x3xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>)
    -> tensor<2x1xf32>
  "onnx.Observe"(%left) {name = "left"} : (tensor<2x1xf32>) -> ()
  return %x : tensor<2x3xf32>
}
