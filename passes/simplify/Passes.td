#ifndef ASHLAR_PASSES_SIMPLIFY_PASSES_TD
#define ASHLAR_PASSES_SIMPLIFY_PASSES_TD

include "mlir/Pass/PassBase.td"

def InferShapes : Pass<"ashlar-infer-shapes", "::mlir::ModuleOp"> {
  let summary = "Give every value of an ONNX graph the most static type that can be derived";
  let description = [{
    Runs the shape and element-type rules of all operators forward through the graph, regions included, together with
    the elements of small integer tensors, so that shapes which the graph computes for itself come out static. Result
    types are refined, never loosened; the function's type follows. Small tensors whose elements are all known become
    constants. A rule that is violated, or a declared element type that contradicts, is an error at the node; a
    declared shape that contradicts is ignored, with a warning.

    Requires: only `onnx` operations in `func.func`s. Guarantees: every value has a ranked type, or the pass fails.
  }];
}

def FoldConstants : Pass<"ashlar-fold-constants", "::mlir::ModuleOp"> {
  let summary = "Execute ONNX operators whose operands are constants";
  let description = [{
    Goes forward through the graph and replaces operations on constants by their results, as values of the same types:
    movement shares or copies bytes, arithmetic is done in the type of the elements (f16 and bf16 in f32). What would
    make the constants more than 64 KiB larger stays, and so does DequantizeLinear.

    Requires: static types where it is to fold. Guarantees: the types of the values that remain are unchanged.
  }];
}

def FoldDequantizedWeights : Pass<"ashlar-fold-dequantized-weights", "::mlir::ModuleOp"> {
  let summary = "Execute DequantizeLinear of constants";
  let description = [{
    Turns quantized weights into the f32 weights that they stand for, for what runs in f32. With `keep-integers`, those
    that a contraction with a quantized activation may use as they are stay, and so do tables of which rows are
    gathered; the quantize stage runs it again without.

    Requires: static types. Guarantees: no DequantizeLinear of constants in f32 that could be executed remains, other
    than those kept.
  }];
  let options = [
    Option<"keepIntegers", "keep-integers", "bool", "false", "leave what integer contractions and lookups may use">
  ];
}

def CleanGraph : Pass<"ashlar-clean-graph", "::mlir::ModuleOp"> {
  let summary = "Remove what does nothing and merge what does one thing in several steps";
  let description = [{
    Identity, Dropout at inference, casts to the same type, transpositions that cancel or only move unit dims, chains of
    reshapes, slices and pads of nothing, concatenations of one, branches and loops that are decided at compile time.
    Squeeze, Unsqueeze and Flatten become Reshape where the shape is static.

    Requires: inferred types. Guarantees: no `onnx.If` with a constant condition, no CastLike, no Identity between
    values of one type.
  }];
}

def ExpandComposites : Pass<"ashlar-expand-composites", "::mlir::ModuleOp"> {
  let summary = "Replace composite operators by their ONNX definition";
  let description = [{
    Attention, rotary embedding, linear attention, Einsum, losses, global pools, quantized operators of com.microsoft
    and the like become the simpler operators that define them, as far as their attributes and ranks are known. The new
    values have element types only.

    Requires: inferred types. Guarantees: what it knows is gone; shapes are to be inferred again.
  }];
}

def FoldBatchNorm : Pass<"ashlar-fold-batch-norm", "::mlir::ModuleOp"> {
  let summary = "Fold batch normalization into the weights before it";
  let description = [{
    BatchNormalization at inference with constant parameters scales and shifts the channels of what comes before it: the
    weights and bias of a Conv, ConvTranspose or Gemm take that on, computed in double and rounded once. Without such a
    neighbour it becomes a product and a sum with constants.

    Requires: inferred types. Guarantees: no BatchNormalization with constant f32 parameters remains at inference.
  }];
}

