// RUN: ashlar-opt %s --split-input-file --ashlar-lower-copies | FileCheck %s

// CHECK-LABEL: func.func @copies
// CHECK: memref.copy
// CHECK: linalg.generic
// CHECK-NOT: memref.copy
func.func @copies(%a: memref<4x8xf32>, %b: memref<4x8xf32>,
                  %c: memref<4x8xf32, strided<[16, 1]>>) {
  memref.copy %a, %b : memref<4x8xf32> to memref<4x8xf32>
  memref.copy %a, %c : memref<4x8xf32> to memref<4x8xf32, strided<[16, 1]>>
  return
}

// -----

// Three channels to four: eight pixels a vector, the last of them overlap; the fourth lanes are not stored.
// CHECK-LABEL: func.func @pixels
// CHECK: scf.parallel (%{{[^ ]+}}) = (%c0{{.*}}) to (%c22{{.*}}) step (%c1
// CHECK: %[[LANES:[^ ]+]] = arith.constant dense<[true, true, true, false, true, true, true, false,
// CHECK: scf.for %[[X:[^ ]+]] = %c0{{.*}} to %c13{{.*}} step %c8
// CHECK: arith.minsi %[[X]], %c5
// CHECK: %[[FIRST:[^ ]+]] = vector.constant_mask [24]
// CHECK: vector.maskedload {{.*}}, %[[FIRST]],
// CHECK: vector.shuffle %[[V:[^ ]+]], %[[V]] [0, 1, 2, 0, 3, 4, 5, 0, 6, 7, 8, 0, 9, 10, 11, 0, 12,
// CHECK: vector.maskedstore {{.*}} %[[LANES]]
module attributes {tile.target = #tile.target<cpu = "sapphirerapids", vector_bytes = 64, vector_registers = 32, l1_bytes = 49152, l2_bytes = 2097152, vnni = true, bf16 = true, amx = true>} {
func.func @pixels(%a: memref<2x11x13x3xbf16>, %b: memref<2x11x13x3xbf16, strided<[1020, 68, 4, 1], offset: 72>>) {
  memref.copy %a, %b : memref<2x11x13x3xbf16> to memref<2x11x13x3xbf16, strided<[1020, 68, 4, 1], offset: 72>>
  return
}
// The fourth channel.
// CHECK-LABEL: func.func @channel
// CHECK: %[[LANES:[^ ]+]] = arith.constant dense<[true, false, false, false, true, false, false, false,
// CHECK: %[[ZEROS:[^ ]+]] = vector.broadcast %{{[^ ]+}} : bf16 to vector<32xbf16>
// CHECK: scf.for {{.*}} step %c8
// CHECK: vector.maskedstore {{.*}} %[[LANES]], %[[ZEROS]]
func.func @channel(%b: memref<11x13x1xbf16, strided<[68, 4, 1], offset: 3>>) {
  %zero = arith.constant 0.0 : bf16
  linalg.fill ins(%zero : bf16) outs(%b : memref<11x13x1xbf16, strided<[68, 4, 1], offset: 3>>)
  return
}
// Five pixels fill no vector.
// CHECK-LABEL: func.func @few
// CHECK: linalg.generic
func.func @few(%a: memref<11x5x3xbf16>, %b: memref<11x5x3xbf16, strided<[68, 4, 1]>>) {
  memref.copy %a, %b : memref<11x5x3xbf16> to memref<11x5x3xbf16, strided<[68, 4, 1]>>
  return
}
}

// -----

// An axis of one element with a stride of its own: no call of a library.
// CHECK-LABEL: func.func @unit_axis
// CHECK-NOT: memref.copy
func.func @unit_axis(%x: memref<32x1x1xf32>, %y: memref<32x1x1xf32, strided<[1, 1, 2]>>) {
  memref.copy %x, %y : memref<32x1x1xf32> to memref<32x1x1xf32, strided<[1, 1, 2]>>
  return
}
