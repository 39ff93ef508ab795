//===- TileOps.td - buffers of a call, task grids -----------------------------------------------------------------===//
#ifndef ASHLAR_DIALECTS_TILE_TILEOPS_TD
#define ASHLAR_DIALECTS_TILE_TILEOPS_TD

include "dialects/tile/TileDialect.td"
include "mlir/Dialect/LLVMIR/LLVMOpBase.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Tile_Op<string mnemonic, list<Trait> traits = []> : Op<Tile_Dialect, mnemonic, traits>;

def Tile_DimOp : Tile_Op<"dim", [Pure]> {
  let summary = "the value of a symbolic dimension, from the call's arguments";
  let arguments = (ins LLVM_AnyPointer:$args, I64Attr:$symbol);
  let results = (outs Index:$result);
  let assemblyFormat = "$args `[` $symbol `]` attr-dict `:` type($args)";
}

def Tile_InputOp : Tile_Op<"input", [Pure]> {
  let summary = "the caller's buffer of an input tensor, contiguous, of the given dynamic sizes";
  let arguments = (ins LLVM_AnyPointer:$args, Variadic<Index>:$sizes, I64Attr:$tensor);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$args `[` $tensor `]` `(` $sizes `)` attr-dict `:` type($args) `->` type($result)";
}

def Tile_OutputOp : Tile_Op<"output", [MemoryEffects<[MemWrite]>]> {
  let summary = "the caller's buffer of an output tensor, contiguous, of the given dynamic sizes";
  let description = [{
    Writes the sizes to `output_dims` from place `first_dim` on if the caller asks for them. Where the caller could
    not know the size (`checked`), the run ends with `ASHLAR_ERROR_OUTPUT_CAPACITY` if the buffer is too small.
  }];
  let arguments = (ins LLVM_AnyPointer:$args, Variadic<Index>:$sizes, I64Attr:$tensor, I64Attr:$first_dim,
                   UnitAttr:$checked);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$args `[` $tensor `]` `(` $sizes `)` attr-dict `:` type($args) `->` type($result)";
}

def Tile_WorkspaceOp : Tile_Op<"workspace", [Pure, AttrSizedOperandSegments]> {
  let summary = "a buffer in the arena, at a byte offset known now (`offset`) or computed in the call (`at`)";
  let arguments = (ins LLVM_AnyPointer:$args, Optional<Index>:$at, Variadic<Index>:$sizes, I64Attr:$offset);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = [{
    $args `[` $offset (`+` $at^)? `]` `(` $sizes `)` attr-dict `:` type($args) `->` type($result)
  }];
}

def Tile_AllocateOp : Tile_Op<"allocate", [MemoryEffects<[MemWrite]>]> {
  let summary = "a buffer taken from the end of the arena, for sizes that follow from data";
  let description = [{
    `base` is the first free byte of the workspace. `bump` is a counter in memory of the bytes taken so far; the run
    ends with `ASHLAR_ERROR_WORKSPACE_SIZE`, telling the size needed, if the workspace is too small.
  }];
  let arguments = (ins LLVM_AnyPointer:$args, Index:$base, AnyMemRef:$bump, Variadic<Index>:$sizes);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = [{
    $args `[` $base `,` $bump `]` `(` $sizes `)` attr-dict `:` type($args) `,` type($bump) `->` type($result)
  }];
}

def Tile_WeightsOp : Tile_Op<"weights", [Pure]> {
  let summary = "constant data, at a byte offset into the model's weights";
  let description = [{
    The offset is known (`offset`), or handed to a function that serves several
    layers (`at`, added to it).
  }];
  let arguments = (ins LLVM_AnyPointer:$args, Optional<Index>:$at,
                   I64Attr:$offset);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = [{
    $args `[` $offset (`+` $at^)? `]` attr-dict `:` type($args) `->` type($result)
  }];
}

def Tile_GridOp : Tile_Op<"grid", [SingleBlockImplicitTerminator<"DoneOp">, RecursiveMemoryEffects]> {
  let summary = "tasks 0 to `count`-1, in any order or at the same time";
  let description = [{
    No task reads what another one writes. The body sees the task's index. Lowered to a function of its own and a call
    of the executor.
  }];
  let arguments = (ins Index:$count);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$count attr-dict-with-keyword $body";
  let extraClassDeclaration = [{
    ::mlir::BlockArgument getTask() { return getBody().getArgument(0); }
  }];
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "::mlir::Value":$count)>];
}

def Tile_DoneOp : Tile_Op<"done", [Pure, Terminator, ReturnLike]> {
  let summary = "end of a task";
  let assemblyFormat = "attr-dict";
}

#endif
