// What follows an integer contraction: bias, conversion, scale.
#ifndef ASHLAR_PASSES_QUANTIZE_INTEGERSUMS_H
#define ASHLAR_PASSES_QUANTIZE_INTEGERSUMS_H

#include "passes/quantize/QuantizationParameters.h"

namespace ashlar::onnx {

// The s32 sums of an integer contraction on their way to real numbers. The
// output channels lie along `axis`.
struct IntegerSums {
  mlir::Value sums;
  std::vector<double> scales; // what one step is worth: one, or one a channel
  int64_t axis;
  // Constants to add to the sums, one a channel; empty for none.
  std::vector<int64_t> offsets = {};

  // (sums + bias) * scales where the bias is a constant in steps of the scales,
  // else sums * scales + bias; `bias` may be null. A list lies along the
  // channels.
  mlir::Value toReal(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value bias) const;
};

// The matrix product of two s32 tensors' bytes; zero points may be null.
mlir::Value makeMatMulInteger(mlir::OpBuilder &builder, mlir::Location loc,
                              llvm::ArrayRef<int64_t> shape, mlir::Value lhs,
                              mlir::Value rhs, mlir::Value lhsZero,
                              mlir::Value rhsZero);
// Null where the zero point of a whole tensor is 0.
mlir::Value makeZeroPointUnlessZero(mlir::OpBuilder &builder,
                                    mlir::Location loc,
                                    const QuantizationParameters &parameters);

} // namespace ashlar::onnx

#endif // ASHLAR_PASSES_QUANTIZE_INTEGERSUMS_H
