//===- MacCount.h - multiplications that an operator takes ----------------===//
#ifndef ASHLAR_COMPILER_REPORT_MACCOUNT_H
#define ASHLAR_COMPILER_REPORT_MACCOUNT_H

#include "mlir/IR/Operation.h"
#include <cstdint>
#include <optional>

namespace ashlar {

/// Multiply-accumulates of a contraction or recurrent operator of the onnx
/// dialect; none for other operators and where a shape is not known.
std::optional<int64_t> countMacs(mlir::Operation *op);

} // namespace ashlar
#endif
