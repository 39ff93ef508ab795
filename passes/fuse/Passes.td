//===- Passes.td - fuse: what is computed together ------------------------===//
#ifndef ASHLAR_PASSES_FUSE_PASSES_TD
#define ASHLAR_PASSES_FUSE_PASSES_TD

include "mlir/Pass/PassBase.td"

def SinkTransposes : Pass<"ashlar-sink-transposes", "::mlir::func::FuncOp"> {
  let summary = "move transposes behind what does not care about the layout";
  let description = [{
    Convolutions and pools work on NHWC images and stand between transposes.
    Elementwise operations whose full operands all come through the same
    transpose are computed in the layout before it, and are transposed after;
    the same for concatenation, padding and slices. Transposes that meet cancel.

    Requires: linalg on tensors, convolutions as `nn` operations.

    Guarantees: the values are the same bits; never more transposed elements
    than before.

    Example: test/passes/fuse/sink-transposes.mlir
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def SplitReductions : Pass<"ashlar-split-reductions", "::mlir::func::FuncOp"> {
  let summary = "find the greatest and the least element in parts";
  let description = [{
    A maximum or minimum over all elements of a tensor, as dynamic quantization
    takes two of, reads the tensor in the order in which it lies, whatever
    transposes are before it. Of a large tensor the leading axes become parts,
    which are tasks of their own; their results are folded after.

    Requires: linalg on tensors, transposes sunk. Guarantees: the same bits, but
    for which NaN of several is the result.

    Example: test/passes/fuse/split-reductions.mlir
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def SinkReshapes : Pass<"ashlar-sink-reshapes", "::mlir::func::FuncOp"> {
  let summary = "move reshapes of contractions' results behind elementwise operations";
  let description = [{
    Batches of matrix products are merged into one axis, rows of Gemm into one,
    and a reshape takes them apart again: elementwise operations behind it are
    computed on the merged axes, where the contraction can take them as its
    epilogue, and are reshaped after. Their other operands are collapsed, which
    moves nothing; one that has size 1 for a part of the merged axes is spread
    over them if it is small then still.

    Requires: linalg on tensors, transposes sunk. Guarantees: the same bits.

    Example: test/passes/fuse/sink-reshapes.mlir
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def FuseElementwise : Pass<"ashlar-fuse-elementwise", "::mlir::func::FuncOp"> {
  let summary = "merge chains of elementwise operations into single loops";
  let description = [{
    Upstream's elementwise fusion, held back where a value that is dear to
    compute (a transcendental, a division) would be computed again for every
    user, or where a producer is a reduction.

    Requires: linalg on tensors. Guarantees: the same bits.

    Example: test/passes/fuse/fuse-elementwise.mlir
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def FuseEpilogues : Pass<"ashlar-fuse-epilogues", "::mlir::func::FuncOp"> {
  let summary = "move elementwise consumers into the epilogue of contractions";
  let description = [{
    An elementwise `linalg.generic` that is the only user of a contraction or
    pool moves into its epilogue region: bias, activation, residual, scale. Its
    other operands must have the destination's shape, one value a channel, or
    one value.

    Requires: transposes sunk. Guarantees: the same bits.

    Example: test/passes/fuse/fuse-epilogues.mlir
  }];
  let dependentDialects = ["::ashlar::nn::NnDialect"];
}

def TabulateByteFunctions
    : Pass<"ashlar-tabulate-byte-functions", "::mlir::func::FuncOp"> {
  let summary = "make costly functions of one byte a table";
  let description = [{
    Where a byte is computed from one other byte and constants alone, by way of
    something dear (a transcendental function, a division), as an activation
    between quantized tensors is, its 256 values are computed now and looked up
    (`nn.lookup`) when the model runs. In bodies of elementwise operations and
    in epilogues.

    Requires: elementwise operations fused. Guarantees: the values that the
    constant folding of upstream's operations gives.

    Example: test/passes/fuse/tabulate-byte-functions.mlir
  }];
  let dependentDialects = ["::ashlar::nn::NnDialect"];
  let statistics = [Statistic<"numTables", "tables", "functions tabulated">];
}

def FoldByteRoundTrips
    : Pass<"ashlar-fold-byte-round-trips", "::mlir::func::FuncOp"> {
  let summary = "read quantized values where they are rounded";
  let description = [{
    Where a float is quantized to a byte and the byte is dequantized in the same
    body, as a convolution's result before a residual is added, the rounded float
    is taken instead: of the five operations between them one remains.

    Requires: elementwise operations fused, byte functions tabulated (tables are
    found by their bytes). Guarantees: the same values in all bits.

    Example: test/passes/fuse/fold-byte-round-trips.mlir
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
  let statistics = [Statistic<"numFolded", "folded", "bytes not made">];
}

def HandOverContractions
    : Pass<"ashlar-hand-over-contractions", "::mlir::ModuleOp"> {
  let summary = "give contractions to a kernel library";
  let description = [{
    Where the module's `ashlar.kernels` is "onednn", every `nn.conv` and
    `nn.matmul` that oneDNN computes exactly as the operation says, and not by
    its plain loops, gets `nn.library`. Its weights stay as ONNX has them. Of its
    epilogue it keeps a bias for each channel, of floats; the rest becomes an
    elementwise operation behind it. The others get
    `nn.library_reason`, which the manifest shows.

    Requires: epilogues fused, `tile.target` on the module. Guarantees: nothing
    changes without `ashlar.kernels`; sums of bytes are the same.

    Example: test/passes/fuse/hand-over-contractions.mlir
  }];
  let dependentDialects = ["::ashlar::nn::NnDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect"];
}

def ChooseWinograd : Pass<"ashlar-choose-winograd", "::mlir::func::FuncOp"> {
  let summary = "compute 3x3 convolutions of f32 by products of transformed tiles";
  let description = [{
    An `nn.conv` of f32 with a constant 3x3 filter, steps of one and at least 16
    channels on both sides becomes an `nn.winograd` where an estimate of its
    operations and of the weights it reads says that this pays: tiles of 4x4
    pixels take a quarter of the products, tiles of 2x2 less than half. Filters
    are transformed here, in double precision; the image's padding grows to whole
    tiles. The estimate knows the sizes alone, never the CPU.

    Requires: epilogues fused. Guarantees: results differ from the direct sum by
    rounding; the same bits on every target.

    Example: test/passes/fuse/choose-winograd.mlir
  }];
  let dependentDialects = ["::ashlar::nn::NnDialect",
                           "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect"];
}

#endif
