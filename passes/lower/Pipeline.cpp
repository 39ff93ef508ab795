//===- Pipeline.cpp - lower -----------------------------------------------===//
#include "passes/analysis/Canonicalization.h"
#include "passes/lower/Passes.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/VectorToSCF/VectorToSCF.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace ashlar;

void ashlar::buildLowerPipeline(OpPassManager &manager) {
  manager.addPass(createMarkLayers());
  manager.addPass(createCollectWeights());
  manager.addPass(createOutlineGrids());
  VectorTransferToSCFOptions transfers;
  transfers.enableFullUnroll();
  manager.addPass(createConvertVectorToSCFPass(transfers));
  manager.addPass(createLowerAffinePass());
  manager.addPass(createExpandMath());
  manager.addPass(createCanonicalization());
  manager.addPass(createCSEPass());
  manager.addPass(createLoopsToBranches());
  manager.addPass(createRequirementsToBranches());
  manager.addPass(memref::createExpandStridedMetadataPass());
  manager.addPass(createLowerAffinePass());
  manager.addPass(createConvertToLlvm());
  manager.addPass(createReconcileUnrealizedCastsPass());
  manager.addPass(createCanonicalization());
  manager.addPass(createCSEPass());
}
