// RUN: ashlar-opt %s --ashlar-tabulate-byte-functions --canonicalize | FileCheck %s

#id = affine_map<(d0) -> (d0)>

// The sigmoid between two quantized tensors.
// CHECK-LABEL: func.func @sigmoid
// CHECK: ^bb0(%[[X:.*]]: i8, %{{.*}}: i8):
// CHECK-NEXT: %[[Y:.*]] = nn.lookup %[[X]] {table = array<i8: 64, 65, 66
// CHECK-NEXT: linalg.yield %[[Y]] : i8
func.func @sigmoid(%x: tensor<64xi8>) -> tensor<64xi8> {
  %init = tensor.empty() : tensor<64xi8>
  %one = arith.constant 1.0 : f32
  %in = arith.constant 0.03125 : f32
  %out = arith.constant 128.0 : f32
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<64xi8>) outs(%init : tensor<64xi8>) {
  ^bb0(%a: i8, %o: i8):
    %0 = arith.extui %a : i8 to i32
    %1 = arith.sitofp %0 : i32 to f32
    %2 = arith.mulf %1, %in : f32
    %3 = arith.negf %2 : f32
    %4 = math.exp %3 : f32
    %5 = arith.addf %4, %one : f32
    %6 = arith.divf %one, %5 : f32
    %7 = arith.mulf %6, %out : f32
    %8 = math.roundeven %7 : f32
    %9 = arith.fptosi %8 : f32 to i32
    %10 = arith.trunci %9 : i32 to i8
    linalg.yield %10 : i8
  } -> tensor<64xi8>
  return %y : tensor<64xi8>
}

// What vectors do at once stays as it is, and so does what is no byte.
// CHECK-LABEL: func.func @cheap
// CHECK-NOT: nn.lookup
func.func @cheap(%x: tensor<64xi8>, %z: tensor<64xf32>) -> (tensor<64xi8>, tensor<64xi8>) {
  %init = tensor.empty() : tensor<64xi8>
  %three = arith.constant 3 : i8
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<64xi8>) outs(%init : tensor<64xi8>) {
  ^bb0(%a: i8, %o: i8):
    %0 = arith.muli %a, %three : i8
    linalg.yield %0 : i8
  } -> tensor<64xi8>
  %w = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%z : tensor<64xf32>) outs(%init : tensor<64xi8>) {
  ^bb0(%a: f32, %o: i8):
    %0 = math.exp %a : f32
    %1 = arith.fptosi %0 : f32 to i8
    linalg.yield %1 : i8
  } -> tensor<64xi8>
  return %y, %w : tensor<64xi8>, tensor<64xi8>
}
