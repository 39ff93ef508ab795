// RUN: ashlar-opt %s --ashlar-reshape-ambiguous-slices | FileCheck %s

// Of the two unit axes the last but one is dropped.
// CHECK-LABEL: func.func @insert
// CHECK: %[[E:.*]] = tensor.expand_shape %arg0 {{\[}}[0], [1], [2, 3], [4]] output_shape [1, 3, 5, 1, %arg2] : tensor<1x3x5x?xf32> into tensor<1x3x5x1x?xf32>
// CHECK: tensor.insert_slice %[[E]] into %arg1[0, 3, 0, 0, 0] [1, 3, 5, 1, %arg2] [1, 1, 1, 1, 1] : tensor<1x3x5x1x?xf32> into tensor<1x6x5x1x?xf32>
func.func @insert(%x: tensor<1x3x5x?xf32>, %to: tensor<1x6x5x1x?xf32>, %n: index) -> tensor<1x6x5x1x?xf32> {
  %r = tensor.insert_slice %x into %to[0, 3, 0, 0, 0] [1, 3, 5, 1, %n] [1, 1, 1, 1, 1] : tensor<1x3x5x?xf32> into tensor<1x6x5x1x?xf32>
  return %r : tensor<1x6x5x1x?xf32>
}

// CHECK-LABEL: func.func @extract
// CHECK: %[[S:.*]] = tensor.extract_slice %arg0[0, 2, 0, 0] [1, 1, 5, %arg1] [1, 1, 1, 1] : tensor<?x3x5x?xf32> to tensor<1x1x5x?xf32>
// CHECK: tensor.collapse_shape %[[S]] {{\[}}[0, 1], [2], [3]] : tensor<1x1x5x?xf32> into tensor<1x5x?xf32>
func.func @extract(%x: tensor<?x3x5x?xf32>, %n: index) -> tensor<1x5x?xf32> {
  %r = tensor.extract_slice %x[0, 2, 0, 0] [1, 1, 5, %n] [1, 1, 1, 1] : tensor<?x3x5x?xf32> to tensor<1x5x?xf32>
  return %r : tensor<1x5x?xf32>
}

// Steps make strides that the tensor does not have.
// CHECK-LABEL: func.func @steps
// CHECK: tensor.extract_slice %arg0[0, 2, 0] [1, 1, 1] [1, 2, 1] : tensor<1x3x1xf32> to tensor<1x1x1xf32>
// CHECK: tensor.collapse_shape
func.func @steps(%x: tensor<1x3x1xf32>) -> tensor<1x1xf32> {
  %r = tensor.extract_slice %x[0, 2, 0] [1, 1, 1] [1, 2, 1] : tensor<1x3x1xf32> to tensor<1x1xf32>
  return %r : tensor<1x1xf32>
}

// All unit axes, or known strides: as it is.
// CHECK-LABEL: func.func @plain
// CHECK-NOT: tensor.collapse_shape
func.func @plain(%x: tensor<?x3x5x?xf32>, %y: tensor<4x3x5xf32>, %n: index) -> (tensor<5x?xf32>, tensor<1x5xf32>) {
  %r = tensor.extract_slice %x[0, 2, 0, 0] [1, 1, 5, %n] [1, 1, 1, 1] : tensor<?x3x5x?xf32> to tensor<5x?xf32>
  %s = tensor.extract_slice %y[0, 2, 0] [1, 1, 5] [1, 1, 1] : tensor<4x3x5xf32> to tensor<1x5xf32>
  return %r, %s : tensor<5x?xf32>, tensor<1x5xf32>
}
