// Contractions in AMX tiles: one configuration a task; sums of 2 by 2 tiles over the whole reduction; the epilogue of the
// previous block between the products of this one.
// RUN: ashlar-opt %s --split-input-file --ashlar-lower-contractions | FileCheck %s

module attributes {tile.target = #tile.target<cpu = "sapphirerapids", vector_bytes = 64, vector_registers = 32, l1_bytes = 49152, l2_bytes = 2097152, vnni = true, bf16 = true, amx = true>} {

// CHECK-LABEL: func.func @bytes
// CHECK: tile.grid
// CHECK-COUNT-1: llvm.call_intrinsic "llvm.x86.ldtilecfg"
// The first tiles. Few rows: the right side's panels stay, the left side passes by.
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.x86.tileloaddt164"
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.x86.tileloadd64"
// CHECK: scf.for
// A block takes the place of the one before, sum by sum.
// CHECK: llvm.call_intrinsic "llvm.x86.tilestored64"
// CHECK-NEXT: {{.*}} llvm.mlir.constant(0 : i8)
// CHECK-NEXT: llvm.call_intrinsic "llvm.x86.tilezero"
// CHECK-COUNT-3: llvm.call_intrinsic "llvm.x86.tilestored64"
// CHECK: scf.for
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.x86.tdpbusd"
// CHECK: llvm.call_intrinsic "llvm.x86.tileloaddt164"
// CHECK: llvm.call_intrinsic "llvm.x86.tdpbusd"
// CHECK: llvm.call_intrinsic "llvm.x86.tileloadd64"
// CHECK: llvm.call_intrinsic "llvm.x86.tdpbusd"
// CHECK: memref.prefetch
// CHECK: arith.trunci {{.*}} vector<16xi32> to vector<16xi8>
// CHECK: vector.store {{.*}} vector<16xi8>
// The last step loads for the next block.
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.x86.tdpbusd"
// CHECK: llvm.call_intrinsic "llvm.x86.tileloaddt164"
// CHECK: llvm.call_intrinsic "llvm.x86.tdpbusd"
// CHECK: llvm.call_intrinsic "llvm.x86.tileloadd64"
// CHECK: llvm.call_intrinsic "llvm.x86.tdpbusd"
// CHECK: scf.yield
// The last block's epilogue.
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.tilestored64"
// CHECK: arith.trunci
// CHECK: llvm.call_intrinsic "llvm.x86.tilerelease"
// CHECK-NOT: llvm.x86.ldtilecfg
func.func @bytes(%a: memref<64x1024xi8>, %b: memref<4x256x16x4xi8>, %c: memref<64x64xi8>) {
  nn.matmul %a, %b outs(%c) {packed} : memref<64x1024xi8>, memref<4x256x16x4xi8>, memref<64x64xi8> {
  ^bb0(%acc: i32):
    %y = arith.trunci %acc : i32 to i8
    nn.yield %y : i8
  }
  return
}

// CHECK-LABEL: func.func @bf16
// CHECK: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
func.func @bf16(%a: memref<64x64xbf16>, %b: memref<4x32x16x2xbf16>, %c: memref<64x64xf32>) {
  nn.matmul %a, %b outs(%c) {packed} : memref<64x64xbf16>, memref<4x32x16x2xbf16>, memref<64x64xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  return
}

// Denormal results may become zero, as denormal factors do: one instruction rounds 16 sums.
// CHECK-LABEL: func.func @rounded
// CHECK: llvm.call_intrinsic "llvm.x86.tdpbf16ps"
// CHECK: llvm.call_intrinsic "llvm.x86.avx512bf16.cvtneps2bf16.512"({{.*}}) : (vector<16xf32>{{.*}}) -> vector<16xbf16>
// CHECK-NOT: arith.truncf
// CHECK: llvm.x86.tilerelease
func.func @rounded(%a: memref<64x64xbf16>, %b: memref<4x32x16x2xbf16>, %c: memref<64x64xbf16>) {
  nn.matmul %a, %b outs(%c) {packed} : memref<64x64xbf16>, memref<4x32x16x2xbf16>, memref<64x64xbf16> {
  ^bb0(%acc: f32):
    %y = arith.truncf %acc : f32 to bf16
    nn.yield %y : bf16
  }
  return
}

// Those of factors in f32 are rounded exactly.
// CHECK-LABEL: func.func @exact
// CHECK: arith.truncf {{.*}} vector<16xf32> to vector<16xbf16>
// CHECK-NOT: cvtneps2bf16
func.func @exact(%a: memref<64x64xf32>, %b: memref<2x64x32xf32>, %c: memref<64x64xbf16>) {
  nn.matmul %a, %b outs(%c) {packed} : memref<64x64xf32>, memref<2x64x32xf32>, memref<64x64xbf16> {
  ^bb0(%acc: f32):
    %y = arith.truncf %acc : f32 to bf16
    nn.yield %y : bf16
  }
  return
}

// Few steps, after which the epilogue takes longest: the sums start from the
// bias, each row of a tile from the same 16.
// CHECK-LABEL: func.func @bias
// CHECK-SAME: memref<64xi32>
// CHECK: %[[SAME:.*]] = arith.constant 0 : i64
// CHECK-NOT: tilezero
// CHECK: llvm.call_intrinsic "llvm.x86.tileloadd64"(%{{.*}}, %{{.*}}, %[[SAME]])
// CHECK: llvm.call_intrinsic "llvm.x86.tdpbusd"
// CHECK: llvm.call_intrinsic "llvm.x86.tileloadd64"(%{{.*}}, %{{.*}}, %[[SAME]])
// CHECK: llvm.call_intrinsic "llvm.x86.tdpbusd"
// CHECK-NOT: arith.addi {{.*}} vector<16xi32>
// CHECK: llvm.x86.tilerelease
func.func @bias(%a: memref<64x64xi8>, %b: memref<4x16x16x4xi8>, %bias: memref<64xi32>, %c: memref<64x64xi32>) {
  nn.matmul %a, %b epilogue(%bias : memref<64xi32>) outs(%c) {packed} : memref<64x64xi8>, memref<4x16x16x4xi8>, memref<64x64xi32> {
  ^bb0(%acc: i32, %x: i32):
    %y = arith.addi %acc, %x : i32
    nn.yield %y : i32
  }
  return
}

// One step: the epilogue of a tile of the block before goes behind the products that take its place, two rows at a time,
// and then that of the other tile.
// CHECK-LABEL: func.func @by_tile
// CHECK: scf.for {{.*}} iter_args
// CHECK: scf.for {{.*}} iter_args
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.x86.tilestored64"
// CHECK-NOT: tilestored
// CHECK: llvm.call_intrinsic "llvm.x86.tdpbusd"
// CHECK: scf.for {{.*}} step %c2
// CHECK-COUNT-4: vector.store {{.*}} vector<16xi32>
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.x86.tilestored64"
// CHECK: llvm.call_intrinsic "llvm.x86.tdpbusd"
// CHECK: scf.for {{.*}} step %c2
// CHECK-COUNT-4: vector.store {{.*}} vector<16xi32>
// CHECK: scf.yield
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.x86.tilestored64"
func.func @by_tile(%a: memref<64x64xi8>, %b: memref<4x16x16x4xi8>, %c: memref<64x64xi32>) {
  nn.matmul %a, %b outs(%c) {packed} : memref<64x64xi8>, memref<4x16x16x4xi8>, memref<64x64xi32> {
  ^bb0(%acc: i32):
    nn.yield %acc : i32
  }
  return
}

// Of three tiles the last is computed twice, and stored once: both panels of a
// row under the same mask, which is all or nothing.
// CHECK-LABEL: func.func @odd_tiles
// CHECK: llvm.x86.tdpbusd
// CHECK: %[[MASK:.*]] = vector.broadcast %{{.*}} : i1 to vector<16xi1>
// CHECK: vector.maskedstore {{.*}}, %[[MASK]], {{.*}} vector<16xi32>
func.func @odd_tiles(%a: memref<48x64xi8>, %b: memref<2x16x16x4xi8>, %c: memref<48x32xi32>) {
  nn.matmul %a, %b outs(%c) {packed} : memref<48x64xi8>, memref<2x16x16x4xi8>, memref<48x32xi32> {
  ^bb0(%acc: i32):
    nn.yield %acc : i32
  }
  return
}

// A single row reads the weights as fast with vectors.
// CHECK-LABEL: func.func @vector
// CHECK-NOT: ldtilecfg
// CHECK: llvm.x86.avx512.vpdpbusd.512
func.func @vector(%a: memref<1x64xi8>, %b: memref<4x16x16x4xi8>, %c: memref<1x64xi32>) {
  nn.matmul %a, %b outs(%c) {packed} : memref<1x64xi8>, memref<4x16x16x4xi8>, memref<1x64xi32> {
  ^bb0(%acc: i32):
    nn.yield %acc : i32
  }
  return
}
}

