// Passes of the stage `convert`.
#ifndef ASHLAR_PASSES_CONVERT_PASSES_H
#define ASHLAR_PASSES_CONVERT_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace ashlar {

#define GEN_PASS_DECL
#include "passes/convert/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/convert/Passes.h.inc"

} // namespace ashlar

#endif // ASHLAR_PASSES_CONVERT_PASSES_H
