// RUN: ashlar-opt %s --ashlar-move-quantization | FileCheck %s

// Integers are moved; what meets cancels.
// CHECK-LABEL: func.func @through_pool_and_transpose
// CHECK: %[[P:.*]] = "onnx.MaxPool"(%arg0) {{.*}} -> tensor<1x2x2x2xui8>
// CHECK-NEXT: %[[T:.*]] = "onnx.Transpose"(%[[P]]) {{.*}} -> tensor<1x2x2x2xui8>
// CHECK-NOT: onnx.QuantizeLinear
// CHECK: return %[[T]]
func.func @through_pool_and_transpose(%x: tensor<1x2x4x4xui8>) -> tensor<1x2x2x2xui8> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %z = "onnx.Constant"() {value = dense<3> : tensor<ui8>} : () -> tensor<ui8>
  %d = "onnx.DequantizeLinear"(%x, %s, %z) : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32>
  %p = "onnx.MaxPool"(%d) {kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32>
  %t = "onnx.Transpose"(%p) {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %q = "onnx.QuantizeLinear"(%t, %s, %z) : (tensor<1x2x2x2xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x2x2xui8>
  return %q : tensor<1x2x2x2xui8>
}

// Scales of an axis go where the axis goes.
// CHECK-LABEL: func.func @per_channel
// CHECK: %[[T:.*]] = "onnx.Transpose"({{.*}}) {{.*}} -> tensor<3x2xi8>
// CHECK: "onnx.DequantizeLinear"(%[[T]], {{.*}}axis = 1
func.func @per_channel() -> tensor<3x2xf32> {
  %w = "onnx.Constant"() {value = dense<1> : tensor<2x3xi8>} : () -> tensor<2x3xi8>
  %s = "onnx.Constant"() {value = dense<[0.5, 0.25]> : tensor<2xf32>} : () -> tensor<2xf32>
  %d = "onnx.DequantizeLinear"(%w, %s) {axis = 0 : i64} : (tensor<2x3xi8>, tensor<2xf32>) -> tensor<2x3xf32>
  %t = "onnx.Transpose"(%d) {perm = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  return %t : tensor<3x2xf32>
}

// Quantized next to what computes the numbers.
// CHECK-LABEL: func.func @pulled_up
// CHECK: %[[R:.*]] = "onnx.Sigmoid"(%arg0)
// CHECK: %[[Q:.*]] = "onnx.QuantizeLinear"(%[[R]]
// CHECK: "onnx.Reshape"(%[[Q]]
func.func @pulled_up(%x: tensor<2x3xf32>) -> tensor<6xui8> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %z = "onnx.Constant"() {value = dense<3> : tensor<ui8>} : () -> tensor<ui8>
  %to = "onnx.Constant"() {value = dense<6> : tensor<1xi64>} : () -> tensor<1xi64>
  %r = "onnx.Sigmoid"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %t = "onnx.Reshape"(%r, %to) : (tensor<2x3xf32>, tensor<1xi64>) -> tensor<6xf32>
  %q = "onnx.QuantizeLinear"(%t, %s, %z) : (tensor<6xf32>, tensor<f32>, tensor<ui8>) -> tensor<6xui8>
  return %q : tensor<6xui8>
}

// The one that has other parameters is quantized anew.
// CHECK-LABEL: func.func @concat
// CHECK: %[[D:.*]] = "onnx.DequantizeLinear"(%arg1
// CHECK: %[[Q:.*]] = "onnx.QuantizeLinear"(%[[D]]
// CHECK: %[[C:.*]] = "onnx.Concat"(%arg0, %[[Q]]) {{.*}} -> tensor<1x4xui8>
// CHECK: return %[[C]]
func.func @concat(%a: tensor<1x2xui8>, %b: tensor<1x2xui8>) -> tensor<1x4xui8> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %t = "onnx.Constant"() {value = dense<0.25> : tensor<f32>} : () -> tensor<f32>
  %z = "onnx.Constant"() {value = dense<3> : tensor<ui8>} : () -> tensor<ui8>
  %da = "onnx.DequantizeLinear"(%a, %s, %z) : (tensor<1x2xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2xf32>
  %db = "onnx.DequantizeLinear"(%b, %t, %z) : (tensor<1x2xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2xf32>
  %c = "onnx.Concat"(%da, %db) {axis = 1 : i64} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x4xf32>
  %q = "onnx.QuantizeLinear"(%c, %s, %z) : (tensor<1x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x4xui8>
  return %q : tensor<1x4xui8>
}

// Both roundings stand next to what computes the numbers.
// CHECK-LABEL: func.func @requantized_before
// CHECK: %[[S:.*]] = "onnx.Sigmoid"
// CHECK: %[[Q:.*]] = "onnx.QuantizeLinear"(%[[S]]
// CHECK: %[[D:.*]] = "onnx.DequantizeLinear"(%[[Q]]
// CHECK: %[[R:.*]] = "onnx.QuantizeLinear"(%[[D]]
// CHECK: "onnx.Transpose"(%[[R]]) {{.*}} -> tensor<3x2xui8>
func.func @requantized_before(%x: tensor<2x3xf32>) -> tensor<3x2xui8> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %t = "onnx.Constant"() {value = dense<0.25> : tensor<f32>} : () -> tensor<f32>
  %z = "onnx.Constant"() {value = dense<3> : tensor<ui8>} : () -> tensor<ui8>
  %r = "onnx.Sigmoid"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %q = "onnx.QuantizeLinear"(%r, %s, %z) : (tensor<2x3xf32>, tensor<f32>, tensor<ui8>) -> tensor<2x3xui8>
  %m = "onnx.Transpose"(%q) {perm = array<i64: 1, 0>} : (tensor<2x3xui8>) -> tensor<3x2xui8>
  %d = "onnx.DequantizeLinear"(%m, %s, %z) : (tensor<3x2xui8>, tensor<f32>, tensor<ui8>) -> tensor<3x2xf32>
  %p = "onnx.QuantizeLinear"(%d, %t, %z) : (tensor<3x2xf32>, tensor<f32>, tensor<ui8>) -> tensor<3x2xui8>
  return %p : tensor<3x2xui8>
}

// Padding with zero is padding with the zero point.
// CHECK-LABEL: func.func @pad
// CHECK: %[[Z:.*]] = "onnx.Constant"() <{value = dense<3> : tensor<ui8>}>
// CHECK: "onnx.Pad"(%arg0, %{{.*}}, %[[Z]]) {{.*}} -> tensor<4xui8>
func.func @pad(%x: tensor<2xui8>) -> tensor<4xf32> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %z = "onnx.Constant"() {value = dense<3> : tensor<ui8>} : () -> tensor<ui8>
  %pads = "onnx.Constant"() {value = dense<1> : tensor<2xi64>} : () -> tensor<2xi64>
  %d = "onnx.DequantizeLinear"(%x, %s, %z) : (tensor<2xui8>, tensor<f32>, tensor<ui8>) -> tensor<2xf32>
  %p = "onnx.Pad"(%d, %pads) {operandSegmentSizes = array<i32: 1, 1, 0, 0>} : (tensor<2xf32>, tensor<2xi64>) -> tensor<4xf32>
  return %p : tensor<4xf32>
}

// Rounding stays, even to the same parameters.
// CHECK-LABEL: func.func @rounds
// CHECK: onnx.QuantizeLinear
// CHECK: onnx.DequantizeLinear
func.func @rounds(%x: tensor<2xf32>) -> tensor<2xf32> {
  %s = "onnx.Constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %z = "onnx.Constant"() {value = dense<3> : tensor<ui8>} : () -> tensor<ui8>
  %q = "onnx.QuantizeLinear"(%x, %s, %z) : (tensor<2xf32>, tensor<f32>, tensor<ui8>) -> tensor<2xui8>
  %d = "onnx.DequantizeLinear"(%q, %s, %z) : (tensor<2xui8>, tensor<f32>, tensor<ui8>) -> tensor<2xf32>
  return %d : tensor<2xf32>
}
