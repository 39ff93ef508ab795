//===- WindowLoops.h - depthwise convolution and pooling ------------------===//
#ifndef ASHLAR_PASSES_KERNEL_WINDOWLOOPS_H
#define ASHLAR_PASSES_KERNEL_WINDOWLOOPS_H

#include "dialects/nn/NnDialect.h"
#include "passes/kernel/IndexArithmetic.h"

namespace ashlar {

/// Depthwise convolution with a filter `[R, S, C]`, and pooling: vectors of
/// channels, a few neighbouring pixels at once, the window unrolled.
mlir::LogicalResult lowerDepthwise(nn::ConvOp conv);
/// The same of bytes, with a filter `[R*ceil(S/4), C, 4]`: dot products of four
/// neighbouring places.
mlir::LogicalResult lowerDepthwiseBytes(nn::ConvOp conv);
mlir::LogicalResult lowerPool(nn::PoolOp pool);

/// Neighbouring pixels of a row at once, as many as a target with so many
/// vector registers has room for; `body` gets the first pixel and their number.
void forPixels(IndexArithmetic &b, mlir::OpFoldResult columns,
               int64_t registers,
               llvm::function_ref<void(mlir::OpFoldResult, int64_t)> body);

} // namespace ashlar

#endif
