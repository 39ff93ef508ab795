//===- ReducedPrecision.h - operands of integer and bf16 products ---------===//
#ifndef ASHLAR_PASSES_CONVERT_REDUCEDPRECISION_H
#define ASHLAR_PASSES_CONVERT_REDUCEDPRECISION_H

#include "passes/convert/TensorBuilder.h"

namespace ashlar {

/// A tensor of bytes with its zero points (null for 0; i32 otherwise, a scalar
/// tensor for one), `known` if it is one constant.
struct QuantizedTensor {
  mlir::Value tensor;
  mlir::Value zeroPoint;
  std::optional<int64_t> known = 0;
};

/// True if the zero point (or null) is one number for the whole tensor.
bool isSingleZeroPoint(mlir::Value zeroPoint);

/// The operand of an integer product in the signedness that kernels take: the
/// same numbers, the sign bit and the zero points moved where the model has it
/// otherwise. `zeroPoint` (null for 0) is one or one a channel, and so is that
/// of the result. `type` is the ONNX element type.
QuantizedTensor withSignedness(TensorBuilder &b, mlir::Value tensor,
                               mlir::Value zeroPoint, mlir::Type type,
                               bool wanted);

/// i32 sums of an i8 tensor over `axes`, which stay with size 1 if `keepDims`.
/// Sums of constants are constants.
mlir::Value sumBytes(TensorBuilder &b, mlir::Value tensor,
                     llvm::ArrayRef<int64_t> axes, bool isUnsigned,
                     bool keepDims);

/// f16 and bf16 are computed in f32: a tensor of theirs or f32 widened, and f32
/// narrowed to `type`.
mlir::Value toF32(TensorBuilder &b, mlir::Value tensor);
mlir::Value fromF32(TensorBuilder &b, mlir::Value tensor, mlir::Type type);

/// An f32, f16 or bf16 tensor rounded to bf16; constants are rounded now.
mlir::Value roundToBf16(TensorBuilder &b, mlir::Value tensor);

/// True if the operation is marked for bf16 by the quantize stage.
bool isMarkedBf16(mlir::Operation *op);

} // namespace ashlar

#endif
