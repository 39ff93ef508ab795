//===- Epilogue.h - epilogue regions on vectors ---------------------------===//
#ifndef ASHLAR_PASSES_KERNEL_EPILOGUE_H
#define ASHLAR_PASSES_KERNEL_EPILOGUE_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"

#include "passes/kernel/IndexArithmetic.h"

namespace ashlar {

/// Where in the destination a vector lies.
struct OutputPosition {
  mlir::OpFoldResult batch, y, x, channel;
};

/// Applies an epilogue region to vectors of accumulators and stores them.
class Epilogue {
public:
  /// `init` has the axes batch, y, x, channel, or batch, x, channel, or x,
  /// channel; extras have the same, sizes of 1 being read for every index, or
  /// only the channel, or none.
  Epilogue(IndexArithmetic &b, mlir::Region &region, mlir::ValueRange extras,
           mlir::Value init);

  /// True if the epilogue is long (transcendentals): then it is better emitted
  /// once in a loop than once for every accumulator of a tile.
  bool isLong() const;

  /// Stores `accumulator` (a vector) at `position`; only the first `count`
  /// elements exist.
  void store(IndexArithmetic &b, mlir::Value accumulator,
             const OutputPosition &position, mlir::OpFoldResult count);

private:
  mlir::OpFoldResult offsetIn(IndexArithmetic &b, const FlatView &view,
                              const OutputPosition &position);
  mlir::Value loadExtra(IndexArithmetic &b, unsigned index,
                        const OutputPosition &position, mlir::VectorType type,
                        mlir::OpFoldResult count);

  mlir::Region &region;
  FlatView destination;
  llvm::SmallVector<FlatView> extras;
};

/// True if all operations of a body can be copied for vectors, and its
/// arguments lie in memory as whole bytes.
bool isElementwiseBody(mlir::linalg::GenericOp op);

/// Copies an elementwise scalar operation for vectors of `lanes`.
mlir::Operation *vectorizeOperation(IndexArithmetic &b, mlir::Operation &op,
                                    mlir::IRMapping &mapping, int64_t lanes);

/// A load or store of the first `count` elements of a vector.
mlir::Value loadVector(IndexArithmetic &b, mlir::Value flat,
                       mlir::OpFoldResult at, mlir::VectorType type,
                       mlir::OpFoldResult count);
void storeVector(IndexArithmetic &b, mlir::Value vector, mlir::Value flat,
                 mlir::OpFoldResult at, mlir::OpFoldResult count);

} // namespace ashlar

#endif
