//===- MatrixProduct.h - products of float matrices -----------------------===//
#ifndef ASHLAR_PASSES_CONVERT_MATRIXPRODUCT_H
#define ASHLAR_PASSES_CONVERT_MATRIXPRODUCT_H

#include "passes/convert/TensorBuilder.h"

namespace ashlar {

/// nn.matmul of f32, bf16 or i8 tensors, in f32 or i32: `lhs` is [M, K] or
/// [B, M, K]; `rhs` is [K, N], or [B, K, N] where `lhs` has a batch. The result
/// is new.
mlir::Value makeMatmul(TensorBuilder &b, mlir::Value lhs, mlir::Value rhs);

/// Product of matrices or stacks of matrices of any rank, 2 at least, by
/// numpy's rules.
mlir::Value multiplyStacks(TensorBuilder &b, mlir::Value lhs, mlir::Value rhs);

} // namespace ashlar

#endif
