// RUN: ashlar-opt %s --ashlar-fuse-elementwise | FileCheck %s

// CHECK-LABEL: func.func @chain
// CHECK: linalg.generic
// CHECK: arith.addf
// CHECK-NEXT: arith.mulf
// CHECK-NOT: linalg.generic
#id = affine_map<(i) -> (i)>
func.func @chain(%x: tensor<8xf32>) -> tensor<8xf32> {
  %e = tensor.empty() : tensor<8xf32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %a, %a : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  %z = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%y : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.mulf %a, %a : f32
    linalg.yield %s : f32
  } -> tensor<8xf32>
  return %z : tensor<8xf32>
}

// Bytes that a contraction's epilogue will make stay bytes.
// CHECK-LABEL: func.func @bytes_of_a_contraction
// CHECK: nn.matmul
// CHECK: linalg.generic
// CHECK: arith.fptosi
// CHECK: linalg.generic
// CHECK: arith.sitofp
#plane = affine_map<(i, j) -> (i, j)>
func.func @bytes_of_a_contraction(%a: tensor<4x16xf32>, %b: tensor<16x32xf32>) -> tensor<4x32xf32> {
  %e = tensor.empty() : tensor<4x32xf32>
  %q = tensor.empty() : tensor<4x32xi8>
  %p = nn.matmul %a, %b outs(%e) : tensor<4x16xf32>, tensor<16x32xf32>, tensor<4x32xf32> -> tensor<4x32xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  %r = linalg.generic {indexing_maps = [#plane, #plane], iterator_types = ["parallel", "parallel"]} ins(%p : tensor<4x32xf32>) outs(%q : tensor<4x32xi8>) {
  ^bb0(%x: f32, %o: i8):
    %s = arith.fptosi %x : f32 to i8
    linalg.yield %s : i8
  } -> tensor<4x32xi8>
  %d = linalg.generic {indexing_maps = [#plane, #plane], iterator_types = ["parallel", "parallel"]} ins(%r : tensor<4x32xi8>) outs(%e : tensor<4x32xf32>) {
  ^bb0(%x: i8, %o: f32):
    %s = arith.sitofp %x : i8 to f32
    linalg.yield %s : f32
  } -> tensor<4x32xf32>
  return %d : tensor<4x32xf32>
}
