#ifndef ASHLAR_PASSES_SIMPLIFY_PASSES_TD
#define ASHLAR_PASSES_SIMPLIFY_PASSES_TD

include "mlir/Pass/PassBase.td"

def InferShapes : Pass<"ashlar-infer-shapes", "::mlir::ModuleOp"> {
  let summary = "Give every value of an ONNX graph the most static type that can be derived";
  let description = [{
    Runs the shape and element-type rules of all operators forward through the graph, regions included, together with
    the elements of small integer tensors, so that shapes which the graph computes for itself come out static. Result
    types are refined, never loosened; the function's type follows. Small tensors whose elements are all known become
    constants. A rule that is violated, or a declared type that contradicts, is an error at the node.

    Requires: only `onnx` operations in `func.func`s. Guarantees: every value has a ranked type, or the pass fails.
  }];
}

#endif // ASHLAR_PASSES_SIMPLIFY_PASSES_TD
