// RUN: ashlar-opt %s --ashlar-separate-inits --split-input-file | FileCheck %s

#rows = affine_map<(m, k) -> (m, k)>
#sums = affine_map<(m, k) -> (m)>

// Two sums that start at zero: each fills a tensor of its own.
// CHECK-LABEL: func.func @fills
// CHECK: %[[A:.*]] = tensor.empty
// CHECK: %[[FA:.*]] = linalg.fill {{.*}} outs(%[[A]]
// CHECK: linalg.generic {{.*}} outs(%[[FA]]
// CHECK: %[[B:.*]] = tensor.empty
// CHECK: %[[FB:.*]] = linalg.fill {{.*}} outs(%[[B]]
// CHECK: linalg.generic {{.*}} outs(%[[FB]]
func.func @fills(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %a = linalg.generic {indexing_maps = [#rows, #sums], iterator_types = ["parallel", "reduction"]}
    ins(%x : tensor<4x8xf32>) outs(%f : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %s = arith.addf %in, %out : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  %b = linalg.generic {indexing_maps = [#rows, #sums], iterator_types = ["parallel", "reduction"]}
    ins(%y : tensor<4x8xf32>) outs(%f : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %s = arith.addf %in, %out : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  return %a, %b : tensor<4xf32>, tensor<4xf32>
}

// -----

#rows = affine_map<(m, k) -> (m, k)>
#sums = affine_map<(m, k) -> (m)>
#id = affine_map<(m) -> (m)>

// The start of the sum is a result itself: it may not be put where the sum goes.
// CHECK-LABEL: func.func @start_is_used
// CHECK: %[[OWN:.*]] = bufferization.alloc_tensor() : tensor<4xf32>
// CHECK: linalg.generic {{.*}} outs(%[[OWN]]
func.func @start_is_used(%x: tensor<4x8xf32>, %s: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %e = tensor.empty() : tensor<4xf32>
  %start = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
    ins(%s : tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %n = arith.negf %in : f32
    linalg.yield %n : f32
  } -> tensor<4xf32>
  %a = linalg.generic {indexing_maps = [#rows, #sums], iterator_types = ["parallel", "reduction"]}
    ins(%x : tensor<4x8xf32>) outs(%start : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %t = arith.addf %in, %out : f32
    linalg.yield %t : f32
  } -> tensor<4xf32>
  return %a, %start : tensor<4xf32>, tensor<4xf32>
}

// -----

// Loops write what they carry in place, too.
// CHECK-LABEL: func.func @loops
// CHECK: %[[A:.*]] = tensor.empty
// CHECK: %[[FA:.*]] = linalg.fill {{.*}} outs(%[[A]]
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %[[FA]])
// CHECK: %[[B:.*]] = tensor.empty
// CHECK: %[[FB:.*]] = linalg.fill {{.*}} outs(%[[B]]
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %[[FB]])
func.func @loops(%x: f32, %y: f32) -> (tensor<4xf32>, tensor<4xf32>) {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %e = tensor.empty() : tensor<4xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %a = scf.for %i = %c0 to %c4 step %c1 iter_args(%t = %f) -> (tensor<4xf32>) {
    %n = tensor.insert %x into %t[%i] : tensor<4xf32>
    scf.yield %n : tensor<4xf32>
  }
  %b = scf.for %i = %c0 to %c4 step %c1 iter_args(%t = %f) -> (tensor<4xf32>) {
    %n = tensor.insert %y into %t[%i] : tensor<4xf32>
    scf.yield %n : tensor<4xf32>
  }
  return %a, %b : tensor<4xf32>, tensor<4xf32>
}
