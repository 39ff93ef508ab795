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
