// Scales and zero points that are known when compiling.
#ifndef ASHLAR_PASSES_QUANTIZE_QUANTIZATIONPARAMETERS_H
#define ASHLAR_PASSES_QUANTIZE_QUANTIZATIONPARAMETERS_H

#include "passes/analysis/GraphPatterns.h"

namespace ashlar::onnx {

// What the integers of a tensor stand for: real = (integer - zero point) *
// scale, one pair for the whole tensor or one for each index along an axis.
struct QuantizationParameters {
  mlir::Type type; // of the integers
  std::vector<float> scales;
  std::vector<int64_t> zeroPoints; // as many as scales
  int64_t axis = 0;                // where there are several

  bool isPerTensor() const { return scales.size() == 1; }
  bool isByte() const { return type.isInteger(8); }
  bool operator==(const QuantizationParameters &other) const;
};

// The parameters of an operation between f32 and integers of up to 32 bits,
// when all are positive constants and not in blocks.
std::optional<QuantizationParameters> parametersOf(DequantizeLinearOp op);
std::optional<QuantizationParameters> parametersOf(QuantizeLinearOp op);

// A value that is dequantized from integers.
struct Dequantized {
  DequantizeLinearOp op;
  QuantizationParameters parameters;
  mlir::Value integers() { return op.getX(); }
};
std::optional<Dequantized> matchDequantized(mlir::Value value);

mlir::Value makeDequantize(mlir::OpBuilder &builder, mlir::Location loc,
                           mlir::Value integers,
                           const QuantizationParameters &parameters);
mlir::Value makeQuantize(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::Value real,
                         const QuantizationParameters &parameters);
// The zero point of a whole tensor as a constant.
mlir::Value makeZeroPoint(mlir::OpBuilder &builder, mlir::Location loc,
                          const QuantizationParameters &parameters);
// f32 numbers as a constant: a scalar for one, else a list shaped so that it
// broadcasts along `axis` of a tensor of `rank`.
mlir::Value makeFactors(mlir::OpBuilder &builder, mlir::Location loc,
                        llvm::ArrayRef<double> values, int64_t axis,
                        int64_t rank);

// The same shape with another element type.
mlir::RankedTensorType withElement(mlir::Type type, mlir::Type element);

} // namespace ashlar::onnx

#endif // ASHLAR_PASSES_QUANTIZE_QUANTIZATIONPARAMETERS_H
