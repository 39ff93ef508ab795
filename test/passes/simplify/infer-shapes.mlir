// RUN: ashlar-opt %s --split-input-file --verify-diagnostics --ashlar-infer-shapes | FileCheck %s

// A shape that the graph computes for itself: the flattened width comes out static, the batch stays open.
// CHECK-LABEL: func.func @computed_reshape
// CHECK-SAME: -> (tensor<?x1568xf32> {onnx.name = "y"})
func.func @computed_reshape(%x: tensor<?x1x28x28xf32> {onnx.name = "x", onnx.dim_names = ["N", "", "", ""]}, %w: tensor<8x1x5x5xf32>) -> (tensor<*xf32> {onnx.name = "y"}) {
  // CHECK: onnx.Conv
  // CHECK-SAME: -> tensor<?x8x28x28xf32>
  %c = "onnx.Conv"(%x, %w) {auto_pad = "SAME_UPPER", kernel_shape = array<i64: 5, 5>} : (tensor<?x1x28x28xf32>, tensor<8x1x5x5xf32>) -> tensor<*xf32>
  // CHECK: onnx.MaxPool
  // CHECK-SAME: -> tensor<?x8x14x14xf32>
  %p = "onnx.MaxPool"(%c) {kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<*xf32>) -> tensor<*xf32>
  %s = "onnx.Shape"(%p) : (tensor<*xf32>) -> tensor<*xi64>
  %zero = "onnx.Constant"() {value = dense<0> : tensor<i64>} : () -> tensor<i64>
  %axes = "onnx.Constant"() {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %rest = "onnx.Constant"() {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %n = "onnx.Gather"(%s, %zero) : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %n1 = "onnx.Unsqueeze"(%n, %axes) : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %t = "onnx.Concat"(%n1, %rest) {axis = 0 : i64} : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  // CHECK: %[[TARGET:.*]] = "onnx.Constant"() <{value = dense<[0, 1568]> : tensor<2xi64>}>
  // CHECK: "onnx.Reshape"({{.*}}, %[[TARGET]])
  // CHECK-SAME: -> tensor<?x1568xf32>
  %f = "onnx.Reshape"(%p, %t) : (tensor<*xf32>, tensor<*xi64>) -> tensor<*xf32>
  return %f : tensor<*xf32>
}

// -----

// Sizes of a static tensor are constants, and arithmetic on them is done.
// CHECK-LABEL: func.func @static_shape
// CHECK: dense<[2, 12]> : tensor<2xi64>
// CHECK: return
// CHECK-SAME: tensor<2xi64>
func.func @static_shape(%x: tensor<2x3x4xf32>) -> tensor<*xi64> {
  %s = "onnx.Shape"(%x) : (tensor<2x3x4xf32>) -> tensor<*xi64>
  %i0 = "onnx.Constant"() {value = dense<[0]> : tensor<1xi64>} : () -> tensor<1xi64>
  %i1 = "onnx.Constant"() {value = dense<[1]> : tensor<1xi64>} : () -> tensor<1xi64>
  %i2 = "onnx.Constant"() {value = dense<[2]> : tensor<1xi64>} : () -> tensor<1xi64>
  %a = "onnx.Gather"(%s, %i0) : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %b = "onnx.Gather"(%s, %i1) : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %c = "onnx.Gather"(%s, %i2) : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %bc = "onnx.Mul"(%b, %c) : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi64>
  %r = "onnx.Concat"(%a, %bc) {axis = 0 : i64} : (tensor<*xi64>, tensor<*xi64>) -> tensor<*xi64>
  return %r : tensor<*xi64>
}

// -----

// A carried value that grows: the dim is open, in the body and after it. Scan outputs are stacked by the trip count.
// CHECK-LABEL: func.func @loop_widens
// CHECK: onnx.Loop
// CHECK: ^bb0(%{{.*}}: tensor<i64>, %{{.*}}: tensor<i1>, %{{.*}}: tensor<?x2xf32>)
// CHECK: -> (tensor<?x2xf32>, tensor<5x2xf32>)
func.func @loop_widens(%x: tensor<3x2xf32>, %row: tensor<1x2xf32>) -> (tensor<*xf32>, tensor<*xf32>) {
  %m = "onnx.Constant"() {value = dense<5> : tensor<i64>} : () -> tensor<i64>
  %true = "onnx.Constant"() {value = dense<true> : tensor<i1>} : () -> tensor<i1>
  %r:2 = "onnx.Loop"(%m, %true, %x) ({
  ^bb0(%i: tensor<i64>, %c: tensor<i1>, %carried: tensor<*xf32>):
    %next = "onnx.Concat"(%carried, %row) {axis = 0 : i64} : (tensor<*xf32>, tensor<1x2xf32>) -> tensor<*xf32>
    %axes = "onnx.Constant"() {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
    %sq = "onnx.Squeeze"(%row, %axes) : (tensor<1x2xf32>, tensor<1xi64>) -> tensor<*xf32>
    "onnx.Yield"(%c, %next, %sq) : (tensor<i1>, tensor<*xf32>, tensor<*xf32>) -> ()
  }) {operandSegmentSizes = array<i32: 1, 1, 1>} : (tensor<i64>, tensor<i1>, tensor<3x2xf32>) -> (tensor<*xf32>, tensor<*xf32>)
  return %r#0, %r#1 : tensor<*xf32>, tensor<*xf32>
}

// -----

// Only the branch that is taken counts when the condition is known.
// CHECK-LABEL: func.func @if_known
// CHECK: return
// CHECK-SAME: tensor<3xf32>
func.func @if_known(%x: tensor<1x3xf32>) -> tensor<*xf32> {
  %s = "onnx.Shape"(%x) : (tensor<1x3xf32>) -> tensor<*xi64>
  %zero = "onnx.Constant"() {value = dense<0> : tensor<i64>} : () -> tensor<i64>
  %one = "onnx.Constant"() {value = dense<1> : tensor<i64>} : () -> tensor<i64>
  %d = "onnx.Gather"(%s, %zero) : (tensor<*xi64>, tensor<i64>) -> tensor<*xi64>
  %c = "onnx.Equal"(%d, %one) : (tensor<*xi64>, tensor<i64>) -> tensor<*xi1>
  %r = "onnx.If"(%c) ({
    %same = "onnx.Identity"(%x) : (tensor<1x3xf32>) -> tensor<*xf32>
    "onnx.Yield"(%same) : (tensor<*xf32>) -> ()
  }, {
    %axes = "onnx.Constant"() {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
    %sq = "onnx.Squeeze"(%x, %axes) : (tensor<1x3xf32>, tensor<1xi64>) -> tensor<*xf32>
    "onnx.Yield"(%sq) : (tensor<*xf32>) -> ()
  }) : (tensor<*xi1>) -> tensor<*xf32>
  return %r : tensor<*xf32>
}

// -----

// A size that the inputs decide stays open, whatever single size the model declares for the result.
// CHECK-LABEL: func.func @declared_for_one_batch
// CHECK: -> tensor<?x3xf32>
func.func @declared_for_one_batch(%x: tensor<?x3xf32> {onnx.dim_names = ["N", ""]}) -> tensor<1x3xf32> {
  %r = "onnx.Relu"(%x) : (tensor<?x3xf32>) -> tensor<1x3xf32>
  return %r : tensor<1x3xf32>
}

// -----

// A size that data decides is what the model declares.
// CHECK-LABEL: func.func @declared_for_data
// CHECK: onnx.NonZero
// CHECK-SAME: -> tensor<1x4xi64>
func.func @declared_for_data(%x: tensor<9xf32>) -> tensor<1x4xi64> {
  %r = "onnx.NonZero"(%x) : (tensor<9xf32>) -> tensor<1x4xi64>
  return %r : tensor<1x4xi64>
}

// -----

// Branches of different rank: the one that fits what the model declares further on is meant.
// CHECK-LABEL: func.func @branch_by_rank
// CHECK-NOT: onnx.If
// CHECK: onnx.Squeeze
// CHECK-SAME: -> tensor<?x3xf32>
func.func @branch_by_rank(%x: tensor<?x3x?xf32> {onnx.dim_names = ["N", "", "T"]}) -> tensor<1x?x3xf32> {
  %last = "onnx.Constant"() {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %one = "onnx.Constant"() {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
  %axes = "onnx.Constant"() {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %s = "onnx.Shape"(%x) : (tensor<?x3x?xf32>) -> tensor<*xi64>
  %d = "onnx.Gather"(%s, %last) : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi64>
  %c = "onnx.Equal"(%d, %one) : (tensor<*xi64>, tensor<1xi64>) -> tensor<*xi1>
  %r = "onnx.If"(%c) ({
    %same = "onnx.Identity"(%x) : (tensor<?x3x?xf32>) -> tensor<*xf32>
    "onnx.Yield"(%same) : (tensor<*xf32>) -> ()
  }, {
    %sq = "onnx.Squeeze"(%x, %last) : (tensor<?x3x?xf32>, tensor<1xi64>) -> tensor<*xf32>
    "onnx.Yield"(%sq) : (tensor<*xf32>) -> ()
  }) : (tensor<*xi1>) -> tensor<*xf32>
  %y = "onnx.Unsqueeze"(%r, %axes) : (tensor<*xf32>, tensor<1xi64>) -> tensor<1x?x3xf32>
  return %y : tensor<1x?x3xf32>
}

// -----

func.func @concat_mismatch(%a: tensor<1x64x20x20xf32>, %b: tensor<1x128x40x40xf32>) -> tensor<*xf32> {
  // expected-error @+1 {{input 1 is [1,128,40,40], expected [1,*,20,20]}}
  %r = "onnx.Concat"(%a, %b) {axis = 1 : i64} : (tensor<1x64x20x20xf32>, tensor<1x128x40x40xf32>) -> tensor<*xf32>
  return %r : tensor<*xf32>
}

// -----

func.func @declared_mismatch(%a: tensor<2x3xf32>) -> tensor<2x4xf32> {
  // expected-warning @+1 {{result 0 is 'tensor<2x3xf32>', but the model declares it as 'tensor<2x4xf32>'; what is declared is ignored}}
  %r = "onnx.Relu"(%a) : (tensor<2x3xf32>) -> tensor<2x4xf32>
  return %r : tensor<2x4xf32>
}

// -----

func.func @declared_rank(%a: tensor<2x3xf32>) -> tensor<6xf32> {
  // expected-warning @+1 {{result 0 is 'tensor<2x3xf32>', but the model declares it as 'tensor<6xf32>'; what is declared is ignored}}
  %r = "onnx.Relu"(%a) : (tensor<2x3xf32>) -> tensor<6xf32>
  return %r : tensor<6xf32>
}

// -----

func.func @declared_element(%a: tensor<2x3xf32>) -> tensor<2x3xf16> {
  // expected-error @+1 {{result 0 is 'tensor<2x3xf32>', but the model declares it as 'tensor<2x3xf16>'}}
  %r = "onnx.Relu"(%a) : (tensor<2x3xf32>) -> tensor<2x3xf16>
  return %r : tensor<2x3xf16>
}

// -----

func.func @two_problems(%a: tensor<2x3xf32>, %b: tensor<4xf32>) -> (tensor<*xf32>, tensor<*xf32>) {
  // expected-error @+1 {{shapes [2,3] and [4] do not broadcast: 3 and 4}}
  %r = "onnx.Add"(%a, %b) : (tensor<2x3xf32>, tensor<4xf32>) -> tensor<*xf32>
  // expected-error @+1 {{operands are [2,3] and [4], expected equal inner dimensions, found 3 and 4}}
  %s = "onnx.MatMul"(%a, %b) : (tensor<2x3xf32>, tensor<4xf32>) -> tensor<*xf32>
  return %r, %s : tensor<*xf32>, tensor<*xf32>
}

// -----

// Weights lie transposed in this one: [directions, inputs, 4 * hidden].
// CHECK-LABEL: func.func @dynamic_lstm
// CHECK: "onnx.ms.DynamicQuantizeLSTM"
// CHECK-SAME: -> (tensor<?x2x5x3xf32>, tensor<2x5x3xf32>)
func.func @dynamic_lstm(%x: tensor<?x5x4xf32>, %w: tensor<2x4x12xi8>, %r: tensor<2x3x12xui8>, %s: tensor<2x12xf32>, %z: tensor<2xi8>, %zr: tensor<2xui8>) -> (tensor<*xf32>, tensor<*xf32>) {
  %y, %h = "onnx.ms.DynamicQuantizeLSTM"(%x, %w, %r, %s, %z, %s, %zr) {direction = "bidirectional", hidden_size = 3 : i64, input_forget = 0 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1>, resultSegmentSizes = array<i32: 1, 1, 0>} : (tensor<?x5x4xf32>, tensor<2x4x12xi8>, tensor<2x3x12xui8>, tensor<2x12xf32>, tensor<2xi8>, tensor<2x12xf32>, tensor<2xui8>) -> (tensor<*xf32>, tensor<*xf32>)
  return %y, %h : tensor<*xf32>, tensor<*xf32>
}

// -----

func.func @dynamic_lstm_mismatch(%x: tensor<?x5x4xf32>, %w: tensor<1x12x4xi8>, %r: tensor<1x3x12xi8>, %b: tensor<1x12xf32>, %s: tensor<2xf32>, %z: tensor<1x12xi8>, %zr: tensor<1xui8>) -> tensor<*xf32> {
  // expected-error @+4 {{'W' is [1,12,4], expected [1,4,12]}}
  // expected-error @+3 {{'B' is [1,12], expected [1,24]}}
  // expected-error @+2 {{'W_scale' is [2], expected [1]}}
  // expected-error @+1 {{'R' and its zero point differ in type}}
  %y = "onnx.ms.DynamicQuantizeLSTM"(%x, %w, %r, %b, %s, %z, %z, %zr) {direction = "forward", input_forget = 0 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1>, resultSegmentSizes = array<i32: 1, 0, 0>} : (tensor<?x5x4xf32>, tensor<1x12x4xi8>, tensor<1x3x12xi8>, tensor<1x12xf32>, tensor<2xf32>, tensor<1x12xi8>, tensor<1x12xi8>, tensor<1xui8>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

func.func @dynamic_lstm_direction(%x: tensor<?x5x4xf32>, %w: tensor<1x4x12xi8>, %r: tensor<1x3x12xi8>, %s: tensor<1xf32>, %z: tensor<1xi8>) -> tensor<*xf32> {
  // expected-error @+1 {{direction is 'sideways', expected forward, reverse or bidirectional}}
  %y = "onnx.ms.DynamicQuantizeLSTM"(%x, %w, %r, %s, %z, %s, %z) {direction = "sideways", input_forget = 0 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1>, resultSegmentSizes = array<i32: 1, 0, 0>} : (tensor<?x5x4xf32>, tensor<1x4x12xi8>, tensor<1x3x12xi8>, tensor<1xf32>, tensor<1xi8>, tensor<1xf32>, tensor<1xi8>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}
