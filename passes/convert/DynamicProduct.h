// Products of floats, quantized when the model runs, with matrices of bytes.
#ifndef ASHLAR_PASSES_CONVERT_DYNAMICPRODUCT_H
#define ASHLAR_PASSES_CONVERT_DYNAMICPRODUCT_H

#include "passes/convert/Emitter.h"
#include "passes/convert/Quantization.h"

namespace ashlar {

/// Bytes `[K, N]` and what they stand for.
struct ByteMatrix {
  mlir::Value integers;  // signed
  mlir::Value scale;     // f32: of rank 0, or one a column
  mlir::Value zeroPoint; // i32: of rank 0, or one a column; null for 0
  mlir::Value columns;   // i32: the sum of each column, less its zero points
};

/// Part `number` of stacked matrices `[count, K, N]`. `scales` and `zeroPoints`
/// are `[count]` or `[count, N]`; `type` is the ONNX type of the bytes.
ByteMatrix byteMatrix(Emitter &e, mlir::Value stacked, mlir::Type type,
                      mlir::Value scales, mlir::Value zeroPoints,
                      int64_t number);

/// [M, K] x [K, N] in f32. The sums are exact:
///   sum (a - a0)(b - b0) = sum a b - a0 (sum b - K b0) - b0 sum a.
mlir::Value multiplyBytes(TensorBuilder &b, const DynamicBytes &lhs,
                          const ByteMatrix &rhs);

} // namespace ashlar

#endif // ASHLAR_PASSES_CONVERT_DYNAMICPRODUCT_H