// -----

// What passes by the first-level cache. A filter's panels of 36 KiB each do not fit there, but an image of 64 KiB whose
// places neighbours read again gains from it: the panels pass by, though they are the outer loop.
// CHECK-LABEL: func.func @image_stays
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.x86.tileloadd64"
// CHECK-COUNT-2: llvm.call_intrinsic "llvm.x86.tileloaddt164"
// CHECK: memref.prefetch
// All of it fits: nothing passes by.
// CHECK-LABEL: func.func @all_stays
// CHECK-NOT: tileloaddt164
// CHECK: llvm.x86.tilerelease
module attributes {tile.target = #tile.target<cpu = "sapphirerapids", vector_bytes = 64, vector_registers = 32, l1_bytes = 49152, l2_bytes = 2097152, vnni = true, bf16 = true, amx = true>} {
func.func @image_stays(%x: memref<1x16x16x256xi8>, %w: memref<1x16x9x64x16x4xi8>, %y: memref<1x14x14x256xi32>) {
  nn.conv %x, %w outs(%y) {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64, filter_sizes = array<i64: 256, 256, 3, 3>} : memref<1x16x16x256xi8>, memref<1x16x9x64x16x4xi8>, memref<1x14x14x256xi32> {
  ^bb0(%acc: i32):
    nn.yield %acc : i32
  }
  return
}
func.func @all_stays(%a: memref<512x64xi8>, %b: memref<16x16x16x4xi8>, %c: memref<512x256xi32>) {
  nn.matmul %a, %b outs(%c) {packed} : memref<512x64xi8>, memref<16x16x16x4xi8>, memref<512x256xi32> {
  ^bb0(%acc: i32):
    nn.yield %acc : i32
  }
  return
}

// Two tiles of 64 KiB do not: one stays, the other one passes by, and the next two come nearer.
// CHECK-LABEL: func.func @one_stays
// CHECK: llvm.call_intrinsic "llvm.x86.tileloadd64"
// CHECK-COUNT-3: llvm.call_intrinsic "llvm.x86.tileloaddt164"
// CHECK: scf.for
// CHECK: memref.prefetch
// CHECK: llvm.x86.tilerelease
func.func @one_stays(%a: memref<512x1024xbf16>, %b: memref<32x512x16x2xbf16>, %c: memref<512x512xf32>) {
  nn.matmul %a, %b outs(%c) {packed} : memref<512x1024xbf16>, memref<32x512x16x2xbf16>, memref<512x512xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  return
}

// Rows across cache lines are loaded slowly: one tile of them serves four panels.
// CHECK-LABEL: func.func @misaligned
// CHECK: llvm.x86.ldtilecfg
// CHECK: scf.for %{{.*}} iter_args
// CHECK: scf.for %{{.*}} iter_args
// CHECK: scf.for %{{.*}} iter_args
// CHECK: llvm.x86.tileload
// CHECK-NOT: tdpbusd
// CHECK: llvm.x86.tileload
// CHECK-NOT: tileload
// CHECK: llvm.x86.tdpbusd
// CHECK: llvm.x86.tileload
// CHECK-NOT: tileload
// CHECK: llvm.x86.tdpbusd
// CHECK: llvm.x86.tileload
// CHECK-NOT: tileload
// CHECK: llvm.x86.tdpbusd
// CHECK: llvm.x86.tileload
// CHECK-NOT: tileload
// CHECK: llvm.x86.tdpbusd
// CHECK-NOT: {{tdpbusd|tileload}}
// CHECK: scf.yield
func.func @misaligned(%a: memref<512x200xi8>, %b: memref<4x50x16x4xi8>, %c: memref<512x64xi32>) {
  nn.matmul %a, %b outs(%c) {packed} : memref<512x200xi8>, memref<4x50x16x4xi8>, memref<512x64xi32> {
  ^bb0(%acc: i32):
    nn.yield %acc : i32
  }
  return
}
}

