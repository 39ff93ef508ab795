//===- ReductionBlocks.h - a reduction piece by piece ---------------------===//
#ifndef ASHLAR_PASSES_KERNEL_REDUCTIONBLOCKS_H
#define ASHLAR_PASSES_KERNEL_REDUCTIONBLOCKS_H

#include "passes/kernel/RowContraction.h"

namespace ashlar {

/// Neighbouring units of a reduction of bytes: steps r or, where there is one
/// step, chunks of 16 elements.
struct ReductionBlock {
  mlir::OpFoldResult first; // unit
  int64_t units;
  int64_t groups; // of four elements
  bool begins;    // false if other units surely lie before it
};

/// The reduction of a contraction of bytes, in blocks of equal size and a rest.
class ReductionBlocks {
public:
  static constexpr int64_t kGroup = 4, kChunk = 16;

  /// Blocks of at most `mostGroups` groups or one unit.
  ReductionBlocks(IndexArithmetic &b, const RowContraction &contraction,
                  int64_t mostGroups);

  int64_t count() const { return (units + unitsOfBlock - 1) / unitsOfBlock; }
  /// Groups of the largest block.
  int64_t mostGroups() const {
    return std::min(unitsOfBlock * unitGroups, all);
  }
  bool unitsAreSteps() const { return steps; }

  /// The block at `index`, which is not the last.
  ReductionBlock middle(IndexArithmetic &b, mlir::OpFoldResult index) const;
  ReductionBlock last(IndexArithmetic &b) const;

private:
  bool steps;
  int64_t unitGroups, all, units, unitsOfBlock;
};

} // namespace ashlar

#endif
