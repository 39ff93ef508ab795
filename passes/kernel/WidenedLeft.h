//===- WidenedLeft.h - bytes of a register tile as 16-bit numbers ---------===//
#ifndef ASHLAR_PASSES_KERNEL_WIDENEDLEFT_H
#define ASHLAR_PASSES_KERNEL_WIDENEDLEFT_H

#include "passes/kernel/ReductionBlocks.h"

namespace ashlar {

/// The left side of a register tile, widened once for all vectors of columns.
///
/// Where the target has no dot products of bytes, each broadcast group would be
/// split into 16-bit numbers in registers, in every step and for each vector of
/// columns again. From here the two halves of a group are broadcast by loads,
/// which take nothing from the units that multiply and add.
class WidenedLeft {
public:
  using Index = mlir::OpFoldResult;

  /// True if `product` widens bytes, and `pixels` rows of the whole reduction
  /// are worth it and fit in the first-level caches.
  static bool serves(IndexArithmetic &b, const RowContraction &contraction,
                     const DotProduct &product, int64_t pixels);

  /// Room for one of `blocks` of `pixels` rows on the stack of the task that
  /// begins with `task`.
  WidenedLeft(IndexArithmetic &b, const RowContraction &contraction,
              const DotProduct &product, const ReductionBlocks &blocks,
              mlir::Block &task, int64_t pixels);

  /// Widens a block of the rows that begin at `at` and these offsets;
  /// `stepOffset` says where a reduction step begins in a row.
  void fill(const ReductionBlock &block, Index at,
            llvm::ArrayRef<Index> pixelOffsets,
            llvm::function_ref<Index(Index)> stepOffset);

  /// The halves of a group of the block that was widened.
  DotProduct::Operand load(int64_t pixel, Index group);
  /// One of them: the group is `half / 2`.
  mlir::Value loadHalf(int64_t pixel, Index half);

private:
  /// Widens `length` elements of every pixel from `from` on; before them lie
  /// others if `preceded`.
  void fillRun(Index from, llvm::ArrayRef<Index> pixelOffsets, Index to,
               int64_t length, bool preceded);
  void fillChunk(Index from, Index to);
  void fillGroup(Index from, Index to, int64_t count, bool preceded);

  IndexArithmetic &b;
  const RowContraction &c;
  const DotProduct &product;
  bool unitsAreSteps;
  int64_t run, groups; // elements of a step, and groups of four of them
  int64_t pixelWords;
  mlir::Value memory; // [pixel, group, 2] of i32
};

} // namespace ashlar

#endif