// -----

// Two rows of a narrow image in a tile of 16: seven pixels, two of the padding between the rows, seven pixels. The sums
// behind are left: what the second row begins with lies two further on.
// CHECK-LABEL: func.func @narrow
// CHECK: %[[SHAPES:.*]] = arith.constant dense<[1, 0,{{( 0,)+}} 64, 0, 64, 0, 64, 0, 64, 0, 64, 0, 64, 0, 64, 0, 64, 0,{{( 0,)+}} 16, 16, 16, 16, 16, 16, 16, 16,
// CHECK: llvm.x86.tdpbusd
// CHECK: %[[Y:[^ ]+]] = arith.divui %[[ROW:[^ ]+]], %c7{{.*}} : index
// CHECK: %[[X:[^ ]+]] = arith.remui %[[ROW]], %c7{{.*}} : index
// CHECK: %[[AT:[^ ]+]] = arith.muli %[[Y]], %c9{{.*}} : index
// CHECK: arith.addi %[[AT]], %[[X]] : index
module attributes {tile.target = #tile.target<cpu = "sapphirerapids", vector_bytes = 64, vector_registers = 32, l1_bytes = 49152, l2_bytes = 2097152, vnni = true, bf16 = true, amx = true>} {
func.func @narrow(%x: memref<1x9x9x64xi8>, %w: memref<1x2x9x16x16x4xi8>, %y: memref<1x7x7x32xi32>) {
  nn.conv %x, %w outs(%y) {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64, filter_sizes = array<i64: 32, 64, 3, 3>} : memref<1x9x9x64xi8>, memref<1x2x9x16x16x4xi8>, memref<1x7x7x32xi32> {
  ^bb0(%acc: i32):
    nn.yield %acc : i32
  }
  return
}
}

