// All operations of the `onnx` dialect. A large header: include it only where
// operations are named.
#ifndef ASHLAR_DIALECTS_ONNX_ONNXOPS_H
#define ASHLAR_DIALECTS_ONNX_ONNXOPS_H

#include "dialects/onnx/OnnxDialect.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#define GET_OP_CLASSES
#include "dialects/onnx/OnnxOps.h.inc"

#endif // ASHLAR_DIALECTS_ONNX_ONNXOPS_H
