//===- ReductionCombiner.h - what a reduction folds with ------------------===//
#ifndef ASHLAR_PASSES_ANALYSIS_REDUCTIONCOMBINER_H
#define ASHLAR_PASSES_ANALYSIS_REDUCTIONCOMBINER_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace ashlar {

/// The sum, product, maximum or minimum that folds into the output, if the body
/// ends in one and reads the output nowhere else; null if not.
mlir::Operation *findCombiner(mlir::linalg::GenericOp op);

} // namespace ashlar

#endif
