// RUN: ashlar-opt %s --ashlar-parallel-loops-to-grids | FileCheck %s

// CHECK-LABEL: func.func @large
// CHECK: tile.grid
// CHECK: scf.for
// CHECK-NOT: scf.parallel
func.func @large(%x: memref<256x256xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i, %j) = (%c0, %c0) to (%n, %n) step (%c1, %c1) {
    %v = memref.load %x[%i, %j] : memref<256x256xf32>
    %w = arith.addf %v, %v : f32
    memref.store %w, %x[%i, %j] : memref<256x256xf32>
    scf.reduce
  }
  return
}

// CHECK-LABEL: func.func @small
// CHECK-NOT: tile.grid
// CHECK: scf.for
func.func @small(%x: memref<16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 16 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %v = memref.load %x[%i] : memref<16xf32>
    memref.store %v, %x[%i] : memref<16xf32>
    scf.reduce
  }
  return
}
