// RUN: ashlar-opt %s --ashlar-convert-onnx --canonicalize --cse | FileCheck %s

// All indices are checked before the first is used; each is clamped all the same.
// CHECK-LABEL: func.func @gather
// CHECK: scf.for
// CHECK: nn.require {{.*}} "an index lies outside the axis that it refers to" {status = 13 : i32}
// CHECK: linalg.generic
// CHECK: arith.minsi %{{.*}}, %c99
// CHECK: tensor.extract %arg0
func.func @gather(%x: tensor<100x32xf32>, %i: tensor<?x7xi32>) -> tensor<?x7x32xf32> {
  %r = "onnx.Gather"(%x, %i) {axis = 0 : i64} : (tensor<100x32xf32>, tensor<?x7xi32>) -> tensor<?x7x32xf32>
  return %r : tensor<?x7x32xf32>
}

// One known index is a slice.
// CHECK-LABEL: func.func @gather_one
// CHECK-NEXT: tensor.extract_slice %arg0[0, 4, 0] [3, 1, 2] [1, 1, 1] : tensor<3x5x2xf32> to tensor<3x2xf32>
func.func @gather_one(%x: tensor<3x5x2xf32>) -> tensor<3x2xf32> {
  %i = "onnx.Constant"() {value = dense<-1> : tensor<i64>} : () -> tensor<i64>
  %r = "onnx.Gather"(%x, %i) {axis = 1 : i64} : (tensor<3x5x2xf32>, tensor<i64>) -> tensor<3x2xf32>
  return %r : tensor<3x2xf32>
}

// CHECK-LABEL: func.func @scatter_add
// CHECK: %[[COPY:.*]] = linalg.copy ins(%arg0
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %[[COPY]])
// CHECK: arith.addf {{.*}} : f32
// CHECK: tensor.insert
func.func @scatter_add(%x: tensor<3x4xf16>, %i: tensor<2x2xi64>, %u: tensor<2x2xf16>) -> tensor<3x4xf16> {
  %r = "onnx.ScatterElements"(%x, %i, %u) {axis = 1 : i64, reduction = "add"} : (tensor<3x4xf16>, tensor<2x2xi64>, tensor<2x2xf16>) -> tensor<3x4xf16>
  return %r : tensor<3x4xf16>
}
