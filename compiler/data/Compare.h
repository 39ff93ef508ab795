//===- Compare.h - got against expected -----------------------------------===//
#ifndef ASHLAR_COMPILER_DATA_COMPARE_H
#define ASHLAR_COMPILER_DATA_COMPARE_H

#include "compiler/data/Tensor.h"

namespace ashlar::data {

/// An element agrees where |got - expected| <= absolute + relative *
/// |expected|, where both are the same infinity, or where both are NaN.
struct Tolerance {
  double relative = 0;
  double absolute = 0;
};

struct Comparison {
  bool sameType = true;
  bool sameShape = true;
  int64_t elements = 0;
  int64_t mismatches = 0; // elements beyond the tolerance
  /// The largest |got - expected| (infinite where one is not a number), the
  /// largest relative to |expected|, and where the first of them lies.
  double worst = 0;
  double worstRelative = 0;
  int64_t worstIndex = -1;
  std::complex<double> worstGot, worstExpected;

  bool agrees() const { return sameType && sameShape && mismatches == 0; }
};

Comparison compare(const Tensor &got, const Tensor &expected,
                   Tolerance tolerance);

/// Compares type and shape alone: for values drawn at random.
Comparison compareForm(const Tensor &got, const Tensor &expected);

/// "[0,3,17]" for a flat index into a tensor of this shape.
std::string indexText(int64_t flat, llvm::ArrayRef<int64_t> shape);

} // namespace ashlar::data
#endif
