// The passes of the quantize stage.
#ifndef ASHLAR_PASSES_QUANTIZE_PASSES_H
#define ASHLAR_PASSES_QUANTIZE_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

namespace ashlar {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/quantize/Passes.h.inc"

} // namespace ashlar

#endif // ASHLAR_PASSES_QUANTIZE_PASSES_H
