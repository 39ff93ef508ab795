// Reductions that several families use.
#ifndef ASHLAR_PASSES_CONVERT_REDUCE_H
#define ASHLAR_PASSES_CONVERT_REDUCE_H

#include "passes/convert/TensorBuilder.h"

namespace ashlar {

/// Axes counted from the front, sorted, without duplicates; nothing if one lies
/// outside the rank.
std::optional<llvm::SmallVector<int64_t>>
normalizeAxes(llvm::ArrayRef<int64_t> axes, int64_t rank);

/// Sums in `accumulator`, which is at least as wide as the element type.
mlir::Value reduceAdd(TensorBuilder &b, mlir::Value tensor,
                      llvm::ArrayRef<int64_t> axes, bool keepDims,
                      mlir::Type accumulator);
/// Maxima of floats, in their compute type.
mlir::Value reduceMax(TensorBuilder &b, mlir::Value tensor,
                      llvm::ArrayRef<int64_t> axes, bool keepDims);

/// Which axes are reduced, where only the running program knows.
struct AxisMask {
  llvm::SmallVector<mlir::Value> reduced; // i1, one an axis
  TensorBuilder::Sizes keptSizes;         // of the result with unit dims kept
  mlir::OpFoldResult count; // elements that make one of the result
};

AxisMask makeAxisMask(TensorBuilder &b, mlir::Value data, mlir::Value axes,
                      bool noopWithEmptyAxes);
/// With the reduced dims kept as unit dims.
mlir::Value reduceMasked(TensorBuilder &b, mlir::Value data,
                         const AxisMask &mask, mlir::Value init,
                         TensorBuilder::Combiner combiner);
/// The result in its final shape.
mlir::Value shapeMasked(TensorBuilder &b, mlir::Value result,
                        const AxisMask &mask, bool keepDims,
                        mlir::RankedTensorType type);

} // namespace ashlar

#endif // ASHLAR_PASSES_CONVERT_REDUCE_H
