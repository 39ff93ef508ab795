// Conversions of scalars between ONNX element types.
#ifndef ASHLAR_PASSES_CONVERT_SCALARCAST_H
#define ASHLAR_PASSES_CONVERT_SCALARCAST_H

#include "passes/convert/LowBit.h"
#include "passes/convert/TensorBuilder.h"

namespace ashlar {

/// `value` of ONNX type `from` (held in the converted type) as `to`, as ONNX's
/// Cast does it: floats to integers truncate; out of range, types of 32 and 64
/// bits saturate, smaller ones keep the low bits of that; NaN gives 0.
mlir::Value castScalar(TensorBuilder &b, mlir::Value value, mlir::Type from,
                       mlir::Type to, SmallFloatRounding rounding = {});
/// True for pairs of types that castScalar does.
bool canCastScalar(mlir::Type from, mlir::Type to);
/// The type that elements of an ONNX type are held in.
mlir::Type heldType(mlir::Type type);

} // namespace ashlar

#endif // ASHLAR_PASSES_CONVERT_SCALARCAST_H
