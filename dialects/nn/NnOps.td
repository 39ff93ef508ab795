//===- NnOps.td - contractions, pooling, run-time requirements ----------------------------------------------------===//
#ifndef ASHLAR_DIALECTS_NN_NNOPS_TD
#define ASHLAR_DIALECTS_NN_NNOPS_TD

include "dialects/nn/NnDialect.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

/// Operations that write one destination and apply an epilogue to every element of it.
class Nn_EpilogueOp<string mnemonic, list<Trait> traits = []>
    : Nn_Op<mnemonic, !listconcat(traits, [
        SingleBlockImplicitTerminator<"YieldOp">, DestinationStyleOpInterface,
        DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
        DeclareOpInterfaceMethods<
          ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>])> {
  let regions = (region SizedRegion<1>:$epilogue);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let hasVerifier = 1;
  code epilogueDeclarations = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
    /// The accumulated value that the epilogue starts from.
    ::mlir::BlockArgument getAccumulator() { return getEpilogue().getArgument(0); }
    /// True if the epilogue hands the accumulator on unchanged.
    bool hasTrivialEpilogue();
  }];
  let extraClassDeclaration = epilogueDeclarations;
}

def Nn_ConvOp : Nn_EpilogueOp<"conv"> {
  let summary = "2-D convolution of an NHWC image that is already padded";
  let description = [{
    `init[n,y,x,f] = epilogue(sum over r,s,c of input[n, y*sh + r*dh, x*sw + s*dw, c] * filter[f,c,r,s], extras...)`

    `filter` has one of two forms, told by its rank:
    - rank 4, ONNX order `[F, C/groups, R, S]`;
    - packed panels, padded with zeros (made by `pack-weights`). f32: rank 5,
      `[groups, ceil(F/groups/32), R, S*C/groups, 32]`. i8 and bf16: rank 6, `[groups, ceil(F/groups/16), Q, L/g, 16, g]`
      with g = 4 or 2 neighbouring steps of the reduction in a 32-bit lane, where the reduction is Q runs of length L
      (see `PanelForm`): Q = R and L = S*C where a filter row is one run, else Q = R*S and L = C. With
      `groups == C == F` (depthwise) it is rank 3, `[R, S, C]`, for i8 `[R*ceil(S/4), C (whole panels), 4]`.

    Elements are f32, bf16 (accumulated in f32), or i8: then `input` is unsigned, `filter` signed, and the accumulator
    i32, exact.

    `extras` are epilogue operands: the same shape as `init` (read at the element's own place), rank 1 of size F (read
    at its channel), or rank 0. They arrive as scalars in the epilogue region after the accumulator.
    `filter_sizes` is `[F, C/groups, R, S]` whatever the form of `filter`.
  }];
  let arguments = (ins AnyShaped:$input, AnyShaped:$filter, Variadic<AnyShaped>:$extras, AnyShaped:$init,
                   DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations, I64Attr:$groups,
                   DenseI64ArrayAttr:$filter_sizes);
  let assemblyFormat = [{
    $input `,` $filter (`epilogue` `(` $extras^ `:` type($extras) `)`)? `outs` `(` $init `)` attr-dict `:`
    type($input) `,` type($filter) `,` type($init) (`->` type($results)^)? $epilogue
  }];
}

def Nn_MatmulOp : Nn_EpilogueOp<"matmul"> {
  let summary = "batched matrix product";
  let description = [{
    `init[b..., m, n] = epilogue(sum over k of lhs[b..., m, k] * rhs[b..., k, n], extras...)`

    `lhs` and `init` have the same rank. `rhs` has one of three forms:
    - the rank of `lhs`, row-major `[b..., K, N]`;
    - rank 2 with `lhs` of any rank: `[K, N]`, shared by all batches;
    - with `packed`: panels, padded with zeros, shared by all batches: rank 3, `[ceil(N/32), K, 32]`, for f32, rank 4,
      `[ceil(N/16), L/g, 16, g]`, for i8 and bf16; with one more dimension in front each batch has its own.

    Elements as for `nn.conv`: of i8, `lhs` is unsigned and `rhs` signed. i8 and bf16 have to be packed before bufferize.

    `extras` as for `nn.conv`, the channel being `n`; one whose shape is that of `init` with 1 channel is read at the
    element's row.
  }];
  let arguments = (ins AnyShaped:$lhs, AnyShaped:$rhs, Variadic<AnyShaped>:$extras, AnyShaped:$init,
                   UnitAttr:$packed);
  let assemblyFormat = [{
    $lhs `,` $rhs (`epilogue` `(` $extras^ `:` type($extras) `)`)? `outs` `(` $init `)` attr-dict `:`
    type($lhs) `,` type($rhs) `,` type($init) (`->` type($results)^)? $epilogue
  }];
}


def Nn_PoolOp : Nn_EpilogueOp<"pool"> {
  let summary = "2-D pooling of an NHWC image that is already padded";
  let description = [{
    `init[n,y,x,c] = epilogue(combine over r,s of input[n, y*sh + r*dh, x*sw + s*dw, c], extras...)`, where `kind` is
    "max" or "sum". Averages are a sum with a scaling epilogue. `extras` as for `nn.conv`.

    Elements are f32, or for maxima i8: then they are unsigned, with `signed_bytes` signed.
  }];
  let arguments = (ins AnyShaped:$input, Variadic<AnyShaped>:$extras, AnyShaped:$init, StrAttr:$kind,
                   DenseI64ArrayAttr:$window, DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations,
                   UnitAttr:$signed_bytes);
  let assemblyFormat = [{
    $input (`epilogue` `(` $extras^ `:` type($extras) `)`)? `outs` `(` $init `)` attr-dict `:`
    type($input) `,` type($init) (`->` type($results)^)? $epilogue
  }];
}

