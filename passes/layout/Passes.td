//===- Passes.td - layout: layouts chosen, weights packed -----------------===//
#ifndef ASHLAR_PASSES_LAYOUT_PASSES_TD
#define ASHLAR_PASSES_LAYOUT_PASSES_TD

include "mlir/Pass/PassBase.td"

def PackWeights : Pass<"ashlar-pack-weights", "::mlir::ModuleOp"> {
  let summary = "bring constant weights into the panels that kernels read";
  let description = [{
    Filters of `nn.conv` become `[groups, F/32, R, S*C, 32]` (depthwise ones
    `[R, S, C]`, of i8 `[R*S/4, C, 4]`), constant right sides of `nn.matmul` `[N/32, K, 32]`, padded
    with zeros. i8 and bf16 have panels of 16 columns with 4 or 2 steps of the
    reduction side by side (`nn::PanelForm`). One layout a type, whatever the
    CPU.

    Requires: contractions as `nn` operations on tensors. Guarantees: the same
    weights packed in the same way are one constant.
    Filters, and i8 and bf16 matrices, that are not constant are packed when the
    model runs; such f32 matrices stay as they are.

    Example: test/passes/layout/pack-weights.mlir
  }];
  let dependentDialects = ["::ashlar::nn::NnDialect",
                           "::mlir::affine::AffineDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
  let statistics = [Statistic<"packedBytes", "packed-bytes",
                              "bytes of packed weights">];
}

#endif
