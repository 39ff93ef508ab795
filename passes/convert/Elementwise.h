// What the elementwise families share.
#ifndef ASHLAR_PASSES_CONVERT_ELEMENTWISE_H
#define ASHLAR_PASSES_CONVERT_ELEMENTWISE_H

#include "passes/convert/OnnxLowering.h"

namespace ashlar {

/// Fails for element types that arithmetic does not exist for: strings, complex
/// numbers.
mlir::LogicalResult requireNumbers(TensorBuilder &b, mlir::TypeRange types);

/// A broadcasting map that computes in computeType() of each input; the body
/// gives a value of computeType(element).
mlir::Value mapComputed(TensorBuilder &b, mlir::Type element,
                        mlir::ValueRange inputs, TensorBuilder::Body body);

/// Scalar functions, on compute types, that more than one operator uses.
mlir::Value makeSigmoid(TensorBuilder &b, mlir::Value x);
mlir::Value makeSoftplus(TensorBuilder &b, mlir::Value x);
mlir::Value makeRelu(TensorBuilder &b, mlir::Value x);
mlir::Value makeGelu(TensorBuilder &b, mlir::Value x);
mlir::Value makeGeluTanh(TensorBuilder &b, mlir::Value x);
/// Not below `low` nor above `high` (which wins); a NaN stays.
mlir::Value makeClamp(TensorBuilder &b, mlir::Value x, mlir::Value low,
                      mlir::Value high, bool isUnsigned = false);

} // namespace ashlar

#endif // ASHLAR_PASSES_CONVERT_ELEMENTWISE_H
