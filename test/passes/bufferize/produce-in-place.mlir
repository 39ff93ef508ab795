// RUN: ashlar-opt %s --ashlar-produce-in-place --split-input-file | FileCheck %s
// RUN: ashlar-opt %s --ashlar-stage-bufferize --split-input-file | FileCheck %s --check-prefix=COPIES

// A pool writes into the padded image: the frame is filled before, one slab a
// side, and the corners once.
// CHECK-LABEL: func.func @main
// CHECK: %[[BASE:.*]] = bufferization.alloc_tensor() : tensor<1x6x6x8xf32>
// CHECK: tensor.extract_slice %[[BASE]][0, 0, 0, 0] [1, 1, 6, 8]
// CHECK-NEXT: linalg.fill
// CHECK: tensor.extract_slice {{.*}}[0, 5, 0, 0] [1, 1, 6, 8]
// CHECK: tensor.extract_slice {{.*}}[0, 1, 0, 0] [1, 4, 1, 8]
// CHECK: tensor.extract_slice {{.*}}[0, 1, 5, 0] [1, 4, 1, 8]
// CHECK: %[[PLACE:.*]] = tensor.extract_slice %[[FRAMED:.*]][0, 1, 1, 0] [1, 4, 4, 8]
// CHECK: %[[POOLED:.*]] = nn.pool {{.*}} outs(%[[PLACE]])
// CHECK: %[[PADDED:.*]] = tensor.insert_slice %[[POOLED]] into %[[FRAMED]][0, 1, 1, 0]
// CHECK-NOT: tensor.pad
// CHECK: nn.pool %[[PADDED]]
// COPIES-LABEL: func.func @body
// COPIES-NOT: memref.copy
func.func @main(%x: tensor<1x8x8x8xf32>) -> tensor<1x3x3x8xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x4x4x8xf32>
  %p = nn.pool %x outs(%e) {dilations = array<i64: 1, 1>, kind = "max", strides = array<i64: 2, 2>, window = array<i64: 2, 2>} : tensor<1x8x8x8xf32>, tensor<1x4x4x8xf32> -> tensor<1x4x4x8xf32> {
  ^bb0(%a: f32):
    nn.yield %a : f32
  }
  %padded = tensor.pad %p low[0, 1, 1, 0] high[0, 1, 1, 0] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<1x4x4x8xf32> to tensor<1x6x6x8xf32>
  %o = tensor.empty() : tensor<1x3x3x8xf32>
  %q = nn.pool %padded outs(%o) {dilations = array<i64: 1, 1>, kind = "max", strides = array<i64: 2, 2>, window = array<i64: 2, 2>} : tensor<1x6x6x8xf32>, tensor<1x3x3x8xf32> -> tensor<1x3x3x8xf32> {
  ^bb0(%a: f32):
    nn.yield %a : f32
  }
  return %q : tensor<1x3x3x8xf32>
}

// -----

#id = affine_map<(i, j) -> (i, j)>

// Both halves of a concatenation are computed in their places, in the order of
// the program; a second reader of the first half reads its place.
// CHECK-LABEL: func.func @main
// CHECK: tensor.extract_slice %[[BASE:.*]][0, 8] [4, 8]
// CHECK: linalg.generic
// CHECK: %[[FIRST:.*]] = tensor.insert_slice {{.*}} into %[[BASE]][0, 8]
// CHECK: %[[READ:.*]] = tensor.extract_slice %[[FIRST]][0, 8] [4, 8]
// CHECK: linalg.generic {{.*}} ins(%[[READ]]
// CHECK: tensor.extract_slice %[[FIRST]][0, 0] [4, 8]
// CHECK: linalg.generic
// CHECK: tensor.insert_slice {{.*}} into %[[FIRST]][0, 0]
// COPIES-LABEL: func.func @body
// COPIES-NOT: memref.copy
func.func @main(%x: tensor<4x8xf32>) -> (tensor<4x16xf32>, tensor<4x8xf32>) {
  %e = tensor.empty() : tensor<4x8xf32>
  %j = tensor.empty() : tensor<4x16xf32>
  %a = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%v: f32, %o: f32):
    %n = arith.negf %v : f32
    linalg.yield %n : f32
  } -> tensor<4x8xf32>
  %other = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%v: f32, %o: f32):
    %n = math.absf %v : f32
    linalg.yield %n : f32
  } -> tensor<4x8xf32>
  %b = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%v: f32, %o: f32):
    %n = arith.addf %v, %v : f32
    linalg.yield %n : f32
  } -> tensor<4x8xf32>
  %1 = tensor.insert_slice %b into %j[0, 0] [4, 8] [1, 1] : tensor<4x8xf32> into tensor<4x16xf32>
  %2 = tensor.insert_slice %a into %1[0, 8] [4, 8] [1, 1] : tensor<4x8xf32> into tensor<4x16xf32>
  %f = tensor.empty() : tensor<4x16xf32>
  %last = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%2 : tensor<4x16xf32>) outs(%f : tensor<4x16xf32>) {
  ^bb0(%v: f32, %o: f32):
    %n = math.absf %v : f32
    linalg.yield %n : f32
  } -> tensor<4x16xf32>
  return %last, %other : tensor<4x16xf32>, tensor<4x8xf32>
}

