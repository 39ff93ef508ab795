//===- WidenedLeft.h - bytes of a register tile as 16-bit numbers ---------===//
#ifndef ASHLAR_PASSES_KERNEL_WIDENEDLEFT_H
#define ASHLAR_PASSES_KERNEL_WIDENEDLEFT_H

#include "passes/kernel/RowContraction.h"

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

  /// Room for `pixels` rows on the stack of the task that begins with `task`.
  WidenedLeft(IndexArithmetic &b, const RowContraction &contraction,
              const DotProduct &product, mlir::Block &task, int64_t pixels);

  /// Widens the rows that begin at `at` and these offsets; `stepOffset` says
  /// where a reduction step begins in a row.
  void fill(Index at, llvm::ArrayRef<Index> pixelOffsets,
            llvm::function_ref<Index(Index)> stepOffset);

  DotProduct::Operand load(int64_t pixel, Index step, Index group);

private:
  void fillRun(Index from, Index to);

  IndexArithmetic &b;
  const RowContraction &c;
  const DotProduct &product;
  int64_t run, groups; // reduction steps of a run, and groups of four of them
  mlir::Value memory;  // [pixel, step, group, 2] of i32
};

} // namespace ashlar

#endif
