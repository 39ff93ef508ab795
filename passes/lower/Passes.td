//===- Passes.td - lower: to the LLVM dialect and runtime calls -----------===//
#ifndef ASHLAR_PASSES_LOWER_PASSES_TD
#define ASHLAR_PASSES_LOWER_PASSES_TD

include "mlir/Pass/PassBase.td"

def OutlineGrids : Pass<"ashlar-outline-grids", "::mlir::ModuleOp"> {
  let summary = "make every task grid a function and a call of the executor";
  let description = [{
    The body of each `tile.grid` becomes `func @task_N_NODE(argument,
    index, worker)`, NODE being the ONNX node. Buffers that come from the call's arguments are derived again
    inside; scalars computed outside travel in a small array on the stack. Grids
    of so few operations that waking a worker would take longer are called task by
    task where they stand.

    Requires: buffers planned (no allocation in a grid).

    Guarantees: no `tile.grid` remains; grids that do the same on other buffers
    share one function. A grid that uses a buffer which cannot
    be derived again (one chosen by a branch) becomes a serial loop.

    Example: test/passes/lower/outline-grids.mlir
  }];
  let dependentDialects = [
    "::mlir::LLVM::LLVMDialect", "::mlir::scf::SCFDialect",
    "::mlir::func::FuncDialect", "::mlir::arith::ArithDialect",
    "::ashlar::tile::TileDialect"];
  let statistics = [
    Statistic<"numOutlined", "outlined", "grids made functions">,
    Statistic<"numSerial", "serial", "grids made serial loops">];
}

def MarkLayers : Pass<"ashlar-mark-layers", "::mlir::ModuleOp"> {
  let summary = "tell the profiler which layer comes now";
  let description = [{
    Puts a call `ashlar_rt1_mark(args, layer)` in front of the first operation of
    `@body` that does work for another ONNX node than the one before it. The
    runtime charges the time since the last mark to the layer named then, if
    the caller asked for a profile, and returns at once if not.

    Requires: bufferized IR with the module's table of layers; grids not yet
    outlined.

    Guarantees: every loop, grid and copy in `@body` runs under the mark of its
    node; what a control flow operation holds runs under that one's.

    Example: test/passes/lower/mark-layers.mlir
  }];
  let dependentDialects = [
    "::mlir::func::FuncDialect", "::mlir::arith::ArithDialect",
    "::mlir::LLVM::LLVMDialect"];
  let statistics = [Statistic<"numMarks", "marks", "marks set">];
}

def CollectWeights : Pass<"ashlar-collect-weights", "::mlir::ModuleOp"> {
  let summary = "lay out constant data in one section";
  let description = [{
    Gives every constant `memref.global` a 64-byte aligned offset and replaces
    its uses by `tile.weights`. The data itself moves to a module attribute that
    object emission writes out: it never becomes an LLVM constant.

    Requires: bufferized IR. Guarantees: no constant global remains; data with
    the same bytes and the same use is stored once.

    Example: test/passes/lower/collect-weights.mlir
  }];
  let dependentDialects = ["::ashlar::tile::TileDialect"];
}

def LoopsToBranches : Pass<"ashlar-loops-to-branches", "::mlir::ModuleOp"> {
  let summary = "turn structured control flow into branches, last loops first";
  let description = [{
    Upstream's patterns for `scf`, applied to outer operations before inner ones
    and among neighbours from the last to the first. Each splits its block and moves what follows;
    in this order that ends where the next loop begins. The dialect conversion
    (`convert-scf-to-cf`) goes from first to last and moves the rest of the
    function every time: in models of hundreds of loops most of the time of
    this stage.

    Requires: no `scf.parallel` or `scf.forall` (they become other loops).

    Guarantees: no `scf` operation remains.

    Example: test/passes/lower/loops-to-branches.mlir
  }];
  let statistics = [Statistic<"numLowered", "lowered", "operations lowered">];
  let dependentDialects = ["::mlir::cf::ControlFlowDialect"];
}

def RequirementsToBranches
    : Pass<"ashlar-requirements-to-branches", "::mlir::ModuleOp"> {
  let summary = "turn run-time requirements into early returns";
  let description = [{
    `nn.require`, the capacity check of `tile.output` and the bump allocation of
    `tile.allocate` become branches to a block that records the fault with
    `ashlar_rt1_fail` and returns its status.

    Requires: control flow as a graph of blocks (after `ashlar-loops-to-branches`).

    Guarantees: only pure `tile` operations remain.

    Example: test/passes/lower/requirements-to-branches.mlir
  }];
  let dependentDialects = [
    "::mlir::cf::ControlFlowDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::arith::ArithDialect", "::ashlar::tile::TileDialect"];
}

def ConvertToLlvm : Pass<"ashlar-convert-to-llvm", "::mlir::ModuleOp"> {
  let summary = "convert everything that is left to the LLVM dialect";
  let description = [{
    Upstream conversions of `arith`, `math`, `memref`, `vector`, `index`, `cf`
    and `func`, and our own of `tile`: buffers become descriptors over pointers
    that are loaded from `ashlar_args`. `nn.observe` becomes a call of
    `ashlar_rt1_observe`.

    Requires: no structured control flow, no requirement left.

    Guarantees: only the LLVM dialect.

    Example: test/passes/lower/convert-to-llvm.mlir
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def ExpandMath : Pass<"ashlar-expand-math"> {
  let summary = "write elementary functions of f32 as arithmetic";
  let description = [{
    `math` operations on f32, and on vectors of f32, become arithmetic, fused
    multiply-adds and bit operations without branches, so that loops around them
    vectorise and no library decides about the result. Their errors are listed
    in docs/numerics.md. Operations on f16 and bf16 are computed in f32, and
    conversions from f32 to bf16 and from f64 to 16 bits become arithmetic too,
    since the code generator would call a library for them. Vectors of 16 f32 are
    multiplied by a power of two in one instruction where the target has it; the
    bits are the same.

    Requires: nothing. Guarantees: no transcendental function of fewer than 64
    bits remains.
    Functions of f64 are left to libm.

    Example: test/passes/lower/expand-math.mlir
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
    "::mlir::LLVM::LLVMDialect", "::ashlar::tile::TileDialect"];
}

#endif
