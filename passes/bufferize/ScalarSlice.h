//===- ScalarSlice.h - arithmetic on symbolic dimensions ------------------===//
#ifndef ASHLAR_PASSES_BUFFERIZE_SCALARSLICE_H
#define ASHLAR_PASSES_BUFFERIZE_SCALARSLICE_H

#include "llvm/ADT/SetVector.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Operation.h"

namespace ashlar {

/// Adds to `slice`, operands first, the operations that compute `value` from
/// symbolic dimensions (`tile.dim`) and constants. False if `value` follows
/// from data: from memory, a tensor, a loop or a branch.
bool collectDimSlice(mlir::Value value,
                     llvm::SetVector<mlir::Operation *> &slice);

/// Copies `slice` to the insertion point; `mapping` holds what stands for the
/// `tile.dim` results already. A division by zero in a branch that would not
/// have been taken gives zero instead of a trap.
void cloneDimSlice(const llvm::SetVector<mlir::Operation *> &slice,
                   mlir::OpBuilder &builder, mlir::IRMapping &mapping);

} // namespace ashlar

#endif
