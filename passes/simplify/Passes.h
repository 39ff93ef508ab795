// The passes of the simplify stage and its pipeline.
#ifndef ASHLAR_PASSES_SIMPLIFY_PASSES_H
#define ASHLAR_PASSES_SIMPLIFY_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

namespace ashlar {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/simplify/Passes.h.inc"

/// Shapes and types inferred, constants folded, composite operators expanded,
/// the graph cleaned, patterns recognised.
void buildSimplifyPipeline(mlir::OpPassManager &manager);

} // namespace ashlar

#endif // ASHLAR_PASSES_SIMPLIFY_PASSES_H
