//===- PlainLoops.h - contractions that no kernel computes ----------------===//
#ifndef ASHLAR_PASSES_CONVERT_PLAINLOOPS_H
#define ASHLAR_PASSES_CONVERT_PLAINLOOPS_H

#include "mlir/IR/Operation.h"

namespace ashlar {

/// Warns that a contraction is left to plain loops, many times slower than the
/// kernels, unless it is a small one. `lhs` and `rhs` are what it multiplies,
/// with their ONNX types; `reason` says what about its geometry or parameters
/// keeps it from the kernels, where its elements do not.
void warnPlainLoops(mlir::Operation *op, mlir::Value lhs, mlir::Value rhs,
                    llvm::StringRef reason = "no kernel takes its elements");

} // namespace ashlar

#endif
