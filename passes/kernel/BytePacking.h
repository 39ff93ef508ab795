//===- BytePacking.h - floats to bytes, four vectors at a time ------------===//
#ifndef ASHLAR_PASSES_KERNEL_BYTEPACKING_H
#define ASHLAR_PASSES_KERNEL_BYTEPACKING_H

#include "passes/analysis/ByteRounding.h"
#include "passes/kernel/IndexArithmetic.h"

namespace ashlar {

/// Vectors of 32-bit elements that are packed to bytes together.
inline constexpr size_t kPackedVectors = 4;

/// Bytes of up to four vectors of f32 (each of 8 or 16 lanes), in what AVX2 or
/// AVX-512 packs at once: in each 128 bits four of each vector in turn. With
/// fewer than four vectors the others' bytes are not to be used.
mlir::Value packBytes(IndexArithmetic &b, llvm::ArrayRef<mlir::Value> reals,
                      const ByteRounding &rounding);
/// The same bytes, vector after vector.
mlir::Value inVectorOrder(IndexArithmetic &b, mlir::Value packed);

} // namespace ashlar

#endif
