// RUN: ashlar-opt %s --ashlar-convert-onnx | FileCheck %s

// CHECK-LABEL: func @quantize
// CHECK: arith.divf
// CHECK: arith.cmpf olt
// CHECK: arith.cmpf olt
// CHECK: %[[R:.*]] = arith.addf %{{.*}} : f32
// CHECK: arith.bitcast %[[R]] : f32 to i32
// CHECK: arith.addi
// CHECK: arith.trunci %{{.*}} : i32 to i8
func.func @quantize(%x: tensor<4x50xf32>, %scale: tensor<f32>, %zero: tensor<ui8>) -> tensor<4x50xui8> {
  %0 = "onnx.QuantizeLinear"(%x, %scale, %zero) : (tensor<4x50xf32>, tensor<f32>, tensor<ui8>) -> tensor<4x50xui8>
  return %0 : tensor<4x50xui8>
}

// One scale a channel; a zero point of zeros costs nothing.
// CHECK-LABEL: func @dequantize
// CHECK: arith.extsi %{{.*}} : i8 to i32
// CHECK-NOT: arith.subi
// CHECK: arith.mulf
func.func @dequantize(%x: tensor<4x50x3xi8>, %scale: tensor<50xf32>) -> tensor<4x50x3xf32> {
  %zero = "onnx.Constant"() {value = dense<0> : tensor<50xi8>} : () -> tensor<50xi8>
  %0 = "onnx.DequantizeLinear"(%x, %scale, %zero) : (tensor<4x50x3xi8>, tensor<50xf32>, tensor<50xi8>) -> tensor<4x50x3xf32>
  return %0 : tensor<4x50x3xf32>
}

// Unsigned times signed bytes, as kernels take them.
// CHECK-LABEL: func @matmul
// CHECK-NOT: arith.xori
// CHECK: nn.matmul %arg0, %arg1 {{.*}} tensor<4x6xi32>
func.func @matmul(%a: tensor<4x5xui8>, %b: tensor<5x6xi8>) -> tensor<4x6xi32> {
  %0 = "onnx.MatMulInteger"(%a, %b) {operandSegmentSizes = array<i32: 1, 1, 0, 0>} : (tensor<4x5xui8>, tensor<5x6xi8>) -> tensor<4x6xi32>
  return %0 : tensor<4x6xi32>
}

// The other way round the sign bits are flipped and zero points of 128 and -128 subtracted.
// CHECK-LABEL: func @signs
// CHECK-COUNT-2: arith.xori
// CHECK: nn.matmul
func.func @signs(%a: tensor<4x5xi8>, %b: tensor<5x6xui8>) -> tensor<4x6xi32> {
  %0 = "onnx.MatMulInteger"(%a, %b) {operandSegmentSizes = array<i32: 1, 1, 0, 0>} : (tensor<4x5xi8>, tensor<5x6xui8>) -> tensor<4x6xi32>
  return %0 : tensor<4x6xi32>
}

// A bf16 product of a layer that is marked for it.
// CHECK-LABEL: func @bf16
// CHECK-COUNT-2: arith.truncf {{.*}} f32 to bf16
// CHECK: nn.matmul {{.*}} tensor<4x5xbf16>, tensor<5x6xbf16>, tensor<4x6xf32>
func.func @bf16(%a: tensor<4x5xf32>, %b: tensor<5x6xf32>) -> tensor<4x6xf32> {
  %0 = "onnx.MatMul"(%a, %b) {ashlar.precision = "bf16"} : (tensor<4x5xf32>, tensor<5x6xf32>) -> tensor<4x6xf32>
  return %0 : tensor<4x6xf32>
}
