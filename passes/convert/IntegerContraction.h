// Products of quantized tensors, exact in 32 bits.
#ifndef ASHLAR_PASSES_CONVERT_INTEGERCONTRACTION_H
#define ASHLAR_PASSES_CONVERT_INTEGERCONTRACTION_H

#include "passes/convert/Emitter.h"

namespace ashlar {

/// An integer tensor of ONNX element type `type` and its zero point (null for
/// 0), which broadcasts against it.
struct QuantizedOperand {
  mlir::Value tensor, zeroPoint;
  mlir::Type type;
};

/// numpy's matmul with i32 elements as result.
mlir::Value multiplyIntegers(Emitter &e, const QuantizedOperand &lhs,
                             const QuantizedOperand &rhs);

/// scale(lhs) * scale(rhs) / scale(result), one value or one an index along
/// `axis` of a tensor of `rank`, made to broadcast.
mlir::Value requantizationScale(Emitter &e, mlir::Value lhs, mlir::Value rhs,
                                mlir::Value result, int64_t lhsAxis,
                                int64_t rhsAxis, int64_t rank);

/// i32 sums to the quantized type: multiplied by `scale` in f32, rounded,
/// saturated.
mlir::Value requantize(Emitter &e, mlir::Value sums, mlir::Value bias,
                       mlir::Value scale, mlir::Value zeroPoint,
                       mlir::Type type);

} // namespace ashlar

#endif // ASHLAR_PASSES_CONVERT_INTEGERCONTRACTION_H
