// RUN: ashlar-opt %s --ashlar-convert-onnx | FileCheck %s

// A unit dim is read at 0.
// CHECK: #[[ROW:.*]] = affine_map<(d0, d1) -> (0, d1)>
// CHECK-LABEL: func @broadcast
// CHECK: linalg.generic {indexing_maps = [#{{.*}}, #[[ROW]], #{{.*}}]
func.func @broadcast(%x: tensor<4x8xf32>, %y: tensor<1x8xf32>) -> tensor<4x8xf32> {
  %0 = "onnx.Add"(%x, %y) : (tensor<4x8xf32>, tensor<1x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// Dims of one ONNX name are equal: nothing is looked up element by element.
// CHECK-LABEL: func @same_name
// CHECK-NOT: tensor.extract
// CHECK: arith.mulf
func.func @same_name(%x: tensor<?x8xf32> {onnx.dim_names = ["batch", ""]},
                     %y: tensor<?x8xf32> {onnx.dim_names = ["batch", ""]}) -> tensor<?x8xf32> {
  %0 = "onnx.Mul"(%x, %y) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// CHECK-LABEL: func @other_name
// CHECK: nn.require
// CHECK: tensor.extract
// CHECK: arith.mulf
func.func @other_name(%x: tensor<?x8xf32> {onnx.dim_names = ["a", ""]},
                      %y: tensor<?x8xf32> {onnx.dim_names = ["b", ""]}) -> tensor<?x8xf32> {
  %0 = "onnx.Mul"(%x, %y) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// Shapes are computed as scalars.
// CHECK-LABEL: func @shape
// CHECK-NOT: linalg
// CHECK: tensor.from_elements
func.func @shape(%x: tensor<2xi64>, %y: tensor<i64>) -> tensor<2xi64> {
  %0 = "onnx.Mul"(%x, %y) : (tensor<2xi64>, tensor<i64>) -> tensor<2xi64>
  return %0 : tensor<2xi64>
}

// CHECK-LABEL: func @unsigned_division
// CHECK: arith.divui
func.func @unsigned_division(%x: tensor<32xui8>, %y: tensor<32xui8>) -> tensor<32xui8> {
  %0 = "onnx.Div"(%x, %y) : (tensor<32xui8>, tensor<32xui8>) -> tensor<32xui8>
  return %0 : tensor<32xui8>
}

// A square is no power function.
// CHECK-LABEL: func @square
// CHECK-NOT: math.powf
// CHECK: arith.mulf
func.func @square(%x: tensor<32xf32>) -> tensor<32xf32> {
  %two = "onnx.Constant"() {value = dense<2.0> : tensor<f32>} : () -> tensor<f32>
  %0 = "onnx.Pow"(%x, %two) : (tensor<32xf32>, tensor<f32>) -> tensor<32xf32>
  return %0 : tensor<32xf32>
}