// -----

// A part that is an argument is copied where the whole is made; slices that
// overlap stay as they are.
// CHECK-LABEL: func.func @main
// CHECK: tensor.insert_slice %arg0 into {{.*}}[0] [4]
// CHECK: tensor.insert_slice %arg1 into {{.*}}[2] [4]
// COPIES-LABEL: func.func @body
func.func @main(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<8xf32> {
  %e = tensor.empty() : tensor<8xf32>
  %1 = tensor.insert_slice %x into %e[0] [4] [1] : tensor<4xf32> into tensor<8xf32>
  %2 = tensor.insert_slice %y into %1[2] [4] [1] : tensor<4xf32> into tensor<8xf32>
  return %2 : tensor<8xf32>
}

// -----

// What is put together and is a part itself: its parts are parts of the whole,
// with the gaps of both.
// CHECK-LABEL: func.func @main
// CHECK: nn.pool {{.*}} outs(%[[ONE:.*]]) {dilations
// CHECK: tensor.insert_slice {{.*}}[0, 0, 0, 4] [1, 4, 4, 4] [1, 2, 1, 1]
// CHECK: nn.pool
// CHECK: tensor.insert_slice {{.*}}[0, 1, 0, 4] [1, 4, 4, 4] [1, 2, 1, 1]
// CHECK: tensor.insert_slice %arg1 into {{.*}}[0, 0, 0, 0] [1, 8, 4, 4]
// COPIES-LABEL: func.func @body
func.func @main(%x: tensor<1x8x8x4xf32>, %y: tensor<1x8x4x4xf32>) -> tensor<1x4x2x8xf32> {
  %e = tensor.empty() : tensor<1x4x4x4xf32>
  %f = tensor.empty() : tensor<1x8x4x4xf32>
  %g = tensor.empty() : tensor<1x8x4x8xf32>
  %a = nn.pool %x outs(%e) {dilations = array<i64: 1, 1>, kind = "max", strides = array<i64: 2, 2>, window = array<i64: 2, 2>} : tensor<1x8x8x4xf32>, tensor<1x4x4x4xf32> -> tensor<1x4x4x4xf32> {
  ^bb0(%v: f32):
    nn.yield %v : f32
  }
  %b = nn.pool %x outs(%e) {dilations = array<i64: 1, 1>, kind = "sum", strides = array<i64: 2, 2>, window = array<i64: 2, 2>} : tensor<1x8x8x4xf32>, tensor<1x4x4x4xf32> -> tensor<1x4x4x4xf32> {
  ^bb0(%v: f32):
    nn.yield %v : f32
  }
  %1 = tensor.insert_slice %a into %f[0, 0, 0, 0] [1, 4, 4, 4] [1, 2, 1, 1] : tensor<1x4x4x4xf32> into tensor<1x8x4x4xf32>
  %2 = tensor.insert_slice %b into %1[0, 1, 0, 0] [1, 4, 4, 4] [1, 2, 1, 1] : tensor<1x4x4x4xf32> into tensor<1x8x4x4xf32>
  %3 = tensor.insert_slice %y into %g[0, 0, 0, 0] [1, 8, 4, 4] [1, 1, 1, 1] : tensor<1x8x4x4xf32> into tensor<1x8x4x8xf32>
  %4 = tensor.insert_slice %2 into %3[0, 0, 0, 4] [1, 8, 4, 4] [1, 1, 1, 1] : tensor<1x8x4x4xf32> into tensor<1x8x4x8xf32>
  %o = tensor.empty() : tensor<1x4x2x8xf32>
  %q = nn.pool %4 outs(%o) {dilations = array<i64: 1, 1>, kind = "max", strides = array<i64: 2, 2>, window = array<i64: 2, 2>} : tensor<1x8x4x8xf32>, tensor<1x4x2x8xf32> -> tensor<1x4x2x8xf32> {
  ^bb0(%v: f32):
    nn.yield %v : f32
  }
  return %q : tensor<1x4x2x8xf32>
}
