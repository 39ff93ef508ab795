// RUN: ashlar-opt %s --split-input-file --ashlar-group-queries | FileCheck %s

// One token: sixteen heads ask eight keys of 129 places.
// CHECK-LABEL: func.func @decode
// CHECK-DAG: %[[K:.*]] = "onnx.Squeeze"(%arg1, {{.*}}) : (tensor<1x8x1x129x64xf32>, tensor<1xi64>) -> tensor<1x8x129x64xf32>
// CHECK-DAG: %[[T:.*]] = "onnx.Transpose"(%[[K]]) <{perm = array<i64: 0, 1, 3, 2>}> : (tensor<1x8x129x64xf32>) -> tensor<1x8x64x129xf32>
// CHECK-DAG: %[[Q:.*]] = "onnx.Reshape"(%arg0, {{.*}}) {{.*}} -> tensor<1x8x2x64xf32>
// CHECK: %[[P:.*]] = "onnx.MatMul"(%[[Q]], %[[T]]) {{.*}} -> tensor<1x8x2x129xf32>
// CHECK: %[[Y:.*]] = "onnx.Reshape"(%[[P]], {{.*}}) {{.*}} -> tensor<1x16x1x129xf32>
// CHECK: return %[[Y]]
func.func @decode(%q: tensor<1x16x1x64xf32>, %k: tensor<1x8x1x129x64xf32>) -> tensor<1x16x1x129xf32> {
  %spread = "onnx.Constant"() {value = dense<[1, 1, 2, 1, 1]> : tensor<5xi64>} : () -> tensor<5xi64>
  %merged = "onnx.Constant"() {value = dense<[1, 16, 129, 64]> : tensor<4xi64>} : () -> tensor<4xi64>
  %wide = "onnx.Expand"(%k, %spread) : (tensor<1x8x1x129x64xf32>, tensor<5xi64>) -> tensor<1x8x2x129x64xf32>
  %heads = "onnx.Reshape"(%wide, %merged) <{allowzero = 0 : i64}> : (tensor<1x8x2x129x64xf32>, tensor<4xi64>) -> tensor<1x16x129x64xf32>
  %t = "onnx.Transpose"(%heads) <{perm = array<i64: 0, 1, 3, 2>}> : (tensor<1x16x129x64xf32>) -> tensor<1x16x64x129xf32>
  %y = "onnx.MatMul"(%q, %t) : (tensor<1x16x1x64xf32>, tensor<1x16x64x129xf32>) -> tensor<1x16x1x129xf32>
  return %y : tensor<1x16x1x129xf32>
}

// -----

