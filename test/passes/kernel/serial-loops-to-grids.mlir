// A function of 128 loops, one of one loop: LOOP stands for what the first has
// so often.
// RUN: %python -c "import sys; t = open(sys.argv[1]).read().split('// LOOP\n'); print(t[0] + t[1] * 128 + t[2])" %s > %t.mlir
// RUN: ashlar-opt %t.mlir --ashlar-serial-loops-to-grids | FileCheck %s

// CHECK-LABEL: func.func @many
// CHECK-COUNT-128: tile.grid
// CHECK-NOT: tile.grid
// CHECK: %[[SUM:.*]] = scf.for {{.*}} iter_args
// CHECK: return %[[SUM]]
func.func @many(%m: memref<64xf32>) -> f32 {
  %f = arith.constant 0.0 : f32
  %low = arith.constant 0 : index
  %high = arith.constant 64 : index
  %one = arith.constant 1 : index
// LOOP
  scf.for %i = %low to %high step %one {
    memref.store %f, %m[%i] : memref<64xf32>
  }
// LOOP
  %sum = scf.for %i = %low to %high step %one iter_args(%s = %f) -> (f32) {
    %x = memref.load %m[%i] : memref<64xf32>
    %t = arith.addf %s, %x : f32
    scf.yield %t : f32
  }
  return %sum : f32
}

// CHECK-LABEL: func.func @few
// CHECK-NOT: tile.grid
func.func @few(%m: memref<64xf32>) {
  %f = arith.constant 0.0 : f32
  %low = arith.constant 0 : index
  %high = arith.constant 64 : index
  %one = arith.constant 1 : index
  scf.for %i = %low to %high step %one {
    memref.store %f, %m[%i] : memref<64xf32>
  }
  return
}
