//===- WidenedRight.h - bytes of the right side as 16-bit numbers ---------===//
#ifndef ASHLAR_PASSES_KERNEL_WIDENEDRIGHT_H
#define ASHLAR_PASSES_KERNEL_WIDENEDRIGHT_H

#include "passes/kernel/ReductionBlocks.h"

namespace ashlar {

/// A block of the reduction of the right side of some tiles of channels,
/// widened once for all pixels of a band.
///
/// The packed panels hold bytes, one copy for all instruction sets. Without dot
/// products of bytes they would be split into 16-bit numbers for every register
/// tile again, by shifts that compete with the products.
class WidenedRight {
public:
  using Index = mlir::OpFoldResult;

  /// Pixels of a band that are worth it.
  static constexpr int64_t kLeastPixels = 12;
  /// Columns of tiles that are done together, since they share what is widened
  /// of the left side.
  static constexpr int64_t kColumns = 64;

  /// Groups of the reduction that a block may have with `vectors` vectors of
  /// columns in all: it lies on the stack and close to the first cache.
  static int64_t mostGroups(const DotProduct &product, int64_t vectors);

  WidenedRight(IndexArithmetic &b, const RowContraction &contraction,
               const DotProduct &product, const ReductionBlocks &blocks,
               mlir::Block &task, int64_t vectors, int64_t tiles);

  /// Widens a block of the panels that begin at `at` as tile number `tile`;
  /// `vectorOffsets` says where each vector of columns begins.
  void fill(const ReductionBlock &block, Index tile, Index at,
            llvm::ArrayRef<Index> vectorOffsets);

  /// One half of a group of each vector of columns; the group is `half / 2`.
  DotProduct::Operand loadHalf(Index tile, Index half, int64_t vectors);

private:
  void fillGroups(Index at, Index to, int64_t groups,
                  llvm::ArrayRef<Index> vectorOffsets);

  IndexArithmetic &b;
  const RowContraction &c;
  const DotProduct &product;
  bool unitsAreSteps;
  int64_t tileVectors;
  mlir::Value memory; // [tile, group, 2, vector] of vectors of 16-bit numbers
};

} // namespace ashlar

#endif