// -----

// Weights of 1.3 MB are read once for three images, which are one sequence of 12 tiles: a task has all of them.
// CHECK-LABEL: func.func @images
// CHECK: tile.grid %c12
// CHECK: llvm.x86.ldtilecfg
// CHECK: scf.for {{.*}} iter_args
// CHECK: scf.for %{{[^ ]+}} = %c0{{.*}} to %c6{{.*}} iter_args
// CHECK: %[[IMAGE:[^ ]+]] = arith.divui %{{[^ ]+}}, %c4{{.*}} : index
// CHECK: arith.muli %[[IMAGE]], %c31104{{.*}} : index
// CHECK: llvm.x86.tdpbusd
module attributes {tile.target = #tile.target<cpu = "sapphirerapids", vector_bytes = 64, vector_registers = 32, l1_bytes = 49152, l2_bytes = 2097152, vnni = true, bf16 = true, amx = true>} {
func.func @images(%x: memref<3x9x9x384xi8>, %w: memref<1x24x9x96x16x4xi8>, %y: memref<3x7x7x384xi32>) {
  nn.conv %x, %w outs(%y) {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64, filter_sizes = array<i64: 384, 384, 3, 3>} : memref<3x9x9x384xi8>, memref<1x24x9x96x16x4xi8>, memref<3x7x7x384xi32> {
  ^bb0(%acc: i32):
    nn.yield %acc : i32
  }
  return
}
// Neighbouring tasks have the same half of the right side, which stays in the second-level cache.
// CHECK-LABEL: func.func @order
// CHECK: tile.grid %c8
// CHECK-NEXT: ^bb0(%[[TASK:[^ ]+]]: index):
// CHECK: arith.remui %[[TASK]], %c4{{.*}} : index
// CHECK: %[[CHUNK:[^ ]+]] = arith.divui %[[TASK]], %c4{{.*}} : index
// CHECK: arith.remui %[[CHUNK]], %c2{{.*}} : index
// CHECK: llvm.x86.ldtilecfg
func.func @order(%a: memref<1024x1024xbf16>, %b: memref<64x512x16x2xbf16>, %c: memref<1024x1024xf32>) {
  nn.matmul %a, %b outs(%c) {packed} : memref<1024x1024xbf16>, memref<64x512x16x2xbf16>, memref<1024x1024xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  return
}
}
