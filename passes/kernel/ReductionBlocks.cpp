//===- ReductionBlocks.cpp - a reduction piece by piece -------------------===//
#include "passes/kernel/ReductionBlocks.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace ashlar;

ReductionBlocks::ReductionBlocks(IndexArithmetic &b,
                                 const RowContraction &contraction,
                                 int64_t mostGroups)
    : steps(contraction.outer > 1) {
  int64_t groups = llvm::divideCeil(*b.known(contraction.run), kGroup);
  all = groups * contraction.outer;
  unitGroups = steps ? groups : kChunk / kGroup;
  units = llvm::divideCeil(all, unitGroups);
  int64_t most = std::max<int64_t>(mostGroups / unitGroups, 1);
  unitsOfBlock = llvm::divideCeil(units, llvm::divideCeil(units, most));
}

ReductionBlock ReductionBlocks::middle(IndexArithmetic &b,
                                       OpFoldResult index) const {
  return {b.mul(index, unitsOfBlock), unitsOfBlock, unitsOfBlock * unitGroups,
          true};
}

ReductionBlock ReductionBlocks::last(IndexArithmetic &b) const {
  int64_t before = (count() - 1) * unitsOfBlock;
  return {b.fixed(before), units - before, all - before * unitGroups,
          before == 0};
}
