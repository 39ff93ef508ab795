//===- NnDialect.h - the operations that decide speed
//-----------------------------------------------*- C++ -*-===//
#ifndef ASHLAR_DIALECTS_NN_NNDIALECT_H
#define ASHLAR_DIALECTS_NN_NNDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/nn/NnDialect.h.inc"

#define GET_OP_CLASSES
#include "dialects/nn/NnOps.h.inc"

namespace ashlar::nn {

/// Width in elements of a panel of packed f32 weights.
inline constexpr int64_t kPanelWidth = 32;

/// Lets one-shot bufferization handle the operations of this dialect.
void registerBufferizableOpInterfaceExternalModels(
    mlir::DialectRegistry &registry);

/// Adds the epilogue block of an operation under construction: an accumulator
/// and one scalar an extra operand, of their element types, yielding the
/// accumulator.
void addTrivialEpilogue(mlir::OpBuilder &builder, mlir::Region &region,
                        mlir::Location loc, mlir::Type accumulatorType,
                        mlir::ValueRange extras);

} // namespace ashlar::nn

#endif
