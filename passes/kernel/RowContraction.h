//===- RowContraction.h - what convolutions and products have in common ---===//
#ifndef ASHLAR_PASSES_KERNEL_ROWCONTRACTION_H
#define ASHLAR_PASSES_KERNEL_ROWCONTRACTION_H

#include "passes/kernel/DotProduct.h"

namespace ashlar {

/// out[batch, y, x, f] = epilogue(sum over r < outer, k < run of
///     lhs[batch, y, x, r; k] * rhs[r, k, f])
/// with k contiguous on the left as a rule. A matrix product has one y and one
/// r; a convolution has a filter row for each r, and a run of S*C (or an r for
/// each filter place, if it is dilated).
struct RowContraction {
  using Index = mlir::OpFoldResult;

  mlir::Type element;           // of both sides
  Index batches, rows, columns; // of the output: batch, y, x
  Index channels;               // of the output (of one group)
  Index firstChannel;           // where the group's channels begin
  int64_t outer = 1;            // reduction steps r
  Index run;                    // reduction length k of a step

  FlatView lhs, rhs;
  Index lhsBase; // element offset of the first element
  Index lhsBatch, lhsRow, lhsColumn;
  Index lhsStep; // from one k to the next; 1 but for f32
  /// Offset on the left of reduction step r; `outer` of them where they are not
  /// multiples of one stride.
  Index lhsOuter;
  int64_t innerSteps = 1; // r = (outer step) * innerSteps + inner step
  Index lhsInner;

  Index rhsBase, rhsBatch;
  bool packed = true; // panels (nn::PanelForm), else rows of all channels
  Index rhsStep;      // from one group of k to the next
  Index rhsOuter;     // from one r to the next
  Index rhsPanel;     // from one panel to the next
};

/// Sizes of register tiles and blocks for a contraction on a target.
struct RowSchedule {
  int64_t lanes;       // elements of a vector
  int64_t vectors;     // vectors of channels in a tile
  int64_t tileRows;    // image rows in a tile
  int64_t tileColumns; // pixels (matrix rows) in a tile
  int64_t bandRows;    // image rows of a task
  int64_t bandColumns; // pixels (matrix rows) of a task
  int64_t chunk;       // tiles of channels in a task
  bool widensBoth;     // bytes: both sides are widened in memory first,
  int64_t together;    // the left one once for so many tiles of channels
  /// Where all sizes are known: tasks that share the rows, or pixels, and the
  /// channels. Else tasks have the sizes above.
  int64_t bands = 0, chunks = 0;
  /// Whether the right side of the next tile of channels may come into the
  /// first-level cache: it does not drive this tile's out of it.
  bool nextIntoL1 = false;

  static RowSchedule choose(const RowContraction &contraction,
                            const DotProduct &product, tile::TargetAttr target);
};

/// Batches that a task does one after another where each alone would be a task:
/// small products of a large batch are not worth a task each.
mlir::OpFoldResult batchesOfTask(IndexArithmetic &b, mlir::OpFoldResult batches,
                                 mlir::OpFoldResult tasksOfBatch);

/// Emits the task grid of a contraction.
void emitContraction(IndexArithmetic &b, const RowContraction &contraction,
                     const DotProduct &product, const RowSchedule &schedule,
                     Epilogue &epilogue);

} // namespace ashlar

#endif
