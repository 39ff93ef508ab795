//===- JoinedTensor.h - tensors put together from parts -------------------===//
#ifndef ASHLAR_PASSES_BUFFERIZE_JOINEDTENSOR_H
#define ASHLAR_PASSES_BUFFERIZE_JOINEDTENSOR_H

#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace ashlar {

/// One tensor and the slice of the joined one that it becomes.
struct JoinedPart {
  mlir::Value source;
  llvm::SmallVector<mlir::OpFoldResult> offsets, sizes, strides;
  mlir::Operation *producer =
      nullptr; // writes into the slice itself, if not null
};

/// A tensor put together from parts, with a frame of one value around them if
/// it is a padded one.
struct JoinedTensor {
  mlir::Operation *root; // whose result the joined tensor is
  mlir::tensor::PadOp pad;
  llvm::SmallVector<mlir::OpFoldResult> sizes;
  llvm::SmallVector<JoinedPart> parts;
};

/// True if the insertion is the last one of a row, and what the row makes is no
/// part of another one.
bool isLastInsertion(mlir::tensor::InsertSliceOp insert);

/// What a row of insertions into a fresh tensor puts together, rows within it
/// taken apart, too; `last` is the last one. None if it is no such row.
std::optional<JoinedTensor> joinOf(mlir::tensor::InsertSliceOp last);

/// What a padding puts together: the parts of what it pads, if that is a row
/// itself, in a frame.
std::optional<JoinedTensor> joinOf(mlir::tensor::PadOp pad);

/// True if two slices surely have no element in common.
bool areDisjoint(const JoinedPart &a, const JoinedPart &b);

} // namespace ashlar

#endif
