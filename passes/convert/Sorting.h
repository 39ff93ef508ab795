// Stable sorting of indices, emitted as loops.
#ifndef ASHLAR_PASSES_CONVERT_SORTING_H
#define ASHLAR_PASSES_CONVERT_SORTING_H

#include "passes/convert/Emitter.h"

namespace ashlar {

/// The numbers 0 to count - 1 and space to sort them, as tensors of at least
/// `count` index values. Allocated once, so that a loop that sorts in each
/// iteration carries it along.
struct SortSpace {
  mlir::Value order, scratch;

  static SortSpace allocate(Emitter &e, Scalar count);
  SortSpace(mlir::Value order, mlir::Value scratch)
      : order(order), scratch(scratch) {}
};

/// Fills `space.order` with the numbers below `count` in the order of `before`;
/// those of which neither comes before the other keep their order (merge sort,
/// from small runs to large ones).
SortSpace sortIndices(Emitter &e, SortSpace space, Scalar count,
                      llvm::function_ref<Scalar(Scalar, Scalar)> before);

} // namespace ashlar

#endif
