//===- TaskShares.h - work in equal parts ---------------------------------===//
#ifndef ASHLAR_PASSES_KERNEL_TASKSHARES_H
#define ASHLAR_PASSES_KERNEL_TASKSHARES_H

#include "passes/kernel/IndexArithmetic.h"

namespace ashlar {

/// An axis of a contraction's output that is cut into tasks: pieces (tiles, or
/// blocks of tiles) that are computed whole.
struct TaskAxis {
  int64_t pieces;
  int64_t parts; // tasks that share them, at most as many
};

/// Cuts two axes further, at most twice as far, where the tasks do not divide
/// evenly among 8 workers (or 4, or 2) and would not become too small.
/// `batches` and `products` (multiply-accumulates) are those of the whole
/// contraction.
void evenTasks(int64_t batches, int64_t products, TaskAxis &rows,
               TaskAxis &channels);

/// The first of `pieces` that part `part` of `parts` computes: parts differ by
/// one piece at most.
inline mlir::OpFoldResult firstPiece(IndexArithmetic &b,
                                     mlir::OpFoldResult part,
                                     mlir::OpFoldResult pieces,
                                     mlir::OpFoldResult parts) {
  return b.div(b.mul(part, pieces), parts);
}

} // namespace ashlar

#endif
