//===- MatrixProduct.h - products of float matrices -----------------------===//
#ifndef ASHLAR_PASSES_CONVERT_MATRIXPRODUCT_H
#define ASHLAR_PASSES_CONVERT_MATRIXPRODUCT_H

#include "passes/convert/TensorBuilder.h"

namespace ashlar {

/// nn.matmul of f32 tensors: `lhs` is [M, K] or [B, M, K]; `rhs` is [K, N], or
/// [B, K, N] where `lhs` has a batch. The result is new.
mlir::Value makeMatmul(TensorBuilder &b, mlir::Value lhs, mlir::Value rhs);

} // namespace ashlar

#endif
