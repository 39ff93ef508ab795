// RUN: ashlar-opt %s --ashlar-requirements-to-branches | FileCheck %s

// CHECK: func.func private @ashlar_rt1_fail(!llvm.ptr, i32, i32, i64, i64) -> i32
// CHECK-LABEL: func.func @body
// CHECK: cf.cond_br %{{.*}}, ^[[GOOD:.*]], ^[[BAD:.*]]
// CHECK: ^[[GOOD]]:
// CHECK: return
// CHECK: ^[[BAD]]:
// CHECK: arith.constant 13 : i32
// CHECK: %[[STATUS:.*]] = {{.*}}call @ashlar_rt1_fail
// CHECK: return %[[STATUS]] : i32
// CHECK-NOT: nn.require
func.func @body(%args: !llvm.ptr, %good: i1) -> i32 {
  %ok = arith.constant 0 : i32
  nn.require %good, "index out of range" {status = 13 : i32}
  return %ok : i32
}
