//===- Canonicalization.h - upstream's canonicalizer, but for a fault -----===//
#ifndef ASHLAR_PASSES_ANALYSIS_CANONICALIZATION_H
#define ASHLAR_PASSES_ANALYSIS_CANONICALIZATION_H

#include "mlir/Pass/Pass.h"

namespace ashlar {

/// MLIR's canonicalizer without FoldInsertPadIntoFill: a padded tensor that is
/// inserted with steps between its elements would lose the steps of its
/// padding.
std::unique_ptr<mlir::Pass> createCanonicalization();

} // namespace ashlar

#endif