def Nn_SoftmaxOp : Nn_EpilogueOp<"softmax"> {
  let summary = "softmax along the last axis";
  let description = [{
    `init[..., n] = epilogue(exp(input[..., n] - m) / sum over k of exp(input[..., k] - m), extras...)`, where m is the
    greatest of `input[..., k]`. Of f32 and rank 2 to 4. A NaN, or nothing but negative infinities, makes the row NaN.
    `extras` as for `nn.matmul`.
  }];
  let arguments = (ins AnyShaped:$input, Variadic<AnyShaped>:$extras, AnyShaped:$init);
  let assemblyFormat = [{
    $input (`epilogue` `(` $extras^ `:` type($extras) `)`)? `outs` `(` $init `)` attr-dict `:`
    type($input) `,` type($init) (`->` type($results)^)? $epilogue
  }];
}

def Nn_PackOp : Nn_Op<"pack", [
    DestinationStyleOpInterface, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "matrices in the panels that nn.matmul reads";
  let description = [{
    `source` holds i8 or bf16 matrices `[K, N]` or `[B, K, N]` (`transposed`: `[N, K]` or `[B, N, K]`); `init` is the
    packed form of `nn.matmul`, padded with zeros. For right sides that are known only when the model runs.
  }];
  let arguments = (ins AnyShaped:$source, AnyShaped:$init, UnitAttr:$transposed);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $source `outs` `(` $init `)` attr-dict `:` type($source) `,` type($init) (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

def Nn_LookupOp : Nn_Op<"lookup", !listconcat([Pure, SameOperandsAndResultType], ElementwiseMappable.traits)> {
  let summary = "a function of a byte, by its table";
  let description = [{
    Element `x`, taken as unsigned, of a table of 256 bytes. On scalars or vectors.
  }];
  let arguments = (ins SignlessIntegerLike:$x, DenseI8ArrayAttr:$table);
  let results = (outs SignlessIntegerLike:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
  let hasVerifier = 1;
}

def Nn_WinogradOp : Nn_Op<"winograd", [
    SingleBlockImplicitTerminator<"YieldOp">, DestinationStyleOpInterface,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "3x3 convolution of f32 by products of transformed tiles (Winograd's method)";
  let description = [{
    `nn.conv` with a 3x3 filter and steps of one, computed tile by tile: an output tile of m x m pixels follows from
    (m+2)^2 products instead of 9 m^2. `filter` is transformed and in panels, `[(m+2)^2, ceil(F/32), C, 32]`; m is 2 or
    4. `input` is padded so that every tile reads inside of it. `transformed`, `[(m+2)^2, P*C or more]`, and `products`,
    `[(m+2)^2, P*F or more]`, are working memory for P (`tiles`) tiles, a number of whole rows of tiles that divides the
    image's.
    `extras` as for `nn.conv`. The results are the three destinations.
  }];
  let arguments = (ins AnyShaped:$input, AnyShaped:$filter, Variadic<AnyShaped>:$extras, AnyShaped:$init,
                   AnyShaped:$transformed, AnyShaped:$products,
                   I64Attr:$tiles);
  let regions = (region SizedRegion<1>:$epilogue);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable();
    /// Pixels of an output tile along one axis.
    int64_t getTileSize();
  }];
  let assemblyFormat = [{
    $input `,` $filter (`epilogue` `(` $extras^ `:` type($extras) `)`)? `outs` `(` $init `,` $transformed `,` $products `)`
    attr-dict `:` type($input) `,` type($filter) `,` type($init) `,` type($transformed) `,` type($products)
    (`->` type($results)^)? $epilogue
  }];
}

def Nn_YieldOp : Nn_Op<"yield", [Pure, Terminator, ReturnLike]> {
  let summary = "the value that an epilogue stores";
  let arguments = (ins Variadic<AnyType>:$operands);
  let assemblyFormat = "($operands^ `:` type($operands))? attr-dict";
  let builders = [OpBuilder<(ins), [{ (void)$_state; }]>];
}

def Nn_RequireOp : Nn_Op<"require", [MemoryEffects<[MemWrite]>]> {
  let summary = "a condition on run-time data without which the run fails";
  let description = [{
    If `condition` is false the run ends with `status` (a number of `ashlar_status`) and the diagnostic names the ONNX
    node of this operation's location. What follows in program order is not executed then.
  }];
  let arguments = (ins I1:$condition, I32Attr:$status, StrAttr:$message);
  let assemblyFormat = "$condition `,` $message attr-dict";
}

def Nn_ObserveOp : Nn_Op<"observe", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "shows a tensor or buffer to the observer of the run";
  let description = [{
    `name` says what it is. Buffers are contiguous. Only code that is run in the compiler's own process has it: it
    becomes a call of `ashlar_rt1_observe`, which the runtime library does not hold.
  }];
  let arguments = (ins AnyShaped:$value, StrAttr:$name);
  let assemblyFormat = "$name `,` $value attr-dict `:` type($value)";
}

#endif
