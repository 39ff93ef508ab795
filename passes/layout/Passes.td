//===- Passes.td - layout: layouts chosen, weights packed -----------------===//
#ifndef ASHLAR_PASSES_LAYOUT_PASSES_TD
#define ASHLAR_PASSES_LAYOUT_PASSES_TD

include "mlir/Pass/PassBase.td"

def PackWeights : Pass<"ashlar-pack-weights", "::mlir::ModuleOp"> {
  let summary = "bring constant weights into the panels that kernels read";
  let description = [{
    Constant filters of `nn.conv` become `[groups, F/32, R, S*C, 32]` (depthwise
    ones `[R, S, C]`), constant right sides of `nn.matmul` `[N/32, K, 32]`,
    padded with zeros. One layout a type, whatever the CPU.

    Requires: f32 constants. Guarantees: the same weights packed in the same way
    are one constant; weights that are not constant stay as they are.

    Example: test/passes/layout/pack-weights.mlir
  }];
  let dependentDialects = ["::ashlar::nn::NnDialect",
                           "::mlir::arith::ArithDialect"];
  let statistics = [Statistic<"packedBytes", "packed-bytes",
                              "bytes of packed weights">];
}

#endif
