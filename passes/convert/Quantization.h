// What quantized operators share: parameters along an axis, rounding to
// integers.
#ifndef ASHLAR_PASSES_CONVERT_QUANTIZATION_H
#define ASHLAR_PASSES_CONVERT_QUANTIZATION_H

#include "passes/convert/OnnxLowering.h"

namespace ashlar {

/// Rounds an f32 or f64 to the nearest integer (ties to even), adds the zero
/// point (an i32, or null for 0) and saturates to `type`, an ONNX integer of up
/// to 16 bits. A NaN gives the least value.
mlir::Value quantizeScalar(TensorBuilder &b, mlir::Value scaled,
                           mlir::Value zeroPoint, mlir::Type type);

/// An integer of ONNX type `type` up to 32 bits as i32.
mlir::Value toInt32(TensorBuilder &b, mlir::Value value, mlir::Type type);

/// A parameter of one element, or of one for each index along `axis`, made to
/// broadcast against a tensor of `rank`.
mlir::Value alongAxis(TensorBuilder &b, mlir::Value parameter, int64_t axis,
                      int64_t rank);

/// The parameter, or null if it is surely zero everywhere.
mlir::Value unlessZero(mlir::Value zeroPoint);

/// f32 data as u8 that cover it and 0, as DynamicQuantizeLinear makes them;
/// scale (f32) and zero point (u8 in i8) are tensors of rank 0.
struct DynamicBytes {
  mlir::Value bytes, scale, zeroPoint;
};
DynamicBytes quantizeDynamically(TensorBuilder &b, mlir::Value x);

} // namespace ashlar

#endif // ASHLAR_PASSES_CONVERT_QUANTIZATION_H
