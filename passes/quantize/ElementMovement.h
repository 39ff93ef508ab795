// Operations that commute with quantization.
#ifndef ASHLAR_PASSES_QUANTIZE_ELEMENTMOVEMENT_H
#define ASHLAR_PASSES_QUANTIZE_ELEMENTMOVEMENT_H

#include "passes/quantize/QuantizationParameters.h"

namespace ashlar::onnx {

// Whether every element of the results is one of the first operand: it is the
// same operation on integers as on what they stand for. Maximum pools are among
// them, since scales are positive.
bool movesElements(mlir::Operation *op);

// The results may hold each element at most once, and hold all of them.
bool keepsElementCount(mlir::Operation *op);

// The parameters of the result of moving a tensor that has some along an axis;
// nothing where the axis is torn apart.
std::optional<QuantizationParameters>
parametersAfter(mlir::Operation *op, const QuantizationParameters &before);

// The same operation on another first operand, the results with the element
// type of that.
mlir::Operation *moveInstead(mlir::OpBuilder &builder, mlir::Operation *op,
                             mlir::Value data);

} // namespace ashlar::onnx

#endif // ASHLAR_PASSES_QUANTIZE_ELEMENTMOVEMENT_H
