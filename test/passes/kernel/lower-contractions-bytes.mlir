// Products of bytes and of bf16, by what the target offers.
// RUN: ashlar-opt %s --split-input-file --ashlar-lower-contractions | FileCheck %s

// CHECK-LABEL: func.func @vnni
// CHECK: vector.load {{.*}} vector<64xi8>
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-NOT: nn.matmul
module attributes {tile.target = #tile.target<cpu = "icelake-server", vector_bytes = 64, vector_registers = 32, l1_bytes = 49152, l2_bytes = 1310720, vnni = true>} {
func.func @vnni(%a: memref<5x10xi8>, %b: memref<2x3x16x4xi8>, %c: memref<5x32xi32>) {
  nn.matmul %a, %b outs(%c) {packed} : memref<5x10xi8>, memref<2x3x16x4xi8>, memref<5x32xi32> {
  ^bb0(%acc: i32):
    nn.yield %acc : i32
  }
  return
}
}

// -----

// Without VNNI, 16-bit products, which never saturate.
// CHECK-LABEL: func.func @widened
// CHECK: vector.load {{.*}} vector<32xi8>
// CHECK: arith.shrsi {{.*}} vector<16xi16>
// CHECK: arith.andi {{.*}} vector<16xi16>
// CHECK: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
// CHECK-NOT: vpmaddubsw
module attributes {tile.target = #tile.target<cpu = "x86-64-v3", vector_bytes = 32, vector_registers = 16, l1_bytes = 32768, l2_bytes = 524288>} {
func.func @widened(%a: memref<5x8xi8>, %b: memref<2x2x16x4xi8>, %c: memref<5x32xi32>) {
  nn.matmul %a, %b outs(%c) {packed} : memref<5x8xi8>, memref<2x2x16x4xi8>, memref<5x32xi32> {
  ^bb0(%acc: i32):
    nn.yield %acc : i32
  }
  return
}
}

// -----

// CHECK-LABEL: func.func @bf16
// CHECK: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
module attributes {tile.target = #tile.target<cpu = "cooperlake", vector_bytes = 64, vector_registers = 32, l1_bytes = 32768, l2_bytes = 1048576, vnni = true, bf16 = true>} {
func.func @bf16(%a: memref<5x8xbf16>, %b: memref<2x4x16x2xbf16>, %c: memref<5x32xf32>) {
  nn.matmul %a, %b outs(%c) {packed} : memref<5x8xbf16>, memref<2x4x16x2xbf16>, memref<5x32xf32> {
  ^bb0(%acc: f32):
    nn.yield %acc : f32
  }
  return
}
}

// -----

