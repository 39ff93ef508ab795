// Sorting by integers: an element becomes a key of the same order, and key and
// place one integer, so that no two are equal and one comparison decides.
#ifndef ASHLAR_PASSES_CONVERT_SORTKEYS_H
#define ASHLAR_PASSES_CONVERT_SORTKEYS_H

#include "passes/convert/Emitter.h"

namespace ashlar {

/// True where the predicate holds for a number in [low, high): a loop that LLVM
/// vectorises.
Scalar holdsForAny(Emitter &e, Scalar low, Scalar high,
                   llvm::function_ref<Scalar(Scalar)> predicate);

/// Keys of elements of one type, and keys packed with the place of their
/// element. All are unsigned.
class SortKeys {
public:
  SortKeys(Emitter &e, mlir::Type element, bool isUnsigned, bool descending);

  mlir::Type keyType() const { return key; }
  mlir::Type packedType() const { return packed; }
  /// Above all places that fit beside a key.
  int64_t mostPlaces() const {
    return key.getIntOrFloatBitWidth() == 32 ? int64_t(1) << 32 : INT64_MAX;
  }
  /// Smaller for what comes first. NaN counts as the largest number, and zeros
  /// are equal.
  Scalar keyOf(Scalar element) const;
  /// The largest key; an element may have it, too.
  Scalar last() const { return e.wrap(e.integer(key, -1), true); }
  Scalar pack(Scalar ofKey, Scalar place) const;
  Scalar keyIn(Scalar both) const;
  Scalar placeIn(Scalar both) const;
  Scalar load(mlir::Value keys, Scalar i) const {
    return e.load(keys, i, true);
  }

private:
  Emitter &e;
  mlir::Type element, key, packed;
  bool isUnsigned, descending;
};

/// Room for `half` packed keys, twice, and for one pass of sorting. Allocated
/// once, so that a loop that sorts in each iteration carries it along.
struct SortRoom {
  Scalar half;
  mlir::Value items, digits;

  static SortRoom allocate(Emitter &e, const SortKeys &keys, Scalar half);
};

/// Sorts the first `count` packed keys, equal ones of which stand in the order
/// of their places; with them the start of the result, which is 0 or `half`.
/// `half` is not zero.
std::pair<Scalar, SortRoom> sortByKeys(Emitter &e, const SortKeys &keys,
                                       SortRoom room, Scalar count);

} // namespace ashlar

#endif
