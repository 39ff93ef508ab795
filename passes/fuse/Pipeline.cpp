//===- Pipeline.cpp - fuse ------------------------------------------------===//
#include "passes/analysis/Canonicalization.h"
#include "passes/fuse/Passes.h"

#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace ashlar;

void ashlar::buildFusePipeline(OpPassManager &manager) {
  manager.addNestedPass<func::FuncOp>(createSinkTransposes());
  manager.addPass(createCanonicalization());
  manager.addPass(createCSEPass());
  manager.addNestedPass<func::FuncOp>(createSplitReductions());
  manager.addNestedPass<func::FuncOp>(createSinkReshapes());
  manager.addNestedPass<func::FuncOp>(createFuseElementwise());
  manager.addNestedPass<func::FuncOp>(createFuseEpilogues());
  manager.addNestedPass<func::FuncOp>(createTabulateByteFunctions());
  manager.addNestedPass<func::FuncOp>(createFoldByteRoundTrips());
  manager.addPass(createHandOverContractions());
  manager.addNestedPass<func::FuncOp>(createChooseWinograd());
  manager.addPass(createCanonicalization());
  manager.addPass(createCSEPass());
}
