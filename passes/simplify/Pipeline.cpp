#include "passes/simplify/Passes.h"

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
  manager.addPass(createFoldDequantizedWeights());
  manager.addPass(createCleanGraph());
  manager.addPass(createCSEPass());
}
