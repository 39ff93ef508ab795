// RUN: ashlar-opt %s --ashlar-lower-reductions | FileCheck %s

// Sixteen lanes, the rest in the first ones, and a tree.
// CHECK-LABEL: func.func @sum
// CHECK: scf.parallel
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> (vector<16xf32>)
// CHECK: vector.load {{.*}} vector<16xf32>
// CHECK: arith.addf {{.*}} : vector<16xf32>
// CHECK: vector.maskedload
// CHECK: arith.select {{.*}} : vector<16xi1>, vector<16xf32>
// CHECK: arith.addf {{.*}} : vector<16xf32>
// CHECK: arith.addf {{.*}} : vector<8xf32>
// CHECK: arith.addf {{.*}} : vector<4xf32>
// CHECK: arith.addf {{.*}} : vector<2xf32>
// CHECK-NOT: linalg.generic
#in = affine_map<(i, j) -> (i, j)>
#out = affine_map<(i, j) -> (i)>
func.func @sum(%x: memref<8x40xf32>, %y: memref<8xf32>) {
  linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<8x40xf32>) outs(%y : memref<8xf32>) {
  ^bb0(%a: f32, %s: f32):
    %t = arith.addf %s, %a : f32
    linalg.yield %t : f32
  }
  return
}

// Integers, too: bytes are widened in vectors.
// CHECK-LABEL: func.func @integers
// CHECK: vector.load {{.*}} vector<16xi32>
// CHECK: arith.addi {{.*}} : vector<16xi32>
// CHECK-NOT: linalg.generic
func.func @integers(%x: memref<8x40xi32>, %y: memref<8xi32>) {
  linalg.generic {indexing_maps = [#in, #out], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<8x40xi32>) outs(%y : memref<8xi32>) {
  ^bb0(%a: i32, %s: i32):
    %t = arith.addi %s, %a : i32
    linalg.yield %t : i32
  }
  return
}

// Columns: a lane a result, rows folded in chunks of chunks, a rest by a mask.
// CHECK-LABEL: func.func @columns
// CHECK: scf.parallel
// CHECK: scf.for {{.*}} step %c64{{.*}} -> (vector<16xf32>)
// CHECK: arith.minsi
// CHECK: scf.for {{.*}} step %c8{{.*}} -> (vector<16xf32>)
// CHECK: arith.minsi
// CHECK: scf.for {{.*}} -> (vector<16xf32>)
// CHECK: vector.load {{.*}} vector<16xf32>
// CHECK: arith.mulf {{.*}} : vector<16xf32>
// CHECK: arith.addf {{.*}} : vector<16xf32>
// CHECK: vector.load {{.*}} vector<16xf32>
// CHECK: vector.store {{.*}} vector<16xf32>
// CHECK: scf.parallel
// CHECK: vector.maskedload
// CHECK: vector.maskedstore
// CHECK-NOT: linalg.generic
#cube = affine_map<(i, j, k) -> (i, j, k)>
#flat = affine_map<(i, j, k) -> (i, k)>
func.func @columns(%x: memref<2x100x40xf32>, %y: memref<2x40xf32>) {
  linalg.generic {indexing_maps = [#cube, #flat], iterator_types = ["parallel", "reduction", "parallel"]}
      ins(%x : memref<2x100x40xf32>) outs(%y : memref<2x40xf32>) {
  ^bb0(%a: f32, %s: f32):
    %q = arith.mulf %a, %a : f32
    %t = arith.addf %s, %q : f32
    linalg.yield %t : f32
  }
  return
}

// Two loops reduce: each folds on its own.
// CHECK-LABEL: func.func @planes
// CHECK: scf.for {{.*}} -> (vector<16xf32>)
// CHECK: scf.for {{.*}} -> (vector<16xf32>)
// CHECK: vector.load {{.*}} vector<16xf32>
// CHECK: vector.store {{.*}} vector<16xf32>
// CHECK-NOT: vector.masked
// CHECK-NOT: linalg.generic
#place = affine_map<(i, j, k) -> (k)>
func.func @planes(%x: memref<7x7x32xf32>, %y: memref<32xf32>) {
  linalg.generic {indexing_maps = [#cube, #place], iterator_types = ["reduction", "reduction", "parallel"]}
      ins(%x : memref<7x7x32xf32>) outs(%y : memref<32xf32>) {
  ^bb0(%a: f32, %s: f32):
    %t = arith.addf %s, %a : f32
    linalg.yield %t : f32
  }
  return
}

// The index of a loop, as integers: where a vector begins, and its lanes.
// CHECK-LABEL: func.func @positions
// CHECK: scf.for %[[K:[a-z0-9]+]] = {{.*}} -> (vector<16xi32>)
// CHECK: %[[I:.*]] = arith.index_cast %[[K]] : index to i32
// CHECK: %[[S:.*]] = vector.broadcast %[[I]] : i32 to vector<16xi32>
// CHECK: %[[LANES:.*]] = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]> : vector<16xi32>
// CHECK: arith.addi %[[S]], %[[LANES]]
// CHECK: arith.minsi {{.*}} vector<16xi32>
// CHECK-NOT: linalg.generic
func.func @positions(%x: memref<4x32xf32>, %m: memref<4xf32>, %y: memref<4xi32>) {
  linalg.generic {indexing_maps = [affine_map<(i, k) -> (i, k)>, affine_map<(i, k) -> (i)>, affine_map<(i, k) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%x, %m : memref<4x32xf32>, memref<4xf32>) outs(%y : memref<4xi32>) {
  ^bb0(%a: f32, %b: f32, %s: i32):
    %none = arith.constant 2147483647 : i32
    %k = linalg.index 1 : index
    %p = arith.index_cast %k : index to i32
    %e = arith.cmpf oeq, %a, %b : f32
    %c = arith.select %e, %p, %none : i32
    %t = arith.minsi %c, %s : i32
    linalg.yield %t : i32
  }
  return
}
