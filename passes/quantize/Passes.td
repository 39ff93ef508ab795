#ifndef ASHLAR_PASSES_QUANTIZE_PASSES_TD
#define ASHLAR_PASSES_QUANTIZE_PASSES_TD

include "mlir/Pass/PassBase.td"

def ExpandQuantizedOperators : Pass<"ashlar-expand-quantized-operators", "::mlir::ModuleOp"> {
  let summary = "Write QLinearConv and QLinearMatMul as dequantize, compute, quantize";
  let description = [{
    Graphs in QOperator form become graphs in Q/DQ form, so that one way serves both. (The quantized operators of
    com.microsoft are written so by `ashlar-expand-composites`.) The bias of a convolution is dequantized with the
    product of the scales of input and weights. What has parameters that are not constants stays.

    Requires: inferred types. Guarantees: no QLinearConv with constant weights and parameters remains, no QLinearMatMul
    with constant parameters.

    Example: test/passes/quantize/expand-quantized-operators.mlir
  }];
}

def MoveQuantization : Pass<"ashlar-move-quantization", "::mlir::ModuleOp"> {
  let summary = "Move integers instead of what they stand for";
  let description = [{
    DequantizeLinear is pushed down, and QuantizeLinear pulled up, through what hands elements on: Transpose, Reshape
    and its kin, Slice, Split, Gather (down only), Expand, Tile, DepthToSpace, maximum pools, Resize to the nearest,
    Pad with zeros, Concat. Concatenated tensors of other parameters are quantized anew before they are joined. A
    QuantizeLinear that meets a DequantizeLinear with the same parameters cancels; the other order, which rounds,
    stays.

    Requires: inferred types. Guarantees: values are the same bits; fewer bytes are moved.

    Example: test/passes/quantize/move-quantization.mlir
  }];
}

def ChooseSignedness : Pass<"ashlar-choose-signedness", "::mlir::ModuleOp"> {
  let summary = "Quantized activations as kernels take them: left sides unsigned, right sides signed";
  let description = [{
    Kernels multiply unsigned bytes by signed ones. Where the right side of a product of two quantized activations is
    u8, or the left side of any contraction s8, the QuantizeLinear that makes it makes bytes of the other signedness,
    with a zero point that differs by 128: the same real numbers exactly, at no cost. All tensors that are moved from or
    to it follow. Where something else makes or reads a right side, its sign bit is flipped; a left side stays as it is
    then, and is flipped by conversion.

    Requires: quantization moved. Guarantees: no MatMul of two quantized activations has a u8 right side.

    Example: test/passes/quantize/choose-signedness.mlir
  }];
}

def ExpandTransposedConvolutions
    : Pass<"ashlar-expand-transposed-convolutions", "::mlir::ModuleOp"> {
  let summary = "Write ConvTranspose of dequantized tensors as a convolution";
  let description = [{
    The outputs of a ConvTranspose of stride s are of s kinds along an axis, by their place modulo s: each kind, a phase,
    is a convolution of stride 1 with every s-th tap of the filter. On signals and images of bytes with constant weights
    of bytes, one Conv computes all phases, as channels; moving elements puts them beside each other and leaves out what
    the padding crops.

    Requires: static shapes, constant weights, one group, no dilation, strides not above the window. Others stay.
    Guarantees: the same sums of the same products.

    Example: test/passes/quantize/expand-transposed-convolutions.mlir
  }];
}

def IntegerizeContractions : Pass<"ashlar-integerize-contractions", "::mlir::ModuleOp"> {
  let summary = "Turn contractions of dequantized tensors into integer contractions";
  let description = [{
    Conv, MatMul and Gemm of an activation with one scale and zero point and of weights with one of each, or one for
    each output channel (or of two activations), become ConvInteger or MatMulInteger, Cast to f32 and a product with the
    scales. A bias that counts in steps of the product of the scales is added to the integer sums, any other one to the
    real numbers. Unsigned weights become signed ones less their zero point where the differences fit a byte; otherwise
    they are less 128 and a zero point remains.

    Requires: constants folded, right sides signed. Guarantees: sums fit 32 bits whatever the activations are, and are
    exact.

    Example: test/passes/quantize/integerize-contractions.mlir
  }];
}

