// RUN: ashlar-opt %s --split-input-file --ashlar-hand-over-contractions | FileCheck %s

#target = #tile.target<cpu = "icelake-server", vector_bytes = 64, vector_registers = 32, l1_bytes = 49152, l2_bytes = 1310720, vnni = true>
module attributes {ashlar.kernels = "onednn", tile.target = #target} {
// The bias stays, what follows is computed behind. The transposed weights are
// a constant again.
// CHECK-LABEL: func.func @floats
// CHECK: %[[W:.*]] = arith.constant dense_resource<{{.*}}> : tensor<64x32xf32>
// CHECK: %[[SUMS:.*]] = tensor.empty() : tensor<28x32xf32>
// CHECK: %[[Y:.*]] = nn.matmul %arg0, %[[W]] epilogue(%arg1 : tensor<32xf32>) outs(%[[SUMS]]) {nn.library = "onednn", nn.weights_hash = {{-?[0-9]+}} : i64}
// CHECK-NEXT: ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32):
// CHECK-NEXT: %[[S:.*]] = arith.addf %[[A]], %[[B]]
// CHECK-NEXT: nn.yield %[[S]]
// CHECK: linalg.generic {{.*}} ins(%[[Y]] :
// CHECK: arith.maximumf
func.func @floats(%x: tensor<28x64xf32>, %bias: tensor<32xf32>) -> tensor<28x32xf32> {
  %w = arith.constant dense<1.0> : tensor<32x64xf32>
  %t = tensor.empty() : tensor<64x32xf32>
  %turned = linalg.transpose ins(%w : tensor<32x64xf32>) outs(%t : tensor<64x32xf32>) permutation = [1, 0]
  %e = tensor.empty() : tensor<28x32xf32>
  %y = nn.matmul %x, %turned epilogue(%bias : tensor<32xf32>) outs(%e) : tensor<28x64xf32>, tensor<64x32xf32>, tensor<28x32xf32> -> tensor<28x32xf32> {
  ^bb0(%a: f32, %b: f32):
    %s = arith.addf %a, %b : f32
    %zero = arith.constant 0.0 : f32
    %r = arith.maximumf %s, %zero : f32
    nn.yield %r : f32
  }
  return %y : tensor<28x32xf32>
}

// Sums of bytes are 32-bit integers: the whole epilogue is ours. An operand
// with one channel is read at its row.
// CHECK-LABEL: func.func @bytes
// CHECK: %[[SUMS:.*]] = tensor.empty() : tensor<28x32xi32>
// CHECK: %[[Y:.*]] = nn.matmul %arg0, %arg1 outs(%[[SUMS]]) {nn.library = "onednn"}
// CHECK: linalg.generic
// CHECK: ins(%[[Y]], %arg2 : tensor<28x32xi32>, tensor<28x1xi32>)
// CHECK: arith.trunci
func.func @bytes(%x: tensor<28x64xi8>, %w: tensor<64x32xi8>, %row: tensor<28x1xi32>) -> tensor<28x32xi8> {
  %e = tensor.empty() : tensor<28x32xi8>
  %y = nn.matmul %x, %w epilogue(%row : tensor<28x1xi32>) outs(%e) : tensor<28x64xi8>, tensor<64x32xi8>, tensor<28x32xi8> -> tensor<28x32xi8> {
  ^bb0(%a: i32, %b: i32):
    %s = arith.addi %a, %b : i32
    %r = arith.trunci %s : i32 to i8
    nn.yield %r : i8
  }
  return %y : tensor<28x32xi8>
}

// Nothing behind: nothing is split.
// CHECK-LABEL: func.func @bare
// CHECK: nn.conv {{.*}} outs(%arg1) {{.*}}nn.library = "onednn"
// CHECK-NOT: linalg.generic
// CHECK: return
func.func @bare(%x: tensor<1x9x9x3xf32>, %e: tensor<1x7x7x8xf32>) -> tensor<1x7x7x8xf32> {
  %w = arith.constant dense<1.0> : tensor<8x3x3x3xf32>
  %y = nn.conv %x, %w outs(%e) {dilations = array<i64: 1, 1>, filter_sizes = array<i64: 8, 3, 3, 3>, groups = 1 : i64, strides = array<i64: 1, 1>} : tensor<1x9x9x3xf32>, tensor<8x3x3x3xf32>, tensor<1x7x7x8xf32> -> tensor<1x7x7x8xf32> {
  ^bb0(%a: f32):
    nn.yield %a : f32
  }
  return %y : tensor<1x7x7x8xf32>
}

// CHECK-LABEL: func.func @groups
// CHECK: nn.conv {{.*}}nn.library_reason = "oneDNN has only plain loops
func.func @groups(%x: tensor<1x9x9x8xf32>, %e: tensor<1x7x7x8xf32>) -> tensor<1x7x7x8xf32> {
  %w = arith.constant dense<1.0> : tensor<8x4x3x3xf32>
  %y = nn.conv %x, %w outs(%e) {dilations = array<i64: 1, 1>, filter_sizes = array<i64: 8, 4, 3, 3>, groups = 2 : i64, strides = array<i64: 1, 1>} : tensor<1x9x9x8xf32>, tensor<8x4x3x3xf32>, tensor<1x7x7x8xf32> -> tensor<1x7x7x8xf32> {
  ^bb0(%a: f32):
    nn.yield %a : f32
  }
  return %y : tensor<1x7x7x8xf32>
}
}

// -----

// Without VNNI pairs of products are summed in 16 bits.
#target = #tile.target<cpu = "x86-64-v3", vector_bytes = 32, vector_registers = 16, l1_bytes = 32768, l2_bytes = 262144>
module attributes {ashlar.kernels = "onednn", tile.target = #target} {
// CHECK-LABEL: func.func @inexact
// CHECK: nn.matmul {{.*}}nn.library_reason = "oneDNN saturates sums of bytes
func.func @inexact(%x: tensor<28x64xi8>, %w: tensor<64x32xi8>, %e: tensor<28x32xi32>) -> tensor<28x32xi32> {
  %y = nn.matmul %x, %w outs(%e) : tensor<28x64xi8>, tensor<64x32xi8>, tensor<28x32xi32> -> tensor<28x32xi32> {
  ^bb0(%a: i32):
    nn.yield %a : i32
  }
  return %y : tensor<28x32xi32>
}
}

// -----

// Nobody asked.
// CHECK-LABEL: func.func @ours
// CHECK: nn.matmul
// CHECK-NOT: nn.library
// CHECK: return
func.func @ours(%x: tensor<28x64xf32>, %w: tensor<64x32xf32>, %e: tensor<28x32xf32>) -> tensor<28x32xf32> {
  %y = nn.matmul %x, %w outs(%e) : tensor<28x64xf32>, tensor<64x32xf32>, tensor<28x32xf32> -> tensor<28x32xf32> {
  ^bb0(%a: f32):
    nn.yield %a : f32
  }
  return %y : tensor<28x32xf32>
}
