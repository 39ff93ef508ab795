// RUN: ashlar-opt %s --ashlar-bind-arguments --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @body(%arg0: !llvm.ptr) -> i32
// CHECK-DAG: %[[N:.*]] = tile.dim %arg0[0]
// CHECK: %[[IN:.*]] = tile.input %arg0[0] (%[[N]]) : !llvm.ptr -> memref<?x4xf32>
// CHECK: %[[X:.*]] = bufferization.to_tensor %[[IN]] restrict
// CHECK: %[[Y:.*]] = linalg.generic
// CHECK: tile.output %arg0[1] ({{.*}}) {checked, first_dim = 0 : i64} : !llvm.ptr -> memref<?x4xf32>
// CHECK: bufferization.materialize_in_destination %[[Y]] in restrict writable
// CHECK: return %{{.*}} : i32
#id = affine_map<(i, j) -> (i, j)>
func.func @main(%x: tensor<?x4xf32> {onnx.dim_names = ["batch", ""]}) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x4xf32>
  %e = tensor.empty(%n) : tensor<?x4xf32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %a, %a : f32
    linalg.yield %s : f32
  } -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// expected-error@+1 {{expected inputs and outputs to be tensors of known rank}}
func.func @main(%x: tensor<*xf32>) -> tensor<*xf32> {
  return %x : tensor<*xf32>
}
