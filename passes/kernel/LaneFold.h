//===- LaneFold.h - the lanes of a sum in one fixed order -----------------===//
#ifndef ASHLAR_PASSES_KERNEL_LANEFOLD_H
#define ASHLAR_PASSES_KERNEL_LANEFOLD_H

#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "passes/kernel/IndexArithmetic.h"

namespace ashlar {

/// Lanes of a sum, on every target: so that the bits are the same.
inline constexpr int64_t kSumLanes = 16;

/// The lanes of `vector` folded into a scalar, halves with halves.
inline mlir::Value
foldLanes(IndexArithmetic &b, mlir::Value vector,
          llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> combine) {
  for (int64_t half = kSumLanes / 2; half >= 1; half /= 2) {
    auto slice = [&](int64_t from) -> mlir::Value {
      return mlir::vector::ExtractStridedSliceOp::create(
          b, vector, llvm::ArrayRef<int64_t>{from},
          llvm::ArrayRef<int64_t>{half}, llvm::ArrayRef<int64_t>{1});
    };
    vector = combine(slice(0), slice(half));
  }
  return mlir::vector::ExtractOp::create(b, vector, llvm::ArrayRef<int64_t>{0});
}

} // namespace ashlar

#endif
