#include "passes/simplify/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include "mlir/Transforms/Passes.h"

using namespace mlir;

void ashlar::buildSimplifyPipeline(OpPassManager &manager) {
  // Shapes settle which constants there are, constants settle branches,
  // branches settle shapes.
  manager.addPass(createInferShapes());
  manager.addPass(createFoldConstants());
  manager.addPass(createCleanGraph());
  manager.addPass(createInferShapes());
  manager.addPass(createFoldConstants());
  manager.addPass(createExpandComposites());
  manager.addPass(createInferShapes());
  manager.addPass(createFoldConstants());
  manager.addPass(createFoldDequantizedWeights({/*keepIntegers=*/true}));
  manager.addPass(createCleanGraph());
  // Equal values are one value from here on: patterns compare by that.
  manager.addPass(createCSEPass());
  manager.addNestedPass<func::FuncOp>(createGroupQueries());
  manager.addPass(createRecogniseSoftmax());
  manager.addPass(createRecogniseLayerNorm());
  manager.addPass(createRecogniseRmsNorm());
  manager.addPass(createRecogniseGelu());
  manager.addPass(createRecogniseSwish());
  manager.addPass(createFoldPadIntoConv());
  manager.addPass(createFoldBatchNorm());
  manager.addPass(createFoldScale());
  manager.addPass(createCSEPass());
}
