// RUN: ashlar-opt %s --ashlar-lower-elementwise | FileCheck %s

#id = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
#column = affine_map<(i, j) -> (j)>
#swap = affine_map<(i, j) -> (j, i)>

// Contiguous on all sides: one loop over all elements.
// CHECK-LABEL: func.func @joined
// CHECK-NOT: scf.parallel
// CHECK: scf.for %{{.*}} = %{{.*}} to %c96
// CHECK: vector.load {{.*}} vector<8xf32>
// CHECK: math.exp {{.*}} : vector<8xf32>
// CHECK: vector.store
// CHECK-NOT: linalg.generic
func.func @joined(%x: memref<8x12xf32>, %y: memref<8x12xf32>) {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<8x12xf32>) outs(%y : memref<8x12xf32>) {
  ^bb0(%a: f32, %o: f32):
    %e = math.exp %a : f32
    linalg.yield %e : f32
  }
  return
}

// One value a row is read once a row, one a column with every vector; the rest
// of a row is masked.
// CHECK-LABEL: func.func @broadcast
// CHECK: scf.parallel
// CHECK: memref.load {{.*}} memref<?xf32>
// CHECK: scf.for
// CHECK: vector.load
// CHECK: vector.broadcast {{.*}} : f32 to vector<8xf32>
// CHECK: vector.constant_mask [4]
// CHECK: vector.maskedstore
// CHECK-NOT: linalg.generic
func.func @broadcast(%x: memref<8x20xf32>, %r: memref<8xf32>, %c: memref<20xf32>, %y: memref<8x20xf32>) {
  linalg.generic {indexing_maps = [#id, #row, #column, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %r, %c : memref<8x20xf32>, memref<8xf32>, memref<20xf32>) outs(%y : memref<8x20xf32>) {
  ^bb0(%a: f32, %b: f32, %d: f32, %o: f32):
    %s = arith.mulf %a, %b : f32
    %t = arith.addf %s, %d : f32
    linalg.yield %t : f32
  }
  return
}

// Rows that an index chooses are copied as vectors.
// CHECK-LABEL: func.func @gather
// CHECK: scf.parallel
// CHECK: memref.load {{.*}} memref<?xi64>
// CHECK: arith.index_cast
// CHECK: scf.for
// CHECK-NOT: memref.load
// CHECK: vector.load
// CHECK: vector.store
// CHECK-NOT: linalg.generic
func.func @gather(%table: memref<100x64xf32>, %at: memref<8xi64>, %y: memref<8x64xf32>) {
  linalg.generic {indexing_maps = [#row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%at : memref<8xi64>) outs(%y : memref<8x64xf32>) {
  ^bb0(%a: i64, %o: f32):
    %i = arith.index_cast %a : i64 to index
    %j = linalg.index 1 : index
    %v = memref.load %table[%i, %j] : memref<100x64xf32>
    linalg.yield %v : f32
  }
  return
}

// A dynamic extent: whole vectors, then what is left.
// CHECK-LABEL: func.func @dynamic
// CHECK: scf.parallel
// CHECK: vector.load
// CHECK: vector.create_mask
// CHECK: vector.maskedload
func.func @dynamic(%x: memref<?xf32>, %y: memref<?xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : memref<?xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %e = arith.negf %a : f32
    linalg.yield %e : f32
  }
  return
}

// Left to others: transposes, and places that change with every element.
// CHECK-LABEL: func.func @others
// CHECK-COUNT-2: linalg.generic
func.func @others(%x: memref<8x16xf32>, %t: memref<16x8xf32>, %y: memref<8x16xf32>, %k: memref<8x16xindex>) {
  linalg.generic {indexing_maps = [#swap, #id], iterator_types = ["parallel", "parallel"]}
      ins(%t : memref<16x8xf32>) outs(%y : memref<8x16xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  }
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]}
      outs(%y : memref<8x16xf32>) {
  ^bb0(%o: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %one = arith.constant 1 : index
    %n = arith.addi %j, %one : index
    %v = memref.load %x[%i, %n] : memref<8x16xf32>
    linalg.yield %v : f32
  }
  return
}

// Truth values: a byte each, taken as vectors like others.
// CHECK-LABEL: func.func @truth_values
// CHECK: vector.load {{.*}}vector<[[LANES:.*]]xi1>
// CHECK: arith.select {{.*}} : vector<[[LANES]]xi1>, vector<[[LANES]]xf32>
// CHECK-NOT: linalg.generic
func.func @truth_values(%x: memref<8x16xf32>, %m: memref<8x16xi1>, %y: memref<8x16xf32>) {
  linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %m : memref<8x16xf32>, memref<8x16xi1>) outs(%y : memref<8x16xf32>) {
  ^bb0(%a: f32, %c: i1, %o: f32):
    %z = arith.constant 0.0 : f32
    %s = arith.select %c, %a, %z : f32
    linalg.yield %s : f32
  }
  return
}

// A fill of a slice, by rows.
// CHECK-LABEL: func.func @fill
// CHECK: scf.parallel
// CHECK: vector.store
// CHECK-NOT: linalg.fill
func.func @fill(%y: memref<8x16xf32, strided<[32, 1]>>) {
  %z = arith.constant 0.0 : f32
  linalg.fill ins(%z : f32) outs(%y : memref<8x16xf32, strided<[32, 1]>>)
  return
}
