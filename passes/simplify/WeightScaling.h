// Folding what is done to the channels of a contraction's result into its
// weights and bias.
#ifndef ASHLAR_PASSES_SIMPLIFY_WEIGHTSCALING_H
#define ASHLAR_PASSES_SIMPLIFY_WEIGHTSCALING_H

#include "passes/analysis/GraphPatterns.h"

namespace ashlar::onnx {

// scale * x + shift, for each channel.
struct ChannelAffine {
  std::vector<double> scale, shift;
};

// Where `value` comes from a convolution (or Gemm) with constant f32 weights
// and has no other use: makes a contraction that gives the scaled and shifted
// result, and replaces `consumer`, whose result that is. Computed in double and
// rounded once.
mlir::LogicalResult scaleOutput(mlir::Value value, const ChannelAffine &affine,
                                mlir::Operation *consumer,
                                mlir::PatternRewriter &rewriter);

} // namespace ashlar::onnx

#endif // ASHLAR_PASSES_SIMPLIFY_WEIGHTSCALING_H
