//===- Pipeline.cpp - layout ----------------------------------------------===//
#include "passes/analysis/Canonicalization.h"
#include "passes/layout/Passes.h"

#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace ashlar;

void ashlar::buildLayoutPipeline(OpPassManager &manager) {
  manager.addPass(createPadChannels());
  manager.addPass(createPackWeights());
  manager.addPass(createCanonicalization());
  manager.addPass(createCSEPass());
}
