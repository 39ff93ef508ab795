//===- TileToLlvm.h - tile operations in the LLVM dialect -----------------===//
#ifndef ASHLAR_PASSES_LOWER_TILETOLLVM_H
#define ASHLAR_PASSES_LOWER_TILETOLLVM_H

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/IR/PatternMatch.h"

namespace ashlar {

/// Buffers of the call's arguments as memory descriptors.
void populateTileToLlvmPatterns(const mlir::LLVMTypeConverter &converter,
                                mlir::RewritePatternSet &patterns);

/// Calls that show a buffer to the observer of the run.
void populateObserveToLlvmPatterns(const mlir::LLVMTypeConverter &converter,
                                   mlir::RewritePatternSet &patterns);

/// Vectors of truth values in memory, a byte each, as vectors of bits.
void populateTruthValuesToLlvmPatterns(const mlir::LLVMTypeConverter &converter,
                                       mlir::RewritePatternSet &patterns);

} // namespace ashlar

#endif
