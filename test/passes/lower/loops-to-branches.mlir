// RUN: ashlar-opt %s --ashlar-loops-to-branches | FileCheck %s

// Loops one after the other, one in the other, with a value that goes round.
// CHECK-LABEL: func.func @loops
// CHECK: cf.br ^[[OUTER:.*]](%{{.*}} : index)
// CHECK: ^[[OUTER]](%[[I:.*]]: index):
// CHECK-NEXT: %[[MORE:.*]] = arith.cmpi slt, %[[I]]
// CHECK-NEXT: cf.cond_br %[[MORE]], ^[[BODY:.*]], ^[[AFTER:.*]]
// CHECK: ^[[BODY]]:
// CHECK-NEXT: cf.br ^[[INNER:.*]](%{{.*}}, %{{.*}} : index, f32)
// CHECK: ^[[INNER]](%[[J:.*]]: index, %[[SUM:.*]]: f32):
// CHECK: cf.cond_br %{{.*}}, ^[[INNERBODY:.*]], ^[[STORE:.*]]
// CHECK: ^[[INNERBODY]]:
// CHECK: %[[NEXT:.*]] = arith.addf %[[SUM]]
// CHECK: cf.br ^[[INNER]](%{{.*}}, %[[NEXT]] : index, f32)
// CHECK: ^[[STORE]]:
// CHECK-NEXT: memref.store %[[SUM]], %{{.*}}[%[[I]]]
// CHECK: cf.br ^[[OUTER]]
// CHECK: ^[[AFTER]]:
// CHECK-NEXT: cf.br ^[[SECOND:.*]](%{{.*}} : index)
// CHECK: ^[[SECOND]]
// CHECK-NOT: scf.
func.func @loops(%x: memref<8xf32>, %y: memref<8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c8 step %c1 {
    %sum = scf.for %j = %c0 to %c8 step %c1 iter_args(%at = %zero) -> (f32) {
      %v = memref.load %x[%j] : memref<8xf32>
      %next = arith.addf %at, %v : f32
      scf.yield %next : f32
    }
    memref.store %sum, %y[%i] : memref<8xf32>
  }
  scf.for %i = %c0 to %c8 step %c1 {
    memref.store %zero, %x[%i] : memref<8xf32>
  }
  return
}

// CHECK-LABEL: func.func @branches
// CHECK: cf.cond_br %{{.*}}, ^[[THEN:.*]], ^[[ELSE:.*]]
// CHECK: ^[[THEN]]:
// CHECK: cf.br ^[[END:.*]](%{{.*}} : i32)
// CHECK: ^[[ELSE]]:
// CHECK: cf.br ^[[END]](%{{.*}} : i32)
// CHECK: ^[[END]](%[[RESULT:.*]]: i32):
// CHECK: return %[[RESULT]]
// CHECK-NOT: scf.
func.func @branches(%condition: i1, %a: i32, %b: i32) -> i32 {
  %r = scf.if %condition -> (i32) {
    scf.yield %a : i32
  } else {
    %sum = arith.addi %a, %b : i32
    scf.yield %sum : i32
  }
  return %r : i32
}

// A loop and a condition in a loop that ends when it likes.
// CHECK-LABEL: func.func @nested
// CHECK: cf.br ^[[BEFORE:.*]](%{{.*}} : i32)
// CHECK: ^[[BEFORE]](
// CHECK: cf.cond_br %{{.*}}, ^{{.*}}, ^
// CHECK: cf.cond_br
// CHECK-NOT: scf.
// CHECK: return
func.func @nested(%x: memref<8xi32>, %limit: i32) -> i32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant 0 : i32
  %r = scf.while (%at = %zero) : (i32) -> i32 {
    %sum = scf.for %i = %c0 to %c8 step %c1 iter_args(%s = %at) -> (i32) {
      %v = memref.load %x[%i] : memref<8xi32>
      %isMore = arith.cmpi sgt, %v, %s : i32
      %next = scf.if %isMore -> (i32) {
        scf.yield %v : i32
      } else {
        scf.yield %s : i32
      }
      scf.yield %next : i32
    }
    %isLess = arith.cmpi slt, %sum, %limit : i32
    scf.condition(%isLess) %sum : i32
  } do {
  ^bb0(%at: i32):
    %next = scf.for %i = %c0 to %c8 step %c1 iter_args(%s = %at) -> (i32) {
      %v = memref.load %x[%i] : memref<8xi32>
      %sum = arith.addi %v, %s : i32
      scf.yield %sum : i32
    }
    scf.yield %next : i32
  }
  return %r : i32
}
