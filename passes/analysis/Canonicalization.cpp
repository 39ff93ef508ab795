//===- Canonicalization.cpp - upstream's canonicalizer, but for a fault ---===//
#include "passes/analysis/Canonicalization.h"

#include "mlir/Transforms/Passes.h"

std::unique_ptr<mlir::Pass> ashlar::createCanonicalization() {
  return mlir::createCanonicalizerPass(
      mlir::GreedyRewriteConfig(),
      /*disabledPatterns=*/{"(anonymous namespace)::FoldInsertPadIntoFill"});
}
