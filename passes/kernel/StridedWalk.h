//===- StridedWalk.h - loops over buffers with merged axes ----------------===//
#ifndef ASHLAR_PASSES_KERNEL_STRIDEDWALK_H
#define ASHLAR_PASSES_KERNEL_STRIDEDWALK_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include "passes/kernel/IndexArithmetic.h"

namespace ashlar {

/// The loops of a `linalg.generic` on buffers, those of one element left out
/// and neighbours joined where every operand steps through both as through
/// one.
struct StridedWalk {
  /// The loops of the operation that one loop of the walk stands for, outer to
  /// inner. A step of the walk is a step of the last one.
  using Group = llvm::SmallVector<unsigned, 2>;
  llvm::SmallVector<Group> groups;

  /// Null if an operand is accessed by more than a dimension or a constant an
  /// axis, or has no strides.
  static std::optional<StridedWalk> of(mlir::linalg::GenericOp op);

  /// Iterations of a group, where that is known.
  std::optional<int64_t> extentOf(mlir::linalg::GenericOp op,
                                  const Group &group) const;

  /// Iterations of every group.
  llvm::SmallVector<mlir::OpFoldResult>
  extents(IndexArithmetic &b, mlir::linalg::GenericOp op) const;

  /// How many elements operand `number` moves at a step of a group, where that
  /// is known.
  std::optional<int64_t> stepOf(mlir::linalg::GenericOp op, unsigned number,
                                const Group &group) const;
};

/// An operand's place at given indices of the walk's loops.
class WalkedOperand {
public:
  WalkedOperand(IndexArithmetic &b, mlir::linalg::GenericOp op, unsigned number,
                const StridedWalk &walk);
  mlir::Value flat;
  mlir::OpFoldResult offset;
  /// Elements from one index to the next, one for each group.
  llvm::SmallVector<mlir::OpFoldResult> steps;
};

/// Parallel loops over the outer groups of a walk.
struct WalkNest {
  /// The index in every group; null for the groups within.
  llvm::SmallVector<mlir::OpFoldResult> at;
  /// The index in `blocks`.
  mlir::OpFoldResult block;

  /// Makes loops over all groups but those in `inner`, and innermost over
  /// `blocks`, and puts the builder in their body. No loop is made for one
  /// block, nor a nest of none.
  static WalkNest open(IndexArithmetic &b,
                       llvm::ArrayRef<mlir::OpFoldResult> extents,
                       llvm::ArrayRef<unsigned> inner,
                       mlir::OpFoldResult blocks);

  /// Where each operand begins there.
  llvm::SmallVector<mlir::OpFoldResult>
  offsets(IndexArithmetic &b, llvm::ArrayRef<WalkedOperand> operands) const;
};

} // namespace ashlar

#endif
