//===- Pipeline.cpp - bufferize -------------------------------------------===//
#include "passes/analysis/Canonicalization.h"
#include "passes/bufferize/Passes.h"

#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace ashlar;

void ashlar::buildBufferizePipeline(OpPassManager &manager) {
  manager.addNestedPass<func::FuncOp>(createProduceInPlace());
  manager.addNestedPass<func::FuncOp>(createReshapeAmbiguousSlices());
  manager.addPass(createCompactRows());
  manager.addPass(createBindArguments());
  // Sizes of outputs have to become arithmetic on dimensions before their
  // buffers can be moved up.
  manager.addPass(memref::createResolveRankedShapeTypeResultDimsPass());
  manager.addPass(createCanonicalization());
  manager.addPass(createCSEPass());
  manager.addNestedPass<func::FuncOp>(createHoistOutputBuffers());
  manager.addNestedPass<func::FuncOp>(createSeparateInits());
  manager.addPass(bufferization::createEmptyTensorEliminationPass());
  manager.addPass(bufferization::createEmptyTensorToAllocTensorPass());

  bufferization::OneShotBufferizePassOptions options;
  options.allowReturnAllocsFromLoops = true;
  options.copyBeforeWrite = false;
  manager.addPass(bufferization::createOneShotBufferizePass(options));
  // Twice: the first run leaves copies of a buffer to itself.
  for (int round = 0; round < 2; ++round) {
    manager.addPass(createCanonicalization());
    manager.addPass(createCSEPass());
  }
  manager.addNestedPass<func::FuncOp>(createKeepLoopBuffers());
  manager.addPass(createCSEPass());
  manager.addPass(createPlanArena());
  manager.addPass(createCanonicalization());
  manager.addPass(createCSEPass());
}
