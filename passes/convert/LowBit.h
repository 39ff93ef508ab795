// Floats of 8 and 4 bits. After conversion they are bytes; here is what the
// bits mean.
#ifndef ASHLAR_PASSES_CONVERT_LOWBIT_H
#define ASHLAR_PASSES_CONVERT_LOWBIT_H

#include "passes/convert/TensorBuilder.h"

namespace ashlar {

/// How values that do not fit are rounded to a small float.
struct SmallFloatRounding {
  bool saturate = true;
  /// Of f8E8M0FNU, which holds powers of two only: "up", "down" or "nearest".
  llvm::StringRef mode = "up";
};

/// True for the float types of ONNX below 16 bits.
bool isSmallFloat(mlir::Type type);
/// True for integers of 2 to 7 bits and for small floats: types that become
/// bytes.
bool isLowBit(mlir::Type type);

/// The f32 that a byte stands for.
mlir::Value decodeSmallFloat(TensorBuilder &b, mlir::Value byte,
                             mlir::Type type);
/// The byte for an f32.
mlir::Value encodeSmallFloat(TensorBuilder &b, mlir::Value value,
                             mlir::Type type, SmallFloatRounding rounding);

} // namespace ashlar

#endif // ASHLAR_PASSES_CONVERT_LOWBIT_H
