// RUN: ashlar-opt %s --ashlar-outline-grids | FileCheck %s

// Two grids that do the same on different buffers share one task.
// CHECK: func.func private @ashlar_rt1_parallel_for(!llvm.ptr, !llvm.ptr, !llvm.ptr, i32)
// CHECK-LABEL: func.func @body
// CHECK: call @ashlar_rt1_parallel_for
// CHECK: call @ashlar_rt1_parallel_for
// CHECK-NOT: tile.grid
func.func @body(%args: !llvm.ptr) -> i32 {
  %ok = arith.constant 0 : i32
  %n = arith.constant 131072 : index
  %f = arith.constant 1.0 : f32
  %a = tile.workspace %args[0]() : !llvm.ptr -> memref<65536xf32>
  %b = tile.workspace %args[262144]() : !llvm.ptr -> memref<65536xf32>
  tile.grid %n {
  ^bb0(%i: index):
    memref.store %f, %a[%i] : memref<65536xf32>
    tile.done
  }
  tile.grid %n {
  ^bb0(%i: index):
    memref.store %f, %b[%i] : memref<65536xf32>
    tile.done
  }
  return %ok : i32
}

// Little to do: the same task, called in turn.
// CHECK-LABEL: func.func @little
// CHECK-NOT: @ashlar_rt1_parallel_for
// CHECK: scf.for
// CHECK: call @task_0
func.func @little(%args: !llvm.ptr) {
  %n = arith.constant 64 : index
  %f = arith.constant 1.0 : f32
  %a = tile.workspace %args[0]() : !llvm.ptr -> memref<65536xf32>
  tile.grid %n {
  ^bb0(%i: index):
    memref.store %f, %a[%i] : memref<65536xf32>
    tile.done
  }
  return
}

// A buffer that a branch chose cannot be derived again: a serial loop.
// CHECK-LABEL: func.func @chosen
// CHECK: scf.for
func.func @chosen(%args: !llvm.ptr, %which: i1) {
  %n = arith.constant 64 : index
  %f = arith.constant 1.0 : f32
  %a = tile.workspace %args[0]() : !llvm.ptr -> memref<64xf32>
  %b = tile.workspace %args[256]() : !llvm.ptr -> memref<64xf32>
  %c = scf.if %which -> memref<64xf32> {
    scf.yield %a : memref<64xf32>
  } else {
    scf.yield %b : memref<64xf32>
  }
  tile.grid %n {
  ^bb0(%i: index):
    memref.store %f, %c[%i] : memref<64xf32>
    tile.done
  }
  return
}

// CHECK: func.func private @task_0(%{{.*}}: !llvm.ptr, %{{.*}}: i32, %{{.*}}: i32)
// CHECK: tile.workspace {{.*}} : !llvm.ptr -> memref<65536xf32>
// CHECK: memref.store
// CHECK-NOT: @task_1
