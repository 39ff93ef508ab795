// The bound of a value that is used again and again is computed once (with one
// for each use this does not end): what is between the lines SQUARE stands there
// 64 times.
// RUN: %python -c "import sys; t = open(sys.argv[1]).read().split('    // SQUARE\n'); print(t[0] + ''.join(t[1].replace('NEXT', str(i + 1)).replace('THIS', str(i)) for i in range(64)) + t[2])" %s > %t.mlir
// RUN: ashlar-opt %t.mlir --ashlar-lower-contractions | FileCheck %s

// CHECK-LABEL: func.func @squares
// CHECK: arith.cmpf
// CHECK-NOT: nn.matmul
module attributes {tile.target = #tile.target<cpu = "icelake-server", vector_bytes = 64, vector_registers = 32, l1_bytes = 49152, l2_bytes = 1310720, vnni = true>} {
func.func @squares(%a: memref<2x8xi8>, %b: memref<1x2x16x4xi8>, %c: memref<2x2xi8>) {
  %round = arith.constant 0x4B400000 : f32
  %low = arith.constant 0.000000e+00 : f32
  %high = arith.constant 2.550000e+02 : f32
  nn.matmul %a, %b outs(%c) {packed} : memref<2x8xi8>, memref<1x2x16x4xi8>, memref<2x2xi8> {
  ^bb0(%acc: i32):
    %v0 = arith.sitofp %acc : i32 to f32
    // SQUARE
    %vNEXT = arith.mulf %vTHIS, %vTHIS : f32
    // SQUARE
    %2 = arith.cmpf olt, %low, %v64 : f32
    %3 = arith.select %2, %v64, %low : f32
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
