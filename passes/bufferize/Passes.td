//===- Passes.td - bufferize: buffers, in-place reuse, one arena ----------===//
#ifndef ASHLAR_PASSES_BUFFERIZE_PASSES_TD
#define ASHLAR_PASSES_BUFFERIZE_PASSES_TD

include "mlir/Pass/PassBase.td"

def CompactRows : Pass<"ashlar-compact-rows", "::mlir::ModuleOp"> {
  let summary = "copy operands and results of kernels whose rows are not contiguous";
  let description = [{
    Convolutions, pools and the right sides of matrix products are read in rows
    of neighbours. Where such an operand is a view with gaps along its last axis,
    such as a slice of every other element, it is copied to a place of its own.
    Where the result of a kernel would be written with such gaps, as one of two
    tensors that are stacked along a new last axis, it gets a place of its own,
    and is copied from there.

    Requires: tensors. Guarantees: the last axis of those operands and results
    has stride one once they are buffers.

    Example: test/passes/bufferize/compact-rows.mlir
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
}

def ProduceInPlace : Pass<"ashlar-produce-in-place", "::mlir::func::FuncOp"> {
  let summary = "producers write into the tensor that their result is joined into";
  let description = [{
    A padded tensor, or one that `insert_slice` puts together from parts, is made
    before the first part is: a contraction, pool or elementwise operation whose
    result is a part gets the slice as destination, so that padding and
    concatenation cost no copy. Of a padded tensor the frame alone is filled.
    Other readers of a part read the slice.

    Requires: tensors, epilogues fused. Guarantees: the same bits; no `tensor.pad`
    of constant sizes and value remains; parts that are read in ways that want
    them compact are copied as before.

    Example: test/passes/bufferize/produce-in-place.mlir
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::bufferization::BufferizationDialect",
                           "::mlir::affine::AffineDialect"];
}

def BindArguments : Pass<"ashlar-bind-arguments", "::mlir::ModuleOp"> {
  let summary = "make the model's function take the caller's argument structure";
  let description = [{
    Replaces `func @main(tensors) -> tensors` by `func @body(!llvm.ptr) -> i32`
    (a status): inputs become `tile.input`, dynamic dimensions `tile.dim`, and every result is
    materialised in a `tile.output` buffer.

    Requires: one function `@main` on ranked tensors of signless types.

    Guarantees: no tensor crosses a function boundary; one value for each
    symbolic dimension; the order of symbols is that of `DimSymbols`.

    Example: test/passes/bufferize/bind-arguments.mlir
  }];
  let dependentDialects = [
    "::mlir::bufferization::BufferizationDialect",
    "::ashlar::tile::TileDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::tensor::TensorDialect"];
}

def HoistOutputBuffers
    : Pass<"ashlar-hoist-output-buffers", "::mlir::func::FuncOp"> {
  let summary = "move output buffers up where their sizes allow";
  let description = [{
    Moves each `tile.output`, with the arithmetic of its sizes, before the first
    operation of the graph, so that producers can write into the caller's buffer
    instead of one that is copied from.

    Requires: sizes computed from scalars (after
    `resolve-ranked-shaped-type-result-dims`).

    Guarantees: an output whose sizes follow from symbolic dimensions is
    available everywhere; others stay where they are.

    Example: test/passes/bufferize/hoist-output-buffers.mlir
  }];
}

def ReshapeAmbiguousSlices
    : Pass<"ashlar-reshape-ambiguous-slices", "::mlir::func::FuncOp"> {
  let summary = "slices that drop one of several unit axes keep their rank";
  let description = [{
    Which of its unit axes a slice of fewer axes drops, upstream finds by the
    strides once it is a buffer. Where these are not known it takes the first,
    and rows are read or written in wrong places; where the slice has steps it
    finds none, and crashes. Here such a slice is one of all axes, and a reshape.

    Requires: tensors. Guarantees: slices of tensors of unknown sizes, and slices
    with steps, that drop axes drop all that have size 1.

    Example: test/passes/bufferize/reshape-ambiguous-slices.mlir
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

def SeparateInits : Pass<"ashlar-separate-inits", "::mlir::func::FuncOp"> {
  let summary = "let no two results start in one buffer";
  let description = [{
    Two operations or loops that write the same initial tensor (a fill with zero,
    say) in place need a copy of it for one of them. Where that tensor is put into an
    output of the model, upstream's analysis does not see that the output is
    written again at the end, and the other result is lost. Here every writer
    gets an empty tensor and a fill of its own; an initial tensor of another kind
    that has several uses is kept out of the outputs.

    Requires: tensors; runs before empty tensors are eliminated, without CSE
    between.

    Guarantees: no `tensor.empty` that may be replaced by an output is the start
    of two values that are both alive.

    Example: test/passes/bufferize/separate-inits.mlir
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
}

def KeepLoopBuffers : Pass<"ashlar-keep-loop-buffers", "::mlir::func::FuncOp"> {
  let summary = "give loop-carried buffers a place of their own";
  let description = [{
    A loop that carries a buffer allocated in its own body would read and write
    the same memory in successive iterations once buffers have fixed places.
    Such a carried buffer, where its sizes do not change, gets one allocation
    before the loop, into which each iteration copies what it yields.

    Requires: bufferized IR.

    Guarantees: a buffer that a loop yields is either its own carried argument,
    or is allocated with sizes that change from iteration to iteration.

    Example: test/passes/bufferize/keep-loop-buffers.mlir
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect"];
}

def PlanArena : Pass<"ashlar-plan-arena", "::mlir::ModuleOp"> {
  let summary = "place all buffers in one workspace";
  let description = [{
    Replaces every `memref.alloc` of `@body` by a `tile.workspace` buffer.
    Buffers whose lifetimes do not meet share memory: static ones by first fit
    at fixed offsets, largest first; ones sized by symbolic dimensions in slots
    as large as their largest tenant; buffers sized by data are taken from the
    end of the workspace while the call runs (`tile.allocate`). Writes
    `func @shapes(dims, sizes)`, which computes workspace size and output
    dimensions from the symbolic dimensions.

    Requires: bufferized IR, outputs hoisted.

    Guarantees: no allocation remains; lifetimes that meet never share bytes;
    all buffers are 64-byte aligned.

    Example: test/passes/bufferize/plan-arena.mlir
  }];
  let dependentDialects = [
    "::ashlar::tile::TileDialect", "::mlir::memref::MemRefDialect",
    "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect"];
  let statistics = [
    Statistic<"staticBytes", "static-bytes", "bytes of statically placed buffers">,
    Statistic<"numBuffers", "buffers", "number of buffers placed">];
}

#endif