// Any number of rows and places: axes but heads and rows are copied.
// CHECK-LABEL: func.func @dynamic
// CHECK-DAG: %[[V:.*]] = "onnx.Squeeze"(%arg1, {{.*}}) {{.*}} -> tensor<?x8x?x64xf32>
// CHECK-DAG: %[[HEADS:.*]] = "onnx.Constant"() {{.*}}dense<[0, 8, -1, 0]>
// CHECK-DAG: %[[P:.*]] = "onnx.Reshape"(%arg0, %[[HEADS]]) {{.*}} -> tensor<?x8x?x?xf32>
// CHECK-DAG: "onnx.MatMul"(%[[P]], %[[V]]) {{.*}} -> tensor<?x8x?x64xf32>
// CHECK: "onnx.Reshape"({{.*}}) {{.*}} -> tensor<?x16x?x64xf32>
func.func @dynamic(%p: tensor<?x16x?x?xf32> {onnx.dim_names = ["b", "", "m", "n"]}, %v: tensor<?x8x1x?x64xf32> {onnx.dim_names = ["b", "", "", "n", ""]}) -> tensor<?x16x?x64xf32> {
  %spread = "onnx.Constant"() {value = dense<[1, 1, 2, 1, 1]> : tensor<5xi64>} : () -> tensor<5xi64>
  %axes = "onnx.Constant"() {value = dense<[0]> : tensor<1xi64>} : () -> tensor<1xi64>
  %shape = "onnx.Shape"(%v) <{start = 0 : i64}> : (tensor<?x8x1x?x64xf32>) -> tensor<5xi64>
  %heads = "onnx.Constant"() {value = dense<16> : tensor<1xi64>} : () -> tensor<1xi64>
  %zero = "onnx.Constant"() {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %three = "onnx.Constant"() {value = dense<3> : tensor<1xi64>} : () -> tensor<1xi64>
  %b = "onnx.Gather"(%shape, %zero) <{axis = 0 : i64}> : (tensor<5xi64>, tensor<1xi64>) -> tensor<1xi64>
  %n = "onnx.Gather"(%shape, %three) <{axis = 0 : i64}> : (tensor<5xi64>, tensor<1xi64>) -> tensor<1xi64>
  %d = "onnx.Constant"() {value = dense<64> : tensor<1xi64>} : () -> tensor<1xi64>
  %merged = "onnx.Concat"(%b, %heads, %n, %d) <{axis = 0 : i64}> : (tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<4xi64>
  %wide = "onnx.Expand"(%v, %spread) : (tensor<?x8x1x?x64xf32>, tensor<5xi64>) -> tensor<?x8x2x?x64xf32>
  %r = "onnx.Reshape"(%wide, %merged) <{allowzero = 0 : i64}> : (tensor<?x8x2x?x64xf32>, tensor<4xi64>) -> tensor<?x16x?x64xf32>
  %y = "onnx.MatMul"(%p, %r) : (tensor<?x16x?x?xf32>, tensor<?x16x?x64xf32>) -> tensor<?x16x?x64xf32>
  return %y : tensor<?x16x?x64xf32>
}

// -----

// Many rows: the product keeps its epilogue.
// CHECK-LABEL: func.func @many_rows
// CHECK: "onnx.Expand"
// CHECK: "onnx.MatMul"({{.*}}) {{.*}} -> tensor<1x16x32x64xf32>
func.func @many_rows(%p: tensor<1x16x32x9xf32>, %v: tensor<1x8x1x9x64xf32>) -> tensor<1x16x32x64xf32> {
  %spread = "onnx.Constant"() {value = dense<[1, 1, 2, 1, 1]> : tensor<5xi64>} : () -> tensor<5xi64>
  %merged = "onnx.Constant"() {value = dense<[1, 16, 9, 64]> : tensor<4xi64>} : () -> tensor<4xi64>
  %wide = "onnx.Expand"(%v, %spread) : (tensor<1x8x1x9x64xf32>, tensor<5xi64>) -> tensor<1x8x2x9x64xf32>
  %heads = "onnx.Reshape"(%wide, %merged) <{allowzero = 0 : i64}> : (tensor<1x8x2x9x64xf32>, tensor<4xi64>) -> tensor<1x16x9x64xf32>
  %y = "onnx.MatMul"(%p, %heads) : (tensor<1x16x32x9xf32>, tensor<1x16x9x64xf32>) -> tensor<1x16x32x64xf32>
  return %y : tensor<1x16x32x64xf32>
}

// -----

// The copies lie in turn, not each head beside its own copy.
// CHECK-LABEL: func.func @heads_in_turn
// CHECK: "onnx.Expand"
// CHECK: "onnx.MatMul"({{.*}}) {{.*}} -> tensor<1x16x1x64xf32>
func.func @heads_in_turn(%p: tensor<1x16x1x9xf32>, %v: tensor<1x1x8x9x64xf32>) -> tensor<1x16x1x64xf32> {
  %spread = "onnx.Constant"() {value = dense<[1, 2, 1, 1, 1]> : tensor<5xi64>} : () -> tensor<5xi64>
  %merged = "onnx.Constant"() {value = dense<[1, 16, 9, 64]> : tensor<4xi64>} : () -> tensor<4xi64>
  %wide = "onnx.Expand"(%v, %spread) : (tensor<1x1x8x9x64xf32>, tensor<5xi64>) -> tensor<1x2x8x9x64xf32>
  %heads = "onnx.Reshape"(%wide, %merged) <{allowzero = 0 : i64}> : (tensor<1x2x8x9x64xf32>, tensor<4xi64>) -> tensor<1x16x9x64xf32>
  %y = "onnx.MatMul"(%p, %heads) : (tensor<1x16x1x9xf32>, tensor<1x16x9x64xf32>) -> tensor<1x16x1x64xf32>
  return %y : tensor<1x16x1x64xf32>
}
