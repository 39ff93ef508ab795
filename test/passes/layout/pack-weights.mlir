// RUN: ashlar-opt %s --ashlar-pack-weights --mlir-elide-resource-strings-if-larger=16 | FileCheck %s

// CHECK-LABEL: func.func @matmul
// CHECK: arith.constant dense_resource<packed> : tensor<2x16x32xf32>
// CHECK: nn.matmul {{.*}} {packed}
func.func @matmul(%a: tensor<4x16xf32>) -> tensor<4x40xf32> {
  %b = arith.constant dense<1.0> : tensor<16x40xf32>
  %e = tensor.empty() : tensor<4x40xf32>
  %p = nn.matmul %a, %b outs(%e) : tensor<4x16xf32>, tensor<16x40xf32>, tensor<4x40xf32> -> tensor<4x40xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  return %p : tensor<4x40xf32>
}

// Weights that are an input stay as they are.
// CHECK-LABEL: func.func @unknown
// CHECK: nn.matmul %arg0, %arg1
// CHECK-NOT: {packed}
func.func @unknown(%a: tensor<4x16xf32>, %b: tensor<16x40xf32>) -> tensor<4x40xf32> {
  %e = tensor.empty() : tensor<4x40xf32>
  %p = nn.matmul %a, %b outs(%e) : tensor<4x16xf32>, tensor<16x40xf32>, tensor<4x40xf32> -> tensor<4x40xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  return %p : tensor<4x40xf32>
}

// Bytes: panels of 16 columns, four steps of the reduction side by side, runs padded to equal blocks.
// CHECK-LABEL: func.func @bytes
// CHECK: arith.constant dense_resource<packed{{.*}}> : tensor<3x26x16x4xi8>
// CHECK: nn.matmul {{.*}} {packed}
func.func @bytes(%a: tensor<4x100xi8>) -> tensor<4x40xi32> {
  %b = arith.constant dense<1> : tensor<100x40xi8>
  %e = tensor.empty() : tensor<4x40xi32>
  %p = nn.matmul %a, %b outs(%e) : tensor<4x100xi8>, tensor<100x40xi8>, tensor<4x40xi32> -> tensor<4x40xi32> {
  ^bb0(%acc: i32):
    nn.yield %acc : i32
  }
  return %p : tensor<4x40xi32>
}

// The right side of every batch is packed while the model runs.
// CHECK-LABEL: func.func @activations
// CHECK: nn.pack %arg1 outs({{.*}}) : tensor<2x16x40xi8>, tensor<2x3x4x16x4xi8>
// CHECK: nn.matmul {{.*}} {packed}
func.func @activations(%a: tensor<2x4x16xi8>, %b: tensor<2x16x40xi8>) -> tensor<2x4x40xi32> {
  %e = tensor.empty() : tensor<2x4x40xi32>
  %p = nn.matmul %a, %b outs(%e) : tensor<2x4x16xi8>, tensor<2x16x40xi8>, tensor<2x4x40xi32> -> tensor<2x4x40xi32> {
  ^bb0(%acc: i32):
    nn.yield %acc : i32
  }
  return %p : tensor<2x4x40xi32>
}
