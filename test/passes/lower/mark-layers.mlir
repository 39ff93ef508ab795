// RUN: ashlar-opt %s --ashlar-mark-layers | FileCheck %s

// A mark where the layer changes, none for arithmetic and for what belongs to
// no layer.
// CHECK: func.func private @ashlar_rt1_mark(!llvm.ptr, i32)
// CHECK: func.func @body
module attributes {ashlar.layers = ["conv", "relu", "sum"]} {
  func.func @body(%args: !llvm.ptr) -> i32 {
    %ok = arith.constant 0 : i32
    %n = arith.constant 64 : index
    %zero = arith.constant 0 : index
    %one = arith.constant 1 : index
    %f = arith.constant 1.0 : f32
    %a = tile.workspace %args[0]() : !llvm.ptr -> memref<64xf32>
    // CHECK: %[[CONV:.*]] = arith.constant 0 : i32
    // CHECK: %[[CONV2:.*]] = arith.constant 0 : i32
    // CHECK-NEXT: call @ashlar_rt1_mark(%arg0, %[[CONV2]])
    // CHECK-NEXT: tile.grid
    tile.grid %n {
    ^bb0(%i: index):
      memref.store %f, %a[%i] : memref<64xf32>
      tile.done
    } loc(fused["conv", "relu"])
    // CHECK-NOT: ashlar_rt1_mark
    // CHECK: scf.for
    scf.for %i = %zero to %n step %one {
      memref.store %f, %a[%i] : memref<64xf32> loc("nobody")
    } loc("nobody")
    %m = arith.addi %n, %one : index loc("relu")
    // CHECK: %[[SUM:.*]] = arith.constant 2 : i32
    // CHECK-NEXT: call @ashlar_rt1_mark(%arg0, %[[SUM]])
    // CHECK-NEXT: scf.for
    scf.for %i = %zero to %m step %one {
      memref.store %f, %a[%zero] : memref<64xf32> loc("sum")
    }
    return %ok : i32
  }
}
