//===- Pipeline.cpp - tile ------------------------------------------------===//
#include "passes/tile/Passes.h"

using namespace mlir;
using namespace ashlar;

// Block sizes are chosen where kernels are written out, for now.
void ashlar::buildTilePipeline(OpPassManager &) {}