def FoldScale : Pass<"ashlar-fold-scale", "::mlir::ModuleOp"> {
  let summary = "Fold sums and products with a constant for each channel into convolutions";
  let description = [{
    Add, Sub, Mul and Div of the result of a convolution and a constant that has one number for each channel, or one for
    all, go into the weights and bias (f32, in double, rounded once).

    Requires: inferred types. Guarantees: types are unchanged.
  }];
}

def FoldPadIntoConv : Pass<"ashlar-fold-pad-into-conv", "::mlir::ModuleOp"> {
  let summary = "Let convolutions and pools pad for themselves";
  let description = [{
    A Pad of zeros on the spatial axes in front of a Conv or an AveragePool becomes pads of its own.

    Requires: inferred types. Guarantees: types are unchanged.
  }];
}

def RecogniseGelu : Pass<"ashlar-recognise-gelu", "::mlir::ModuleOp"> {
  let summary = "Recognise GELU as exporters spell it";
  let description = [{
    Products of x, one half and one plus an erf of x (or the tanh that approximates it), in any order, become
    `onnx.Gelu`.

    Requires: constants folded, types inferred. Guarantees: types are unchanged, values differ by rounding only.
  }];
}

def RecogniseSwish : Pass<"ashlar-recognise-swish", "::mlir::ModuleOp"> {
  let summary = "Recognise Swish, HardSwish and Mish as exporters spell them";
  let description = [{
    Products of x and a sigmoid of x become `onnx.Swish` (also with a factor inside), products of x and a hard sigmoid or
    a clip of x + 3 divided by 6 `onnx.HardSwish`, of x and tanh of softplus `onnx.Mish`.

    Requires: constants folded, types inferred. Guarantees: types are unchanged, values differ by rounding only.
  }];
}

def GroupQueries : Pass<"ashlar-group-queries", "::mlir::func::FuncOp"> {
  let summary = "Multiply repeated heads once for all queries that share them";
  let description = [{
    Attention with grouped queries repeats each head of the keys and values (Expand between two reshapes) before it
    multiplies. Where queries have few rows, as when a model generates token by token, those that share a head become
    rows of one product with it: `[B, heads * times, M, D] x [B, heads * times, D, N]` becomes
    `[B, heads, times * M, D] x [B, heads, D, N]`, and nothing is repeated. From 32 rows on the copies cost less than
    what follows would outside of the product's epilogue.

    Requires: types inferred. Guarantees: types are unchanged; values are, but for the order of sums that a kernel
    chooses by the number of rows.

    Example: test/passes/simplify/group-queries.mlir
  }];
}

def RecogniseLayerNorm : Pass<"ashlar-recognise-layer-norm", "::mlir::ModuleOp"> {
  let summary = "Recognise layer normalization as exporters spell it";
  let description = [{
    x minus its mean over trailing axes, divided by the square root of the mean of squares of that plus an epsilon, with
    scale and shift where they follow, becomes `onnx.LayerNormalization`.

    Requires: constants folded, types inferred. Guarantees: types are unchanged, values differ by rounding only.
  }];
}

def RecogniseRmsNorm : Pass<"ashlar-recognise-rms-norm", "::mlir::ModuleOp"> {
  let summary = "Recognise root-mean-square normalization as exporters spell it";
  let description = [{
    x divided by the square root of the mean of its squares over trailing axes plus an epsilon, with a scale where it
    follows, becomes `onnx.RMSNormalization`.

    Requires: constants folded, types inferred. Guarantees: types are unchanged, values differ by rounding only.
  }];
}

def RecogniseSoftmax : Pass<"ashlar-recognise-softmax", "::mlir::ModuleOp"> {
  let summary = "Recognise softmax as exporters spell it";
  let description = [{
    The exponential of x minus its maximum along one axis, divided by its sum along that axis, becomes `onnx.Softmax`.

    Requires: constants folded, types inferred. Guarantees: types are unchanged, values differ by rounding only.
  }];
}

#endif // ASHLAR_PASSES_SIMPLIFY_PASSES_TD
