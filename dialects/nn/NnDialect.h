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

/// How the right side of a contraction lies in memory, by element type: panels
/// of `width` columns in which `group` neighbouring steps of the reduction are
/// side by side, so that a 32-bit lane holds what one dot product instruction
/// takes.
struct PanelForm {
  int64_t width; // columns of a panel
  int64_t group; // reduction steps in a lane
  int64_t bytes; // of one element

  static PanelForm of(mlir::Type element);

  /// A run of `length` reduction steps is cut into equal blocks of at most 64
  /// bytes a row (what a tile register holds), padded with zeros.
  int64_t blockLength(int64_t length) const;
  int64_t paddedLength(int64_t length) const;
};

/// What sums of products of elements are accumulated in: i32 for i8, else f32.
mlir::Type accumulatorType(mlir::Type element);

/// Attributes of contractions where the module asks for a kernel library
/// (`ashlar.kernels`): the library that computes the contraction, with weights
/// as ONNX has them and (i64) a hash of them if they are constant; or why it
/// does not.
inline constexpr llvm::StringLiteral kLibraryAttrName = "nn.library";
inline constexpr llvm::StringLiteral kWeightsHashAttrName = "nn.weights_hash";
inline constexpr llvm::StringLiteral kLibraryReasonAttrName =
    "nn.library_reason";

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
