//===- Pipeline.cpp - kernel ----------------------------------------------===//
#include "passes/analysis/Canonicalization.h"
#include "passes/kernel/Passes.h"

#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace ashlar;

void ashlar::buildKernelPipeline(OpPassManager &manager) {
  manager.addPass(createLowerLibraryContractions());
  // Before contractions: it makes some.
  manager.addNestedPass<func::FuncOp>(createExpandWinograd());
  manager.addNestedPass<func::FuncOp>(createLowerContractions());
  manager.addNestedPass<func::FuncOp>(createLowerSoftmax());
  manager.addNestedPass<func::FuncOp>(createLowerCopies());
  manager.addNestedPass<func::FuncOp>(createLowerReductions());
  manager.addNestedPass<func::FuncOp>(createLowerElementwise());
  manager.addNestedPass<func::FuncOp>(createLowerTransposes());
  manager.addNestedPass<func::FuncOp>(createLowerInterleaves());
  manager.addPass(createConvertLinalgToParallelLoopsPass());
  manager.addNestedPass<func::FuncOp>(createParallelLoopsToGrids());
  manager.addNestedPass<func::FuncOp>(createLowerLookups());
  manager.addNestedPass<func::FuncOp>(createSerialLoopsToGrids());
  manager.addPass(createCanonicalization());
  manager.addPass(createCSEPass());
}
