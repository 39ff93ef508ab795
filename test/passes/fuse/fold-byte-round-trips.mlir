// RUN: ashlar-opt %s --ashlar-fold-byte-round-trips --canonicalize | FileCheck %s

#id = affine_map<(d0) -> (d0)>

// Quantized with zero point 129, dequantized with the same: the byte is not made.
// CHECK-LABEL: func.func @same_zero_point
// CHECK: %[[MAGIC:.*]] = arith.constant 0x4B400000 : f32
// CHECK: ^bb0(
// CHECK: %[[ROUNDED:.*]] = arith.addf %{{.*}}, %[[MAGIC]] : f32
// CHECK-NEXT: %[[INTEGER:.*]] = arith.subf %[[ROUNDED]], %[[MAGIC]] : f32
// CHECK-NEXT: %[[REAL:.*]] = arith.mulf %[[INTEGER]], %{{.*}} : f32
// CHECK-NEXT: linalg.yield %[[REAL]] : f32
func.func @same_zero_point(%x: tensor<64xf32>) -> tensor<64xf32> {
  %init = tensor.empty() : tensor<64xf32>
  %low = arith.constant -129.0 : f32
  %high = arith.constant 126.0 : f32
  %magic = arith.constant 0x4B400000 : f32
  %scale = arith.constant 0.25 : f32
  %zero_point = arith.constant 129 : i32
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<64xf32>) outs(%init : tensor<64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %0 = arith.cmpf olt, %low, %a : f32
    %1 = arith.select %0, %a, %low : f32
    %2 = arith.cmpf olt, %1, %high : f32
    %3 = arith.select %2, %1, %high : f32
    %4 = arith.addf %3, %magic : f32
    %5 = arith.bitcast %4 : f32 to i32
    %6 = arith.addi %5, %zero_point : i32
    %7 = arith.trunci %6 : i32 to i8
    %8 = arith.extui %7 : i8 to i32
    %9 = arith.subi %8, %zero_point : i32
    %10 = arith.sitofp %9 : i32 to f32
    %11 = arith.mulf %10, %scale : f32
    linalg.yield %11 : f32
  } -> tensor<64xf32>
  return %y : tensor<64xf32>
}

// A signed byte, read without its zero point: that is added as a float.
// CHECK-LABEL: func.func @other_zero_point
// CHECK-DAG: %[[MAGIC:.*]] = arith.constant 0x4B400000 : f32
// CHECK-DAG: %[[SHIFT:.*]] = arith.constant -3.0{{.*}} : f32
// CHECK: %[[INTEGER:.*]] = arith.subf %{{.*}}, %[[MAGIC]] : f32
// CHECK-NEXT: %[[REAL:.*]] = arith.addf %[[INTEGER]], %[[SHIFT]] : f32
// CHECK-NEXT: linalg.yield %[[REAL]] : f32
func.func @other_zero_point(%x: tensor<64xf32>) -> tensor<64xf32> {
  %init = tensor.empty() : tensor<64xf32>
  %low = arith.constant -125.0 : f32
  %high = arith.constant 130.0 : f32
  %magic = arith.constant 0x4B400000 : f32
  %zero_point = arith.constant -3 : i32
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<64xf32>) outs(%init : tensor<64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %0 = arith.cmpf olt, %low, %a : f32
    %1 = arith.select %0, %a, %low : f32
    %2 = arith.cmpf olt, %1, %high : f32
    %3 = arith.select %2, %1, %high : f32
    %4 = arith.addf %3, %magic : f32
    %5 = arith.bitcast %4 : f32 to i32
    %6 = arith.addi %5, %zero_point : i32
    %7 = arith.trunci %6 : i32 to i8
    %8 = arith.extsi %7 : i8 to i32
    %9 = arith.sitofp %8 : i32 to f32
    linalg.yield %9 : f32
  } -> tensor<64xf32>
  return %y : tensor<64xf32>
}

// Read with the other sign, the byte is needed: 200 is -56 there. So is one
// that nothing bounds.
// CHECK-LABEL: func.func @wraps
// CHECK: arith.trunci
// CHECK: arith.extsi
// CHECK: arith.trunci
// CHECK: arith.extui
func.func @wraps(%x: tensor<64xf32>) -> tensor<64xf32> {
  %init = tensor.empty() : tensor<64xf32>
  %low = arith.constant 0.0 : f32
  %high = arith.constant 255.0 : f32
  %magic = arith.constant 0x4B400000 : f32
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<64xf32>) outs(%init : tensor<64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %0 = arith.cmpf olt, %low, %a : f32
    %1 = arith.select %0, %a, %low : f32
    %2 = arith.cmpf olt, %1, %high : f32
    %3 = arith.select %2, %1, %high : f32
    %4 = arith.addf %3, %magic : f32
    %5 = arith.bitcast %4 : f32 to i32
    %6 = arith.trunci %5 : i32 to i8
    %7 = arith.extsi %6 : i8 to i32
    %8 = arith.sitofp %7 : i32 to f32
    %9 = arith.addf %a, %magic : f32
    %10 = arith.bitcast %9 : f32 to i32
    %11 = arith.trunci %10 : i32 to i8
    %12 = arith.extui %11 : i8 to i32
    %13 = arith.sitofp %12 : i32 to f32
    %14 = arith.addf %8, %13 : f32
    linalg.yield %14 : f32
  } -> tensor<64xf32>
  return %y : tensor<64xf32>
}
