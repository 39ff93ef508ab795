//===- RealBounds.h - how large what a scalar computation gives can be ----===//
#ifndef ASHLAR_PASSES_ANALYSIS_REALBOUNDS_H
#define ASHLAR_PASSES_ANALYSIS_REALBOUNDS_H

#include "llvm/ADT/STLFunctionalExtras.h"

#include "mlir/IR/Value.h"

#include <optional>

namespace ashlar {

/// A bound of the absolute values that `value` takes, to a relative error of a
/// thousandth, where constants and types tell one. `ofArgument` gives those of
/// block arguments. NaN is not a value here.
std::optional<double> magnitudeBound(
    mlir::Value value,
    llvm::function_ref<std::optional<double>(mlir::BlockArgument)> ofArgument);

/// The same of the elements of a buffer: a global constant, perhaps reshaped,
/// or of bytes.
std::optional<double> magnitudeBoundOfBuffer(mlir::Value buffer);

} // namespace ashlar

#endif
