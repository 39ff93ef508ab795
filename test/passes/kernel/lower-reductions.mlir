// RUN: ashlar-opt %s --ashlar-lower-reductions | FileCheck %s

// Sixteen lanes, a tree, and the rest one by one.
// CHECK-LABEL: func.func @sum
// CHECK: scf.parallel
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> (vector<16xf32>)
// CHECK: vector.load {{.*}} vector<16xf32>
// CHECK: arith.addf {{.*}} : vector<16xf32>
// CHECK: arith.addf {{.*}} : vector<8xf32>
// CHECK: arith.addf {{.*}} : vector<4xf32>
// CHECK: arith.addf {{.*}} : vector<2xf32>
// CHECK: scf.for {{.*}} -> (f32)
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

// Sums of 32-bit integers, exact in any order, are vectors, too: LLVM sees no loop it would dare to turn.
// CHECK-LABEL: func.func @integers
// CHECK: arith.addi {{.*}} vector<16xi32>
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
