//===- ByteRounding.h - how bytes are made of floats ----------------------===//
#ifndef ASHLAR_PASSES_ANALYSIS_BYTEROUNDING_H
#define ASHLAR_PASSES_ANALYSIS_BYTEROUNDING_H

#include "mlir/IR/Value.h"

#include <optional>

namespace ashlar {

/// How a scalar computation ends that makes a byte of an f32, as QuantizeLinear
/// is converted: bounds, the nearest integer (halves to even), a zero point.
struct ByteRounding {
  mlir::Value real;      // the f32 before all of this
  mlir::Value rounded;   // the f32 that has the integer in its low bits
  mlir::Value highBound; // the scalar constant that bounds it above
  int64_t low, high;     // bounds of the byte
  int64_t zeroPoint;
  /// Whether `real` is known to be within the range of i32, or NaN.
  bool fitsIntegers = false;

  /// Matches the computation of `byte`. NaN gives the lower bound, or there is
  /// no match.
  static std::optional<ByteRounding> match(mlir::Value byte);

  bool isUnsigned() const { return low >= 0; }

  /// What is added to an f32 of at most 22 bits to leave the nearest integer in
  /// its low bits.
  static constexpr float kRoundsIn = 0x1.8p23f;
};

} // namespace ashlar

#endif
