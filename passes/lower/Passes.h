//===- Passes.h - lower: to the LLVM dialect and runtime calls ------------===//
#ifndef ASHLAR_PASSES_LOWER_PASSES_H
#define ASHLAR_PASSES_LOWER_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

namespace ashlar {

/// Module attribute: names of the ONNX nodes, in the order of the layer table.
inline constexpr llvm::StringLiteral kLayersAttrName = "ashlar.layers";
/// Module attributes: constant data, in order, and its byte offsets.
inline constexpr llvm::StringLiteral kWeightsAttrName = "ashlar.weights";
inline constexpr llvm::StringLiteral kWeightOffsetsAttrName =
    "ashlar.weight_offsets";
/// Symbol of the constant data, which code generation puts into a section.
inline constexpr llvm::StringLiteral kWeightsSymbol = "ashlar_weights";

#define GEN_PASS_DECL
#include "passes/lower/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/lower/Passes.h.inc"

/// Loops and vectors on buffers to the LLVM dialect.
void buildLowerPipeline(mlir::OpPassManager &manager);

} // namespace ashlar

#endif
