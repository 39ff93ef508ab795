//===- Passes.h - fuse
//------------------------------------------------------===//
#ifndef ASHLAR_PASSES_FUSE_PASSES_H
#define ASHLAR_PASSES_FUSE_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

namespace ashlar {

#define GEN_PASS_DECL
#include "passes/fuse/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/fuse/Passes.h.inc"

/// The stage's passes, in order.
void buildFusePipeline(mlir::OpPassManager &manager);

} // namespace ashlar

#endif
