// Executing single operations on constants, for the passes that fold.
#ifndef ASHLAR_PASSES_SIMPLIFY_CONSTANTFOLDING_H
#define ASHLAR_PASSES_SIMPLIFY_CONSTANTFOLDING_H

#include "passes/analysis/GraphPatterns.h"

namespace ashlar::onnx {

// Executes an operation whose operands are all constants and puts the results
// in its place, unless they would be much larger than what goes in. The
// operation is gone then, with operands that nothing else uses.
bool foldOperation(mlir::Operation *op);

// Forward through the blocks: each operation sees what those before it became.
void foldForward(mlir::Operation *root,
                 llvm::function_ref<bool(mlir::Operation *)> fold);

} // namespace ashlar::onnx

#endif // ASHLAR_PASSES_SIMPLIFY_CONSTANTFOLDING_H
