// RUN: ashlar-opt %s --ashlar-plan-arena | FileCheck %s

// The first and third buffer never live at the same time: they share bytes.
// The one sized by a dimension lies behind all static ones, the one sized by
// data is allocated while the model runs.
// CHECK-LABEL: func.func @body
// CHECK-NOT: memref.alloc(
// CHECK-DAG: %[[A:.*]] = tile.workspace %arg0[0] () : !llvm.ptr -> memref<16xf32>
// CHECK-DAG: %[[B:.*]] = tile.workspace %arg0[64] () : !llvm.ptr -> memref<16xf32>
// CHECK-DAG: %[[C:.*]] = tile.workspace %arg0[0] () : !llvm.ptr -> memref<16xf32>
// CHECK: tile.workspace %arg0[128 + %{{.*}}] (%{{.*}}) : !llvm.ptr -> memref<?xf32>
// CHECK: tile.allocate %arg0[%{{.*}}, %{{.*}}] (%{{.*}})
// CHECK-LABEL: func.func @shapes(%arg0: !llvm.ptr, %arg1: !llvm.ptr)
// CHECK: llvm.load %{{.*}} : !llvm.ptr -> i64
// CHECK: llvm.store
func.func @body(%args: !llvm.ptr) -> i32 {
  %ok = arith.constant 0 : i32
  %c0 = arith.constant 0 : index
  %f = arith.constant 0.0 : f32
  %a = memref.alloc() : memref<16xf32>
  memref.store %f, %a[%c0] : memref<16xf32>
  %b = memref.alloc() : memref<16xf32>
  memref.copy %a, %b : memref<16xf32> to memref<16xf32>
  %c = memref.alloc() : memref<16xf32>
  memref.copy %b, %c : memref<16xf32> to memref<16xf32>
  %n = tile.dim %args[0] : !llvm.ptr
  %d = memref.alloc(%n) : memref<?xf32>
  memref.store %f, %d[%c0] : memref<?xf32>
  %v = memref.load %c[%c0] : memref<16xf32>
  %i = arith.fptosi %v : f32 to i64
  %j = arith.index_cast %i : i64 to index
  %e = memref.alloc(%j) : memref<?xf32>
  memref.store %f, %e[%c0] : memref<?xf32>
  return %ok : i32
}
