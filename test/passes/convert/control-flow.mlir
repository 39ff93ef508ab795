// RUN: ashlar-opt %s --ashlar-convert-onnx --canonicalize --cse | FileCheck %s

// CHECK-LABEL: func.func @if
// CHECK: %[[C:.*]] = tensor.extract %arg0[]
// CHECK: scf.if %[[C]] -> (tensor<?xi8>) {
// CHECK: tensor.cast %arg1 : tensor<3xi8> to tensor<?xi8>
// CHECK: } else {
// CHECK: scf.yield %arg2
func.func @if(%c: tensor<i1>, %x: tensor<3xui8>, %y: tensor<?xui8>) -> tensor<?xui8> {
  %r = "onnx.If"(%c) ({
    "onnx.Yield"(%y) : (tensor<?xui8>) -> ()
  }, {
    %i = "onnx.Identity"(%x) : (tensor<3xui8>) -> tensor<3xui8>
    "onnx.Yield"(%i) : (tensor<3xui8>) -> ()
  }) : (tensor<i1>) -> tensor<?xui8>
  return %r : tensor<?xui8>
}

// A condition that stays true makes a counted loop.
// CHECK-LABEL: func.func @counted
// CHECK: scf.for %[[I:.*]] = %c0 to %c5 step %c1 iter_args(%{{.*}} = %arg0, %[[S:.*]] = %{{.*}})
// CHECK: tensor.insert_slice %{{.*}} into %[[S]][%[[I]], 0] [1, 2] [1, 1]
func.func @counted(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<5x2xf32>) {
  %m = "onnx.Constant"() {value = dense<5> : tensor<i64>} : () -> tensor<i64>
  %r:2 = "onnx.Loop"(%m, %x) ({
  ^bb0(%i: tensor<i64>, %cc: tensor<i1>, %s: tensor<2xf32>):
    %v = "onnx.Neg"(%s) : (tensor<2xf32>) -> tensor<2xf32>
    "onnx.Yield"(%cc, %v, %s) : (tensor<i1>, tensor<2xf32>, tensor<2xf32>) -> ()
  }) {operandSegmentSizes = array<i32: 1, 0, 1>} : (tensor<i64>, tensor<2xf32>) -> (tensor<2xf32>, tensor<5x2xf32>)
  return %r#0, %r#1 : tensor<2xf32>, tensor<5x2xf32>
}

// CHECK-LABEL: func.func @while
// CHECK: scf.while
// CHECK: nn.require {{.*}} "there are more iterations than the declared scan output holds"
// CHECK: nn.require {{.*}} "there are fewer iterations than declared"
func.func @while(%m: tensor<i64>, %c: tensor<i1>, %x: tensor<2xf32>) -> (tensor<2xf32>, tensor<5x2xf32>) {
  %r:2 = "onnx.Loop"(%m, %c, %x) ({
  ^bb0(%i: tensor<i64>, %cc: tensor<i1>, %s: tensor<2xf32>):
    %v = "onnx.Neg"(%s) : (tensor<2xf32>) -> tensor<2xf32>
    "onnx.Yield"(%cc, %v, %s) : (tensor<i1>, tensor<2xf32>, tensor<2xf32>) -> ()
  }) {operandSegmentSizes = array<i32: 1, 1, 1>} : (tensor<i64>, tensor<i1>, tensor<2xf32>) -> (tensor<2xf32>, tensor<5x2xf32>)
  return %r#0, %r#1 : tensor<2xf32>, tensor<5x2xf32>
}

// CHECK-LABEL: func.func @scan
// CHECK: scf.for %[[I:.*]] = %c0 to %c3
// CHECK: tensor.extract_slice %arg1[%[[I]], 0] [1, 2] [1, 1] : tensor<3x2xf32> to tensor<2xf32>
// CHECK: %[[BACK:.*]] = arith.subi %c2, %[[I]]
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[%[[BACK]], 0]
func.func @scan(%x: tensor<2xf32>, %z: tensor<3x2xf32>) -> (tensor<2xf32>, tensor<3x2xf32>) {
  %r:2 = "onnx.Scan"(%x, %z) ({
  ^bb0(%s: tensor<2xf32>, %t: tensor<2xf32>):
    %v = "onnx.Neg"(%t) : (tensor<2xf32>) -> tensor<2xf32>
    "onnx.Yield"(%v, %s) : (tensor<2xf32>, tensor<2xf32>) -> ()
  }) {num_scan_inputs = 1 : i64, scan_output_directions = array<i64: 1>} : (tensor<2xf32>, tensor<3x2xf32>) -> (tensor<2xf32>, tensor<3x2xf32>)
  return %r#0, %r#1 : tensor<2xf32>, tensor<3x2xf32>
}
