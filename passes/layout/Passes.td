//===- Passes.td - layout: layouts chosen, weights packed -----------------===//
#ifndef ASHLAR_PASSES_LAYOUT_PASSES_TD
#define ASHLAR_PASSES_LAYOUT_PASSES_TD

include "mlir/Pass/PassBase.td"

def PadChannels : Pass<"ashlar-pad-channels", "::mlir::ModuleOp"> {
  let summary = "give images the channels that make rows of filters whole";
  let description = [{
    Tile registers multiply pairs of bf16. Where a row of a filter (all columns
    and channels) has an odd length, as over the three channels of an image with
    7 columns, the last pair would reach over the row's end: into values that
    are multiplied by zero, which makes NaN of infinity. Such images get one
    channel of zeros more, in the padding that they have or one of their own
    (before a transpose, where they come channel by channel), and the filter
    zeros for it. Only on targets with AMX: vectors repeat less.

    Requires: `nn.conv` on tensors, filters not packed yet; `tile.target` on the
    module. Guarantees: with AMX, constant filters of one group of bf16 have
    rows of even length.

    Example: test/passes/layout/pad-channels.mlir
  }];
  let dependentDialects = ["::ashlar::nn::NnDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
  let statistics = [Statistic<"paddedConvolutions", "padded-convolutions",
                              "convolutions whose images got a channel">];
}

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
