//===- Passes.td - kernel: contractions and loops in vectors --------------===//
#ifndef ASHLAR_PASSES_KERNEL_PASSES_TD
#define ASHLAR_PASSES_KERNEL_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerContractions : Pass<"ashlar-lower-contractions", "::mlir::func::FuncOp"> {
  let summary = "contractions to register-tiled vector loops";
  let description = [{
    `nn.conv`, `nn.matmul` and `nn.pool` on buffers become task grids over
    output blocks. A task walks register tiles: a few rows of the left side
    (pixels) times one or more vectors of output channels, accumulated with
    fused multiply-add in order of the reduction, so that every instruction set
    gives the same bits. The epilogue is applied to whole vectors as they are
    stored.

    Requires: bufferized IR, `tile.target` on the module.

    Guarantees: no `nn` contraction remains; every contraction is vectorised.

    Example: test/passes/kernel/lower-contractions.mlir
  }];
  let dependentDialects = [
    "::mlir::vector::VectorDialect", "::mlir::scf::SCFDialect",
    "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
    "::mlir::math::MathDialect", "::ashlar::tile::TileDialect",
    "::mlir::affine::AffineDialect", "::mlir::LLVM::LLVMDialect"];
}

def LowerLibraryContractions
    : Pass<"ashlar-lower-library-contractions", "::mlir::ModuleOp"> {
  let summary = "contractions that a kernel library computes to calls";
  let description = [{
    `nn.conv` and `nn.matmul` with `nn.library` become a call of the functions in
    `runtime/onednn`: sizes and strides go by a structure on the stack, of which
    a function has one for all its calls, tensors and bias by pointers. The
    library splits the work over the workers of the call itself.

    Requires: bufferized IR, whose functions take the call's arguments first.
    Guarantees: no contraction with `nn.library` remains.

    Example: test/passes/kernel/lower-library-contractions.mlir
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::LLVM::LLVMDialect"];
}

def ExpandWinograd : Pass<"ashlar-expand-winograd", "::mlir::func::FuncOp"> {
  let summary = "convolutions in transformed tiles as loops and matrix products";
  let description = [{
    `nn.winograd` on buffers becomes a loop over strips of tiles with three steps
    each: tiles of the input are transformed (a task grid), multiplied by the
    transformed filter (one batched `nn.matmul`), and transformed to pixels,
    which the epilogue is applied to (a task grid). All sums are fused
    multiply-adds in one order.

    Requires: bufferized IR, `tile.target` on the module. Guarantees: no
    `nn.winograd` remains; the same bits on every target.

    Example: test/passes/kernel/expand-winograd.mlir
  }];
  let dependentDialects = [
    "::mlir::vector::VectorDialect", "::mlir::scf::SCFDialect",
    "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
    "::mlir::math::MathDialect", "::ashlar::tile::TileDialect",
    "::ashlar::nn::NnDialect"];
}

def LowerCopies : Pass<"ashlar-lower-copies", "::mlir::func::FuncOp"> {
  let summary = "copies of strided buffers to loops";
  let description = [{
    A `memref.copy` between buffers that are not both contiguous would become a
    call of a library that objects do not have; it becomes a `linalg.generic`.
    Pixels of a few channels that get room for more (an image with a channel of
    zeros) are copied by shuffles, where stores can be masked; a few channels of
    pixels are filled in the same way.

    Requires: bufferized IR. Guarantees: remaining copies are contiguous.

    Example: test/passes/kernel/lower-copies.mlir
  }];
  let dependentDialects = [
    "::mlir::linalg::LinalgDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect", "::mlir::arith::ArithDialect",
    "::mlir::memref::MemRefDialect", "::ashlar::tile::TileDialect"];
}

def LowerElementwise : Pass<"ashlar-lower-elementwise", "::mlir::func::FuncOp"> {
  let summary = "elementwise operations and row gathers in vectors";
  let description = [{
    A parallel `linalg.generic` whose outputs are contiguous along an axis, and
    whose inputs are so or do not change along it, becomes a loop of vectors,
    with axes joined where all operands allow. A `memref.load` in the body that
    reads neighbours along the axis at a place that other indices give (an
    embedding row) is a vector load, too; what does not change along the axis is
    computed once a row. The rest of a row is a masked vector. Fills are lowered
    in the same way.

    Requires: bufferized IR. Guarantees: the same bits as element by element;
    other generics are left as they are.

    Example: test/passes/kernel/lower-elementwise.mlir
  }];
  let dependentDialects = [
    "::mlir::vector::VectorDialect", "::mlir::scf::SCFDialect",
    "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
    "::ashlar::tile::TileDialect"];
}

def LowerReductions : Pass<"ashlar-lower-reductions", "::mlir::func::FuncOp"> {
  let summary = "reductions in vectors, in one fixed order";
  let description = [{
    A `linalg.generic` of f32 or integers that folds with a sum, product, maximum
    or minimum, and whose elements lie side by side along its last loop, works in
    vectors of 16 along that loop. If it reduces, 16 lanes accumulate (a rest of
    the axis in the first of them) and are folded by a fixed tree; of maxima and
    minima, whose order does not matter, four such vectors side by side. If it
    does not, each lane is a result of its own; rows are folded 8 at a time,
    eight of these together, and then what these gave. Other reducing loops fold
    on their own, too: sums of partial sums round less than one long sum. LLVM
    may not reorder floats itself; this order is the same on every instruction
    set. The body may use the index of a loop as an integer.

    Requires: bufferized IR. Guarantees: the same bits on every target.

    Example: test/passes/kernel/lower-reductions.mlir
  }];
  let dependentDialects = [
    "::mlir::vector::VectorDialect", "::mlir::scf::SCFDialect",
    "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"];
}

def LowerSoftmax : Pass<"ashlar-lower-softmax", "::mlir::func::FuncOp"> {
  let summary = "softmax a few rows at a time";
  let description = [{
    An `nn.softmax` becomes a grid of tasks over its rows: of each row the
    greatest element, the powers and their sum, and the results with their
    epilogue, while the row lies in the first-level cache. Powers are kept on the
    stack, or computed twice where rows are long or of unknown length. Four rows
    at a time, so that the folds of one do not wait for each other.

    Requires: bufferized IR, `tile.target` on the module. Guarantees: sums in the
    order of `ashlar-lower-reductions`, the same bits on every target.

    Example: test/passes/kernel/lower-softmax.mlir
  }];
  let dependentDialects = [
    "::ashlar::tile::TileDialect", "::mlir::vector::VectorDialect",
    "::mlir::scf::SCFDialect", "::mlir::arith::ArithDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
    "::mlir::LLVM::LLVMDialect"];
}

def LowerTransposes : Pass<"ashlar-lower-transposes", "::mlir::func::FuncOp"> {
  let summary = "transposes by blocks that are turned in registers";
  let description = [{
    An elementwise `linalg.generic` that reads an input along another axis than
    it writes along works on square blocks: rows of a block are loaded, turned by
    shuffles, and stored as rows of the other axis. Rests are masked.

    Requires: bufferized IR; what needs no turning is lowered before. Guarantees:
    the same bits.

    Example: test/passes/kernel/lower-transposes.mlir
  }];
  let dependentDialects = [
    "::mlir::vector::VectorDialect", "::mlir::scf::SCFDialect",
    "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
    "::ashlar::tile::TileDialect"];
}

def LowerInterleaves : Pass<"ashlar-lower-interleaves", "::mlir::func::FuncOp"> {
  let summary = "planes to pixels of two or three channels";
  let description = [{
    An elementwise `linalg.generic` that reads planes and writes pixels of two or
    three channels (an image on its way to the layout of convolutions) computes a
    vector of pixels for each channel and stores them interleaved by shuffles.
    Where the pixels fill no whole vectors, the last vector overlaps the one
    before it.

    Requires: bufferized IR. Guarantees: the same bits.

    Example: test/passes/kernel/lower-interleaves.mlir
  }];
  let dependentDialects = [
    "::mlir::vector::VectorDialect", "::mlir::scf::SCFDialect",
    "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
    "::ashlar::tile::TileDialect"];
}

def ParallelLoopsToGrids
    : Pass<"ashlar-parallel-loops-to-grids", "::mlir::func::FuncOp"> {
  let summary = "make grids of parallel loops that are worth it";
  let description = [{
    The outermost axes of a large `scf.parallel` become a `tile.grid` of a few
    dozen tasks, each a range of iterations; small ones, and what lies inside,
    become nests of `scf.for`. The cut follows from the sizes alone.

    Requires: iterations that do not read what others write.

    Guarantees: no `scf.parallel` remains.

    Example: test/passes/kernel/parallel-loops-to-grids.mlir
  }];
  let dependentDialects = ["::mlir::scf::SCFDialect",
                           "::mlir::arith::ArithDialect",
                           "::ashlar::tile::TileDialect"];
}

def SerialLoopsToGrids
    : Pass<"ashlar-serial-loops-to-grids", "::mlir::func::FuncOp"> {
  let summary = "keep functions of many small loops short";
  let description = [{
    What LLVM takes for a function grows with the square of its loops. Where there
    are 128 and more that are no grids, each that leaves its results in memory
    becomes a grid of one task: a function of its own, which equal loops share.

    Requires: parallel loops made grids. Guarantees: the same bits.

    Example: test/passes/kernel/serial-loops-to-grids.mlir
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::ashlar::tile::TileDialect"];
}

def LowerLookups : Pass<"ashlar-lower-lookups", "::mlir::func::FuncOp"> {
  let summary = "look bytes up in tables of vectors";
  let description = [{
    `nn.lookup` becomes permutations of the table's bytes: two of 128 bytes each
    where the target has VBMI, else sixteen of 16 bytes.

    Requires: `tile.target` on the module. Guarantees: no `nn.lookup` remains.

    Example: test/passes/kernel/lower-lookups.mlir
  }];
  let dependentDialects = [
    "::mlir::vector::VectorDialect", "::mlir::arith::ArithDialect",
    "::mlir::LLVM::LLVMDialect"];
}

#endif
