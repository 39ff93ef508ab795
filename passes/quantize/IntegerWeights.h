// Constant weights of contractions, as the integer kernels want them.
#ifndef ASHLAR_PASSES_QUANTIZE_INTEGERWEIGHTS_H
#define ASHLAR_PASSES_QUANTIZE_INTEGERWEIGHTS_H

#include "passes/quantize/QuantizationParameters.h"

namespace ashlar::onnx {

// Signed bytes with, for every output channel, what one step of them is worth.
struct IntegerWeights {
  mlir::Value integers;
  // What remains of the zero points, where it does not fit into the bytes;
  // null where all are 0.
  mlir::Value zeroPoint;
  std::vector<double> scales; // one, or one a channel
  // For every channel the sum of what the weights stand for, in steps.
  std::vector<int64_t> sums;

  // What a zero point of the activation adds to the sums of products: one
  // number a channel. Only where no zero point of the weights remains.
  std::vector<int64_t> offsets(int64_t activationZeroPoint) const;
};

// The weights that `value` dequantizes from constants, whose output channels
// lie along `axis`. Nothing where parameters lie along another axis, or where
// sums of products with bytes might leave 32 bits.
std::optional<IntegerWeights> integerWeights(mlir::OpBuilder &builder,
                                             mlir::Value value, int64_t axis);

// The constant integers that a bias stands for in steps of `scales` (one, or
// one a channel), exactly: as many as `channels`. Nothing where there are none.
std::optional<std::vector<int64_t>>
integerBias(mlir::Value bias, llvm::ArrayRef<double> scales, int64_t channels);

} // namespace ashlar::onnx

#endif // ASHLAR_PASSES_QUANTIZE_INTEGERWEIGHTS_H
