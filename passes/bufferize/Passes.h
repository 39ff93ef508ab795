//===- Passes.h - bufferize: buffers, in-place reuse, one arena -----------===//
#ifndef ASHLAR_PASSES_BUFFERIZE_PASSES_H
#define ASHLAR_PASSES_BUFFERIZE_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

namespace ashlar {

/// Names of the functions that a model consists of from bufferize on.
inline constexpr llvm::StringLiteral kBodyName = "body";
inline constexpr llvm::StringLiteral kShapesName = "shapes";

#define GEN_PASS_DECL
#include "passes/bufferize/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/bufferize/Passes.h.inc"

/// Tensors to buffers in one arena.
void buildBufferizePipeline(mlir::OpPassManager &manager);

} // namespace ashlar

#endif
