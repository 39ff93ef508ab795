//===- Passes.h - kernel --------------------------------------------------===//
#ifndef ASHLAR_PASSES_KERNEL_PASSES_H
#define ASHLAR_PASSES_KERNEL_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

namespace ashlar {

/// Attribute of a function: for each contraction that was lowered in it a
/// location, the instruction set that multiplies, and why not tiles.
inline constexpr llvm::StringLiteral kChosenKernelsAttrName =
    "ashlar.chosen_kernels";

#define GEN_PASS_DECL
#include "passes/kernel/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/kernel/Passes.h.inc"

/// The stage's passes, in order.
void buildKernelPipeline(mlir::OpPassManager &manager);

} // namespace ashlar

#endif
