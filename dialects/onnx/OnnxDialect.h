// The `onnx` dialect and its types.
#ifndef ASHLAR_DIALECTS_ONNX_ONNXDIALECT_H
#define ASHLAR_DIALECTS_ONNX_ONNXDIALECT_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"

#include "dialects/onnx/OnnxDialect.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/onnx/OnnxTypes.h.inc"

#endif // ASHLAR_DIALECTS_ONNX_ONNXDIALECT_H
