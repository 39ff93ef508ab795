//===- OperationCount.h - about how much work a block is ------------------===//
#ifndef ASHLAR_PASSES_ANALYSIS_OPERATIONCOUNT_H
#define ASHLAR_PASSES_ANALYSIS_OPERATIONCOUNT_H

#include "mlir/IR/Block.h"

namespace ashlar {

/// Operations of a block, loops inside counted as often as they run; loops of
/// unknown length as a few iterations.
int64_t countOperations(mlir::Block &block);

} // namespace ashlar

#endif
