//===- PanelLoops.h - packing of matrices in vectors ----------------------===//
#ifndef ASHLAR_PASSES_KERNEL_PANELLOOPS_H
#define ASHLAR_PASSES_KERNEL_PANELLOOPS_H

#include "dialects/nn/NnDialect.h"

namespace ashlar {

/// A task for each panel.
mlir::LogicalResult lowerPack(nn::PackOp pack);

} // namespace ashlar

#endif
