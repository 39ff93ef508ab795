// RUN: ashlar-opt %s --ashlar-convert-onnx | FileCheck %s

// A comparison keeps NaN, and is one instruction.
// CHECK-LABEL: func @relu
// CHECK: linalg.generic
// CHECK: %[[NEGATIVE:.*]] = arith.cmpf olt
// CHECK: arith.select %[[NEGATIVE]]
func.func @relu(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = "onnx.Relu"(%x) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// 16-bit floats are computed in f32.
// CHECK-LABEL: func @tanh
// CHECK: arith.extf %{{.*}} : f16 to f32
// CHECK: math.tanh %{{.*}} : f32
// CHECK: arith.truncf %{{.*}} : f32 to f16
func.func @tanh(%x: tensor<4x8xf16>) -> tensor<4x8xf16> {
  %0 = "onnx.Tanh"(%x) : (tensor<4x8xf16>) -> tensor<4x8xf16>
  return %0 : tensor<4x8xf16>
}

// Unsigned types become signless.
// CHECK-LABEL: func @absolute
// CHECK-SAME: tensor<4x8xi16>
// CHECK-NOT: arith.maxsi
func.func @absolute(%x: tensor<4x8xui16>) -> tensor<4x8xui16> {
  %0 = "onnx.Abs"(%x) : (tensor<4x8xui16>) -> tensor<4x8xui16>
  return %0 : tensor<4x8xui16>
}

// CHECK-LABEL: func @round
// CHECK: math.roundeven
func.func @round(%x: tensor<?xf32>) -> tensor<?xf32> {
  %0 = "onnx.Round"(%x) : (tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
