// RUN: ashlar-opt %s --ashlar-lower-library-contractions | FileCheck %s

// One structure for both calls; type (1: bf16), the key of the weights and the
// sizes are written to it.
// CHECK-DAG: func.func private @ashlar_onednn1_matmul(!llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr)
// CHECK-DAG: func.func private @ashlar_onednn1_conv(!llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr)
// CHECK-LABEL: func.func @body(%arg0: !llvm.ptr
// CHECK: %[[ROOM:.*]] = memref.alloca() : memref<22xi64>
// CHECK: %[[SIZE:.*]] = arith.constant 28 : index
// CHECK: memref.store {{.*}}, %[[ROOM]]
// CHECK: call @ashlar_onednn1_matmul(%arg0
// CHECK: call @ashlar_onednn1_conv(%arg0
// CHECK-NOT: nn.
// CHECK: return
func.func @body(%args: !llvm.ptr, %a: memref<28x64xbf16>, %b: memref<64x32xbf16>, %bias: memref<32xf32>, %c: memref<28x32xf32>,
                %x: memref<1x9x9x3xi8>, %w: memref<8x3x3x3xi8>, %y: memref<1x7x7x8xi32>) {
  nn.matmul %a, %b epilogue(%bias : memref<32xf32>) outs(%c) {nn.library = "onednn", nn.weights_hash = 77 : i64} : memref<28x64xbf16>, memref<64x32xbf16>, memref<28x32xf32> {
  ^bb0(%acc: f32, %e: f32):
    %s = arith.addf %acc, %e : f32
    nn.yield %s : f32
  }
  nn.conv %x, %w outs(%y) {nn.library = "onednn", dilations = array<i64: 1, 1>, filter_sizes = array<i64: 8, 3, 3, 3>, groups = 1 : i64, strides = array<i64: 1, 1>} : memref<1x9x9x3xi8>, memref<8x3x3x3xi8>, memref<1x7x7x8xi32> {
  ^bb0(%acc: i32):
    nn.yield %acc : i32
  }
  return
}

// Others are not touched.
// CHECK-LABEL: func.func @ours
// CHECK: nn.matmul
func.func @ours(%args: !llvm.ptr, %a: memref<28x64xf32>, %b: memref<64x32xf32>, %c: memref<28x32xf32>) {
  nn.matmul %a, %b outs(%c) : memref<28x64xf32>, memref<64x32xf32>, memref<28x32xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  return
}
