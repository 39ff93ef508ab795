//===- Passes.h - layout
//------------------------------------------------------===//
#ifndef ASHLAR_PASSES_LAYOUT_PASSES_H
#define ASHLAR_PASSES_LAYOUT_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

namespace ashlar {

#define GEN_PASS_DECL
#include "passes/layout/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/layout/Passes.h.inc"

/// The stage's passes, in order.
void buildLayoutPipeline(mlir::OpPassManager &manager);

} // namespace ashlar

#endif