// Maxima of bytes take a whole vector of them.
// CHECK-LABEL: func.func @pool
// CHECK: arith.maxui {{.*}} : vector<64xi8>
module attributes {tile.target = #tile.target<cpu = "icelake-server", vector_bytes = 64, vector_registers = 32, l1_bytes = 49152, l2_bytes = 1310720, vnni = true>} {
func.func @pool(%x: memref<1x6x6x64xi8>, %y: memref<1x4x4x64xi8>) {
  nn.pool %x outs(%y) {kind = "max", window = array<i64: 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : memref<1x6x6x64xi8>, memref<1x4x4x64xi8> {
  ^bb0(%acc: i8):
    nn.yield %acc : i8
  }
  return
}
}

// -----

// Depthwise: four places of a filter row of each channel side by side.
// CHECK-LABEL: func.func @depthwise
// CHECK: vector.interleave
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-NOT: nn.conv
module attributes {tile.target = #tile.target<cpu = "icelake-server", vector_bytes = 64, vector_registers = 32, l1_bytes = 49152, l2_bytes = 1310720, vnni = true>} {
func.func @depthwise(%x: memref<1x10x10x24xi8>, %w: memref<3x32x4xi8>, %y: memref<1x8x8x24xi32>) {
  nn.conv %x, %w outs(%y) {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 24 : i64, filter_sizes = array<i64: 24, 1, 3, 3>} : memref<1x10x10x24xi8>, memref<3x32x4xi8>, memref<1x8x8x24xi32> {
  ^bb0(%acc: i32):
    nn.yield %acc : i32
  }
  return
}
}

// -----

// An epilogue with a function is emitted once for the sums of several rows, which wait on the stack.
// CHECK-LABEL: func.func @depthwise_function
// CHECK: memref.alloca() {alignment = 64 : i64} : memref<16xvector<16xi32>>
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK: memref.store {{.*}} : memref<16xvector<16xi32>>
// CHECK: scf.for
// CHECK: memref.load {{.*}} : memref<16xvector<16xi32>>
// CHECK: math.exp
// CHECK-NOT: math.exp
// CHECK: llvm.call_intrinsic
module attributes {tile.target = #tile.target<cpu = "icelake-server", vector_bytes = 64, vector_registers = 32, l1_bytes = 49152, l2_bytes = 1310720, vnni = true>} {
func.func @depthwise_function(%x: memref<1x18x10x16xi8>, %w: memref<3x16x4xi8>, %y: memref<1x16x8x16xf32>) {
  nn.conv %x, %w outs(%y) {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 16 : i64, filter_sizes = array<i64: 16, 1, 3, 3>} : memref<1x18x10x16xi8>, memref<3x16x4xi8>, memref<1x16x8x16xf32> {
  ^bb0(%acc: i32):
    %real = arith.sitofp %acc : i32 to f32
    %power = math.exp %real : f32
    nn.yield %power : f32
  }
  return
}
}

// -----

// Matrices that are known only when the model runs: rows interleaved, or, transposed, groups moved.
// CHECK-LABEL: func.func @pack
// CHECK: vector.interleave
// CHECK: vector.store {{.*}} vector<64xi8>
// CHECK: vector.load {{.*}} vector<4xi8>
// CHECK-NOT: nn.pack
module attributes {tile.target = #tile.target<cpu = "icelake-server", vector_bytes = 64, vector_registers = 32, l1_bytes = 49152, l2_bytes = 1310720, vnni = true>} {
func.func @pack(%v: memref<2x24x64xi8>, %k: memref<2x24x64xi8>, %p: memref<2x4x6x16x4xi8>, %q: memref<2x2x16x16x4xi8>) {
  nn.pack %v outs(%p) : memref<2x24x64xi8>, memref<2x4x6x16x4xi8>
  nn.pack %k outs(%q) {transposed} : memref<2x24x64xi8>, memref<2x2x16x16x4xi8>
  return
}
}

// -----

// Sums start from their bias; four vectors of results become bytes together: here a pixel's three with the next one's
// first, which lie side by side, and then the two that are left.
// CHECK-LABEL: func.func @packed
// CHECK: %[[BIAS:.*]] = vector.load %{{.*}} : memref<?xi32>, vector<16xi32>
// CHECK: scf.for {{.*}} iter_args({{.*}} = %[[BIAS]],
// CHECK: "llvm.x86.avx512.vpdpbusd.512"
// CHECK-COUNT-4: "llvm.x86.avx512.mask.cvtps2dq.512"
// CHECK: "llvm.x86.avx512.packssdw.512"
// CHECK: "llvm.sadd.sat"
// CHECK: "llvm.x86.avx512.packuswb.512"
// CHECK: vector.shuffle {{.*}} : vector<16xi32>, vector<16xi32>
// CHECK: vector.store {{.*}} vector<64xi8>
// CHECK: vector.store {{.*}} vector<32xi8>
module attributes {tile.target = #tile.target<cpu = "icelake-server", vector_bytes = 64, vector_registers = 32, l1_bytes = 49152, l2_bytes = 1310720, vnni = true>} {
func.func @packed(%a: memref<2x8xi8>, %b: memref<3x2x16x4xi8>, %bias: memref<48xi32>, %scale: memref<48xf32>, %c: memref<2x48xi8>) {
  %round = arith.constant 0x4B400000 : f32
  %low = arith.constant -1.280000e+02 : f32
  %high = arith.constant 1.270000e+02 : f32
  %zero_point = arith.constant 128 : i32
  nn.matmul %a, %b epilogue(%bias, %scale : memref<48xi32>, memref<48xf32>) outs(%c) {packed} : memref<2x8xi8>, memref<3x2x16x4xi8>, memref<2x48xi8> {
  ^bb0(%acc: i32, %d: i32, %s: f32):
    %0 = arith.addi %acc, %d : i32
    %1 = arith.sitofp %0 : i32 to f32
    %2 = arith.mulf %1, %s : f32
    %3 = arith.cmpf olt, %low, %2 : f32
    %4 = arith.select %3, %2, %low : f32
    %5 = arith.cmpf olt, %4, %high : f32
    %6 = arith.select %5, %4, %high : f32
    %7 = arith.addf %6, %round : f32
    %8 = arith.bitcast %7 : f32 to i32
    %9 = arith.addi %8, %zero_point : i32
    %10 = arith.trunci %9 : i32 to i8
    nn.yield %10 : i8
  }
  return
}
}

// -----

// With these scales no sum is too large for an integer: the packs alone bound it. Without a scale that is known, one
// bound remains (above).
// CHECK-LABEL: func.func @bounded
// CHECK: "llvm.x86.avx512.vpdpbusd.512"
// CHECK-NOT: arith.cmpf
// CHECK: "llvm.x86.avx512.packuswb.512"
// CHECK-NOT: arith.minui
// A bound below 255 is kept where four vectors are one.
// CHECK-LABEL: func.func @clipped
// CHECK-NOT: arith.cmpf
// CHECK: "llvm.x86.avx512.packuswb.512"
// CHECK: arith.minui {{.*}} vector<64xi8>
// CHECK-LABEL: func.func @unbounded
// CHECK: arith.cmpf
module attributes {tile.target = #tile.target<cpu = "icelake-server", vector_bytes = 64, vector_registers = 32, l1_bytes = 49152, l2_bytes = 1310720, vnni = true>} {
memref.global "private" constant @scales : memref<2x1xf32> = dense<[[1.250000e-01], [3.000000e-02]]>
memref.global "private" constant @large : memref<2xf32> = dense<[1.250000e-01, 3.000000e+00]>
func.func @bounded(%a: memref<2x8xi8>, %b: memref<1x2x16x4xi8>, %c: memref<2x2xi8>) {
  %round = arith.constant 0x4B400000 : f32
  %low = arith.constant 0.000000e+00 : f32
  %high = arith.constant 2.550000e+02 : f32
  %g = memref.get_global @scales : memref<2x1xf32>
  %scale = memref.collapse_shape %g [[0, 1]] : memref<2x1xf32> into memref<2xf32>
  nn.matmul %a, %b epilogue(%scale : memref<2xf32>) outs(%c) {packed} : memref<2x8xi8>, memref<1x2x16x4xi8>, memref<2x2xi8> {
  ^bb0(%acc: i32, %s: f32):
    %0 = arith.sitofp %acc : i32 to f32
    %1 = arith.mulf %0, %s : f32
    %2 = arith.cmpf olt, %low, %1 : f32
    %3 = arith.select %2, %1, %low : f32
    %4 = arith.cmpf olt, %3, %high : f32
    %5 = arith.select %4, %3, %high : f32
    %6 = arith.addf %5, %round : f32
    %7 = arith.bitcast %6 : f32 to i32
    %8 = arith.trunci %7 : i32 to i8
    nn.yield %8 : i8
  }
  return
}
func.func @clipped(%a: memref<2x8xi8>, %b: memref<1x2x16x4xi8>, %c: memref<2x2xi8>) {
  %round = arith.constant 0x4B400000 : f32
  %low = arith.constant 0.000000e+00 : f32
  %high = arith.constant 9.600000e+01 : f32
  %g = memref.get_global @scales : memref<2x1xf32>
  %scale = memref.collapse_shape %g [[0, 1]] : memref<2x1xf32> into memref<2xf32>
  nn.matmul %a, %b epilogue(%scale : memref<2xf32>) outs(%c) {packed} : memref<2x8xi8>, memref<1x2x16x4xi8>, memref<2x2xi8> {
  ^bb0(%acc: i32, %s: f32):
    %0 = arith.sitofp %acc : i32 to f32
    %1 = arith.mulf %0, %s : f32
    %2 = arith.cmpf olt, %low, %1 : f32
    %3 = arith.select %2, %1, %low : f32
    %4 = arith.cmpf olt, %3, %high : f32
    %5 = arith.select %4, %3, %high : f32
    %6 = arith.addf %5, %round : f32
    %7 = arith.bitcast %6 : f32 to i32
    %8 = arith.trunci %7 : i32 to i8
    nn.yield %8 : i8
  }
  return
}
func.func @unbounded(%a: memref<2x8xi8>, %b: memref<1x2x16x4xi8>, %c: memref<2x2xi8>) {
  %round = arith.constant 0x4B400000 : f32
  %low = arith.constant 0.000000e+00 : f32
  %high = arith.constant 2.550000e+02 : f32
  %scale = memref.get_global @large : memref<2xf32>
  nn.matmul %a, %b epilogue(%scale : memref<2xf32>) outs(%c) {packed} : memref<2x8xi8>, memref<1x2x16x4xi8>, memref<2x2xi8> {
  ^bb0(%acc: i32, %s: f32):
    %0 = arith.sitofp %acc : i32 to f32
    %1 = arith.mulf %0, %s : f32
    %2 = arith.cmpf olt, %low, %1 : f32
    %3 = arith.select %2, %1, %low : f32
    %4 = arith.cmpf olt, %3, %high : f32
    %5 = arith.select %4, %3, %high : f32
    %6 = arith.addf %5, %round : f32
    %7 = arith.bitcast %6 : f32 to i32
    %8 = arith.trunci %7 : i32 to i8
    nn.yield %8 : i8
  }
  return
}
}

// -----

// A function of the byte is looked up for four vectors at once, too.
// CHECK-LABEL: func.func @looked_up
// CHECK: "llvm.x86.avx512.packuswb.512"
// CHECK-COUNT-1: nn.lookup {{.*}} vector<64xi8>
// CHECK-NOT: nn.lookup
module attributes {tile.target = #tile.target<cpu = "icelake-server", vector_bytes = 64, vector_registers = 32, l1_bytes = 49152, l2_bytes = 1310720, vnni = true>} {
func.func @looked_up(%a: memref<2x8xi8>, %b: memref<2x2x16x4xi8>, %scale: memref<32xf32>, %c: memref<2x32xi8>) {
  %round = arith.constant 0x4B400000 : f32
  %low = arith.constant 0.000000e+00 : f32
  %high = arith.constant 2.550000e+02 : f32
  nn.matmul %a, %b epilogue(%scale : memref<32xf32>) outs(%c) {packed} : memref<2x8xi8>, memref<2x2x16x4xi8>, memref<2x32xi8> {
  ^bb0(%acc: i32, %s: f32):
    %0 = arith.sitofp %acc : i32 to f32
    %1 = arith.mulf %0, %s : f32
    %2 = arith.cmpf olt, %low, %1 : f32
    %3 = arith.select %2, %1, %low : f32
    %4 = arith.cmpf olt, %3, %high : f32
    %5 = arith.select %4, %3, %high : f32
    %6 = arith.addf %5, %round : f32
    %7 = arith.bitcast %6 : f32 to i32
    %8 = arith.trunci %7 : i32 to i8
    %9 = nn.lookup %8 {table = array<i8: 3, 10, 17, 24, 31, 38, 45, 52, 59, 66, 73, 80, 87, 94, 101, 108, 115, 122, 1, 8, 15, 22, 29, 36, 43, 50, 57, 64, 71, 78, 85, 92, 99, 106, 113, 120, 127, 6, 13, 20, 27, 34, 41, 48, 55, 62, 69, 76, 83, 90, 97, 104, 111, 118, 125, 4, 11, 18, 25, 32, 39, 46, 53, 60, 67, 74, 81, 88, 95, 102, 109, 116, 123, 2, 9, 16, 23, 30, 37, 44, 51, 58, 65, 72, 79, 86, 93, 100, 107, 114, 121, 0, 7, 14, 21, 28, 35, 42, 49, 56, 63, 70, 77, 84, 91, 98, 105, 112, 119, 126, 5, 12, 19, 26, 33, 40, 47, 54, 61, 68, 75, 82, 89, 96, 103, 110, 117, 124, 3, 10, 17, 24, 31, 38, 45, 52, 59, 66, 73, 80, 87, 94, 101, 108, 115, 122, 1, 8, 15, 22, 29, 36, 43, 50, 57, 64, 71, 78, 85, 92, 99, 106, 113, 120, 127, 6, 13, 20, 27, 34, 41, 48, 55, 62, 69, 76, 83, 90, 97, 104, 111, 118, 125, 4, 11, 18, 25, 32, 39, 46, 53, 60, 67, 74, 81, 88, 95, 102, 109, 116, 123, 2, 9, 16, 23, 30, 37, 44, 51, 58, 65, 72, 79, 86, 93, 100, 107, 114, 121, 0, 7, 14, 21, 28, 35, 42, 49, 56, 63, 70, 77, 84, 91, 98, 105, 112, 119, 126, 5, 12, 19, 26, 33, 40, 47, 54, 61, 68, 75, 82, 89, 96, 103, 110, 117, 124>} : i8
    nn.yield %9 : i8
  }
  return
}
}

// -----

// Depthwise to bytes: a vector of 32 channels of two pixels, interleaved within 128 bits, as the packs leave them.
// CHECK-LABEL: func.func @depthwise_to_bytes
// CHECK: vector.insert_strided_slice {{.*}} vector<4xf32> into vector<16xf32>
// CHECK: vector.insert_strided_slice {{.*}} vector<32xi8> into vector<64xi8>
// CHECK: vector.shuffle {{.*}}[0, 64, 1, 65, 2, 66, 3, 67,
// CHECK: "llvm.x86.avx512.vpdpbusd.512"
// CHECK: "llvm.x86.avx512.packuswb.512"
// CHECK-NEXT: vector.extract_strided_slice {{.*}} vector<64xi8> to vector<32xi8>
// CHECK-NOT: vector.interleave
// CHECK-NOT: nn.conv
module attributes {tile.target = #tile.target<cpu = "icelake-server", vector_bytes = 64, vector_registers = 32, l1_bytes = 49152, l2_bytes = 1310720, vnni = true>} {
func.func @depthwise_to_bytes(%x: memref<1x10x10x32xi8>, %w: memref<3x32x4xi8>, %scale: memref<32xf32>, %y: memref<1x8x8x32xi8>) {
  %round = arith.constant 0x4B400000 : f32
  %low = arith.constant 0.000000e+00 : f32
  %high = arith.constant 2.550000e+02 : f32
  nn.conv %x, %w epilogue(%scale : memref<32xf32>) outs(%y) {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 32 : i64, filter_sizes = array<i64: 32, 1, 3, 3>} : memref<1x10x10x32xi8>, memref<3x32x4xi8>, memref<1x8x8x32xi8> {
  ^bb0(%acc: i32, %s: f32):
    %1 = arith.sitofp %acc : i32 to f32
    %2 = arith.mulf %1, %s : f32
    %3 = arith.cmpf olt, %low, %2 : f32
    %4 = arith.select %3, %2, %low : f32
    %5 = arith.cmpf olt, %4, %high : f32
    %6 = arith.select %5, %4, %high : f32
    %7 = arith.addf %6, %round : f32
    %8 = arith.bitcast %7 : f32 to i32
    %9 = arith.trunci %8 : i32 to i8
    nn.yield %9 : i8
  }
  return
}
}

// -----

// One input channel, six output channels: the lanes are pixels, each filter row is loaded once for 16 of them.
// CHECK-LABEL: func.func @few_channels
// CHECK: tile.grid
// CHECK: vector.maskedload {{.*}} vector<64xi8>
// CHECK: vector.shuffle {{.*}}[0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5,
// CHECK: vector.load {{.*}} vector<4xi8>
// CHECK: "llvm.x86.avx512.vpdpbusd.512"
// CHECK-COUNT-2: "llvm.x86.avx512.packuswb.512"
// CHECK: vector.shuffle {{.*}}[0, 4, 8, 12, 64, 68, 1, 5, 9, 13, 65, 69,
// CHECK: vector.store {{.*}} vector<64xi8>
// CHECK: vector.store {{.*}} vector<32xi8>
// CHECK-NOT: nn.conv
module attributes {tile.target = #tile.target<cpu = "icelake-server", vector_bytes = 64, vector_registers = 32, l1_bytes = 49152, l2_bytes = 1310720, vnni = true, vbmi = true>} {
func.func @few_channels(%x: memref<1x20x20x1xi8>, %w: memref<1x1x5x2x16x4xi8>, %bias: memref<6xi32>, %scale: memref<6xf32>, %y: memref<1x16x16x6xi8>) {
  %round = arith.constant 0x4B400000 : f32
  %low = arith.constant 0.000000e+00 : f32
  %high = arith.constant 2.550000e+02 : f32
  nn.conv %x, %w epilogue(%bias, %scale : memref<6xi32>, memref<6xf32>) outs(%y) {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64, filter_sizes = array<i64: 6, 1, 5, 5>} : memref<1x20x20x1xi8>, memref<1x1x5x2x16x4xi8>, memref<1x16x16x6xi8> {
  ^bb0(%acc: i32, %d: i32, %s: f32):
    %0 = arith.addi %acc, %d : i32
    %1 = arith.sitofp %0 : i32 to f32
    %2 = arith.mulf %1, %s : f32
    %3 = arith.cmpf olt, %low, %2 : f32
    %4 = arith.select %3, %2, %low : f32
    %5 = arith.cmpf olt, %4, %high : f32
    %6 = arith.select %5, %4, %high : f32
    %7 = arith.addf %6, %round : f32
    %8 = arith.bitcast %7 : f32 to i32
    %9 = arith.trunci %8 : i32 to i8
    nn.yield %9 : i8
  }
  return
}
}

// -----

// Four rows are widened to 16-bit numbers once, even places before odd ones, for all columns; then their pairs are broadcast.
// CHECK-LABEL: func.func @widened_once
// CHECK: %[[ROWS:.*]] = memref.alloca() {alignment = 64 : i64} : memref<64xi32>
// CHECK: arith.extui {{.*}} : vector<16xi8> to vector<16xi16>
// CHECK: vector.shuffle {{.*}}[0, 2, 1, 3, 4, 6, 5, 7,
// CHECK: vector.store {{.*}}, %[[ROWS]]{{.*}} vector<8xi32>
// CHECK: memref.load %[[ROWS]]
// CHECK: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
module attributes {tile.target = #tile.target<cpu = "x86-64-v3", vector_bytes = 32, vector_registers = 16, l1_bytes = 32768, l2_bytes = 524288>} {
func.func @widened_once(%a: memref<4x32xi8>, %b: memref<2x8x16x4xi8>, %c: memref<4x32xi32>) {
  nn.matmul %a, %b outs(%c) {packed} : memref<4x32xi8>, memref<2x8x16x4xi8>, memref<4x32xi32> {
  ^bb0(%acc: i32):
    nn.yield %acc : i32
  }
  return
}
}

// -----

// With pixels enough both sides are widened: the panels of four tiles of 16 channels once for all rows, five rows at a time for
// all four, and the loops of products hold nothing but loads, products and sums. The reduction is cut in blocks; sums wait.
// CHECK-LABEL: func.func @widened_band
// CHECK-DAG: %[[RIGHT:.*]] = memref.alloca() {alignment = 64 : i64} : memref<1536xvector<16xi16>>
// CHECK-DAG: %[[LEFT:.*]] = memref.alloca() {alignment = 64 : i64} : memref<960xi32>
// CHECK-DAG: %[[SUMS:.*]] = memref.alloca() {alignment = 64 : i64} : memref<1000xvector<8xi32>>
// CHECK: scf.for
// CHECK: arith.shrsi
// CHECK: memref.store {{.*}}, %[[RIGHT]]
// CHECK: vector.store {{.*}}, %[[LEFT]]
// CHECK: memref.load %[[SUMS]]
// CHECK: scf.for
// CHECK: memref.load %[[RIGHT]]
// CHECK: memref.load %[[LEFT]]
// CHECK: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
// CHECK-NOT: arith.sh
// CHECK: scf.yield
// CHECK: memref.store {{.*}}, %[[SUMS]]
module attributes {tile.target = #tile.target<cpu = "x86-64-v3", vector_bytes = 32, vector_registers = 16, l1_bytes = 32768, l2_bytes = 524288>} {
func.func @widened_band(%a: memref<800x768xi8>, %b: memref<4x192x16x4xi8>, %c: memref<800x64xi32>) {
  nn.matmul %a, %b outs(%c) {packed} : memref<800x768xi8>, memref<4x192x16x4xi8>, memref<800x64xi32> {
  ^bb0(%acc: i32):
    nn.yield %acc : i32
  }
  return
}
}
