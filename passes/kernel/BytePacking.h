//===- BytePacking.h - floats to bytes, four vectors at a time ------------===//
#ifndef ASHLAR_PASSES_KERNEL_BYTEPACKING_H
#define ASHLAR_PASSES_KERNEL_BYTEPACKING_H

#include "passes/kernel/IndexArithmetic.h"

namespace ashlar {

/// Vectors of 32-bit elements that are packed to bytes together.
inline constexpr size_t kPackedVectors = 4;

/// How a scalar computation ends that makes a byte of an f32, as QuantizeLinear
/// is converted: bounds, the nearest integer (halves to even), a zero point.
struct ByteRounding {
  mlir::Value real;      // the f32 before all of this
  mlir::Value highBound; // the scalar constant that bounds it above
  int64_t low, high;     // bounds of the byte
  int64_t zeroPoint;

  /// Matches the computation of `byte`. NaN gives the lower bound, or there is
  /// no match.
  static std::optional<ByteRounding> match(mlir::Value byte);

  bool isUnsigned() const { return low >= 0; }
};

/// Bytes of up to four vectors of f32 (each of 8 or 16 lanes), in what AVX2 or
/// AVX-512 packs at once: in each 128 bits four of each vector in turn. With
/// fewer than four vectors the others' bytes are not to be used.
mlir::Value packBytes(IndexArithmetic &b, llvm::ArrayRef<mlir::Value> reals,
                      const ByteRounding &rounding);
/// The same bytes, vector after vector.
mlir::Value inVectorOrder(IndexArithmetic &b, mlir::Value packed);

} // namespace ashlar

#endif
