#include "passes/simplify/Passes.h"

using namespace mlir;

void ashlar::buildSimplifyPipeline(OpPassManager &manager) {
  manager.addPass(createInferShapes());
}