def IntegerizeRecurrent : Pass<"ashlar-integerize-recurrent", "::mlir::ModuleOp"> {
  let summary = "Multiply the input of recurrent layers as integers";
  let description = [{
    What the input adds to the gates of LSTM, GRU and RNN is one product for all time steps. Where X is dequantized from
    bytes with one scale, and W from constant bytes with one scale, one for each direction or one for each row of the
    gates, it becomes a MatMulInteger for each direction and a product with the scales. The operator then says
    `ashlar.input_projected`: its X is that product, `[time, batch, directions * gates * hidden]`, and W is not read.
    The state is multiplied with R in f32: no Q/DQ pair can say how a state would be quantized.

    Requires: constants folded. Guarantees: sums fit 32 bits whatever the input is, and are exact.

    Example: test/passes/quantize/integerize-recurrent.mlir
  }];
}

def IntegerizeAverages : Pass<"ashlar-integerize-averages", "::mlir::ModuleOp"> {
  let summary = "Sum quantized tensors as integers";
  let description = [{
    ReduceMean (which global average pools are) and AveragePool of a dequantized tensor sum its bytes exactly in 32
    bits and scale once. A pool's window is a ConvInteger with ones, a channel each. Windows of a power of two whose
    averages are quantized with the same scale stay: many of them are ties, and whatever rounds these otherwise than the
    standard's floats is one step off.

    Requires: inferred types. Guarantees: sums fit 32 bits and are exact.

    Example: test/passes/quantize/integerize-averages.mlir
  }];
}

def MergeRequantization : Pass<"ashlar-merge-requantization", "::mlir::ModuleOp"> {
  let summary = "Divide by the scale of QuantizeLinear where other constants are multiplied";
  let description = [{
    The division by the scale is a product with its reciprocal and moves up through sums, activations that commute with
    positive factors and clamps until it meets constants: the scale of an integer contraction, of a dequantized
    residual, the weights of a LayerNormalization. What remains is a QuantizeLinear with scale 1, which only rounds,
    adds the zero point and saturates. Relu and Clip that saturation implies are dropped. A QuantizeLinear of a graph
    input stands alone and divides.

    Requires: contractions integerized. Guarantees: results differ from the ones before by rounding of f32, so by one
    step at most.

    Example: test/passes/quantize/merge-requantization.mlir
  }];
}

def ChoosePrecision : Pass<"ashlar-choose-precision", "::mlir::ModuleOp"> {
  let summary = "Decide in which precision each contraction multiplies, and why";
  let description = [{
    Writes `ashlar.precision` ("int8", "bf16", "f32") and `ashlar.precision_reason` on contractions. Integer ones are
    int8. Of Conv, ConvTranspose, MatMul and Gemm in f32 the module's `ashlar.layer_precision` decides by name: a list
    of pairs, regular expression and precision, of which the last that matches counts. For the others the module's
    `ashlar.precision` is the wish; where that is "bf16" or "auto", f32 stays

    - in sums of fewer than 16 products,
    - in convolutions with groups of fewer than 8 channels (depthwise ones),
    - in layers of fewer than 65,536 products, which a small classifier is: rounding them costs more than it gains.

    An expression that matches nothing is a warning. The CPU has no say.

    Requires: inferred types, contractions integerized. Guarantees: no operation is added or removed.

    Example: test/passes/quantize/choose-precision.mlir
  }];
}

def RoundContractionInputs : Pass<"ashlar-round-contraction-inputs", "::mlir::ModuleOp"> {
  let summary = "Round to bf16 what is multiplied, and multiply it in f32";
  let description = [{
    Both factors of every contraction with `ashlar.precision` bf16 are cast to bf16 and back, and the contraction is one
    of f32 again. What a model loses so is what bf16 has to cost, whatever computes it: the tests hold `--precision=bf16`
    against it. No pipeline contains this pass.

    Requires: precision chosen. Guarantees: no contraction in bf16 remains.

    Example: test/passes/quantize/round-contraction-inputs.mlir
  }];
  let statistics = [Statistic<"numRounded", "rounded", "contractions whose factors are rounded">];
}

#endif // ASHLAR_PASSES_QUANTIZE_PASSES_TD
