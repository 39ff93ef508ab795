// RUN: ashlar-opt %s --ashlar-lower-transposes | FileCheck %s

#id = affine_map<(b, i, j) -> (b, i, j)>
#swap = affine_map<(b, i, j) -> (b, j, i)>
#row = affine_map<(b, i, j) -> (i)>

// Blocks of 8x8 on AVX2: rows in, shuffles, rows out; the last block has four
// columns.
// CHECK-LABEL: func.func @turn
// CHECK: scf.parallel
// CHECK-COUNT-8: vector.load {{.*}} vector<8xf32>
// CHECK-COUNT-24: vector.shuffle
// CHECK-COUNT-8: vector.store
// CHECK-COUNT-4: vector.load
// CHECK-COUNT-24: vector.shuffle
// CHECK-COUNT-8: vector.maskedstore
// CHECK-NOT: linalg.generic
func.func @turn(%x: memref<3x12x16xf32>, %y: memref<3x16x12xf32>) {
  linalg.generic {indexing_maps = [#swap, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : memref<3x12x16xf32>) outs(%y : memref<3x16x12xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  }
  return
}

// Other inputs are read as they lie.
// CHECK-LABEL: func.func @scaled
// CHECK: vector.shuffle
// CHECK: memref.load
// CHECK: arith.mulf {{.*}} : vector<8xf32>
// CHECK: vector.store
// CHECK-NOT: linalg.generic
func.func @scaled(%x: memref<3x8x16xf32>, %s: memref<16xf32>, %y: memref<3x16x8xf32>) {
  linalg.generic {indexing_maps = [#swap, #row, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %s : memref<3x8x16xf32>, memref<16xf32>) outs(%y : memref<3x16x8xf32>) {
  ^bb0(%a: f32, %f: f32, %o: f32):
    %p = arith.mulf %a, %f : f32
    linalg.yield %p : f32
  }
  return
}

// Sizes that are not known: rows and columns of the last blocks are tested.
// CHECK-LABEL: func.func @dynamic
// CHECK: vector.shuffle
// CHECK: scf.if
// CHECK-NOT: linalg.generic
func.func @dynamic(%x: memref<3x?x?xf32>, %y: memref<3x?x?xf32>) {
  linalg.generic {indexing_maps = [#swap, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : memref<3x?x?xf32>) outs(%y : memref<3x?x?xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  }
  return
}

// Blocks that would be mostly empty.
// CHECK-LABEL: func.func @narrow
// CHECK: linalg.generic
func.func @narrow(%x: memref<3x300x3xf32>, %y: memref<3x3x300xf32>) {
  linalg.generic {indexing_maps = [#swap, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : memref<3x300x3xf32>) outs(%y : memref<3x3x300xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  }
  return
}
