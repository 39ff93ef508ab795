// RUN: ashlar-opt %s --ashlar-lower-interleaves | FileCheck %s

#planes = affine_map<(y, x, c) -> (c, y, x)>
#pixels = affine_map<(y, x, c) -> (y, x, c)>
#channel = affine_map<(y, x, c) -> (c)>

// Vectors of 8 on AVX2: three planes in, three stores of interleaved pixels;
// of a row of 20 pixels the third vector begins at pixel 12.
// CHECK-LABEL: func.func @image
// CHECK: scf.parallel
// CHECK: scf.for %[[X:.*]] =
// CHECK: %[[LAST:.*]] = arith.constant 12 : index
// CHECK: arith.minsi %[[X]], %[[LAST]]
// CHECK-COUNT-3: arith.truncf {{.*}} : vector<8xf32>
// CHECK: vector.shuffle {{.*}} [0, 8, {{[0-9]+}}, 1, 9, {{[0-9]+}}, 2, 10]
// CHECK: vector.shuffle {{.*}} [0, 1, 8, 3, 4, 9, 6, 7]
// CHECK-COUNT-3: vector.store
// CHECK-NOT: linalg.generic
func.func @image(%x: memref<3x4x20xf32>, %y: memref<4x20x3xbf16, strided<[72, 3, 1]>>) {
  linalg.generic {indexing_maps = [#planes, #pixels], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : memref<3x4x20xf32>) outs(%y : memref<4x20x3xbf16, strided<[72, 3, 1]>>) {
  ^bb0(%a: f32, %o: bf16):
    %t = arith.truncf %a : f32 to bf16
    linalg.yield %t : bf16
  }
  return
}

// A whole image is one long row, cut into blocks.
// CHECK-LABEL: func.func @whole
// CHECK: %[[BLOCKS:.*]] = arith.constant 3 : index
// CHECK: scf.parallel (%[[BLOCK:.*]]) = ({{.*}}) to (%[[BLOCKS]])
// CHECK: scf.for
// CHECK-NOT: linalg.generic
func.func @whole(%x: memref<3x64x80xf32>, %y: memref<64x80x3xf32>) {
  linalg.generic {indexing_maps = [#planes, #pixels], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : memref<3x64x80xf32>) outs(%y : memref<64x80x3xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  }
  return
}

// Into a frame, with a number for each channel.
// CHECK-LABEL: func.func @framed
// CHECK: memref.load
// CHECK: arith.mulf {{.*}} : vector<8xf32>
// CHECK: vector.shuffle {{.*}} [0, 8, 1, 9, 2, 10, 3, 11]
// CHECK: vector.shuffle {{.*}} [4, 12, 5, 13, 6, 14, 7, 15]
// CHECK-NOT: linalg.generic
func.func @framed(%x: memref<2x4x16xf32>, %s: memref<2xf32>, %y: memref<4x16x2xf32, strided<[36, 2, 1], offset: 38>>) {
  linalg.generic {indexing_maps = [#planes, #channel, #pixels], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %s : memref<2x4x16xf32>, memref<2xf32>) outs(%y : memref<4x16x2xf32, strided<[36, 2, 1], offset: 38>>) {
  ^bb0(%a: f32, %f: f32, %o: f32):
    %p = arith.mulf %a, %f : f32
    linalg.yield %p : f32
  }
  return
}

// Rows that fill no vector stay as they are.
// CHECK-LABEL: func.func @short
// CHECK: linalg.generic
func.func @short(%x: memref<3x4x6xf32>, %y: memref<4x6x3xf32, strided<[24, 3, 1]>>) {
  linalg.generic {indexing_maps = [#planes, #pixels], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : memref<3x4x6xf32>) outs(%y : memref<4x6x3xf32, strided<[24, 3, 1]>>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  }
  return
}
