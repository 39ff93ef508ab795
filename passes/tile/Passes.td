//===- Passes.td - tile: block sizes and task grids -----------------------===//
#ifndef ASHLAR_PASSES_TILE_PASSES_TD
#define ASHLAR_PASSES_TILE_PASSES_TD

include "mlir/Pass/PassBase.td"

#endif
