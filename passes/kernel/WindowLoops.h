//===- WindowLoops.h - depthwise convolution and pooling ------------------===//
#ifndef ASHLAR_PASSES_KERNEL_WINDOWLOOPS_H
#define ASHLAR_PASSES_KERNEL_WINDOWLOOPS_H

#include "dialects/nn/NnDialect.h"

namespace ashlar {

/// Depthwise convolution with a filter `[R, S, C]`, and pooling: vectors of
/// channels, a few neighbouring pixels at once, the window unrolled.
mlir::LogicalResult lowerDepthwise(nn::ConvOp conv);
/// The same of bytes, with a filter `[R*ceil(S/4), C, 4]`: dot products of four
/// neighbouring places.
mlir::LogicalResult lowerDepthwiseBytes(nn::ConvOp conv);
mlir::LogicalResult lowerPool(nn::PoolOp pool);

} // namespace ashlar

#endif
