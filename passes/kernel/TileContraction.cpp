//===- TileContraction.cpp - contractions in tile registers ---------------===//
//
// A task goes over blocks of the output. The sums of a block stay in tile
// registers over the whole reduction, then go to a scratch in the first-level
// cache; what is done with them (the epilogue, in vectors) happens between the
// tile products of the next block, where it costs nothing.
//
// Ragged sizes need no code of their own: the last tiles of a row, and the last
// tiles and panels of all, reach back over what was computed before, and store
// only what is new.
//
//===----------------------------------------------------------------------===//
#include "passes/kernel/TileContraction.h"

#include "llvm/Support/MathExtras.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "passes/kernel/AmxTiles.h"

using namespace mlir;
using namespace ashlar;

namespace {

using Index = OpFoldResult;

constexpr int64_t kRows = 16;    // of a tile
constexpr int64_t kColumns = 16; // of a tile of sums
constexpr int64_t kSumBytes = 4;

/// A tile of the left side.
struct PixelTile {
  Index y, x;       // its first pixel
  Index storedFrom; // first of its rows that are new
};

/// A panel of the right side.
struct Panel {
  Index number;
  Index channels; // that exist and are new; 0 to 16
};

/// Blocks of the output, by their first tile and panel.
struct Block2d {
  Index tile, panel;
};

/// Where the operand tiles of a step begin, in elements.
struct Operands {
  SmallVector<Index> left, right;

  Operands moved(IndexArithmetic &b, Index leftBy, Index rightBy) const {
    Operands result;
    for (Index at : left)
      result.left.push_back(b.add(at, leftBy));
    for (Index at : right)
      result.right.push_back(b.add(at, rightBy));
    return result;
  }
};

class TileEmitter {
public:
  TileEmitter(IndexArithmetic &b, const RowContraction &contraction,
              const TileSchedule &schedule, Epilogue &epilogue)
      : b(b), c(contraction), s(schedule), epilogue(epilogue), amx(b),
        form(nn::PanelForm::of(contraction.element)) {}

  void emitGrid();

private:
  void emitTask();
  void emitBlocks();
  void emitBlock(Block2d block, Block2d previous, Value previousRows);
  void emitReduction(Block2d block, llvm::function_ref<void(Index)> between);
  void emitPlainReduction(const Operands &bases,
                          llvm::function_ref<void(Index)> between);
  Index nextLeft(Value at, Value &block, Value &inner);
  void emitStep(const Operands &at, const Operands *next);
  void prefetchPanels(Index rightAt, Index step);
  void emitProducts();
  void loadLeft(const Operands &at, int64_t m);
  void loadRight(const Operands &at, int64_t n);
  void multiply(int64_t m, int64_t n);
  /// True if every operand tile has a register of its own.
  bool loadsAhead() const { return s.tiles <= 2 && s.panels <= 2; }
  /// The epilogue of one row of pixels of a block whose sums are in scratch.
  void emitRow(ArrayRef<PixelTile> tiles, ArrayRef<Panel> panels, Index row);

  SmallVector<PixelTile> tilesOf(Block2d block);
  SmallVector<Panel> panelsOf(Block2d block);
  int64_t steps() const { return c.outer * s.blocks; }
  Value select(Value condition, Index whenTrue, Index whenFalse) {
    return arith::SelectOp::create(b, condition, b.value(whenTrue),
                                   b.value(whenFalse));
  }
  Value compare(arith::CmpIPredicate predicate, Index x, Index y) {
    return arith::CmpIOp::create(b, predicate, b.value(x), b.value(y));
  }
  /// True if `size` is a known multiple of `by`.
  bool isMultiple(Index size, int64_t by) {
    auto known = b.known(size);
    return known && *known % by == 0;
  }
  void forLoop(Index low, Index high, llvm::function_ref<void(Index)> body);

  int64_t leftTile(int64_t m) const { return s.tiles <= 2 ? 4 + m : 5 + m % 3; }
  int64_t rightTile(int64_t n) const {
    if (s.tiles > 2)
      return 4;
    return s.panels <= 2 ? 6 + n : 5 + n % 3;
  }

  IndexArithmetic &b;
  const RowContraction &c;
  const TileSchedule &s;
  Epilogue &epilogue;
  AmxTiles amx;
  nn::PanelForm form;

  Index tileCount, tilesInRow, panelCount;
  // Of the task.
  Block *taskBlock = nullptr;
  Index share; // batches that it does
  Index batch, tileLow, tileHigh, panelLow, panelHigh;
  Index tileBlock; // number of the block's tiles, of those in the band
  Value scratch, scratchPitch, leftPitch, rightPitch;
};

void TileEmitter::forLoop(Index low, Index high,
                          llvm::function_ref<void(Index)> body) {
  auto loop =
      scf::ForOp::create(b, b.value(low), b.value(high), b.value(b.fixed(1)));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

void TileEmitter::emitGrid() {
  tilesInRow =
      b.known(s.pixels)
          ? b.ceilDiv(c.columns, *b.known(s.pixels))
          : b.div(b.sub(b.add(c.columns, s.pixels), b.fixed(1)), s.pixels);
  tileCount = b.mul(c.rows, tilesInRow);
  panelCount = b.ceilDiv(c.channels, kColumns);
  Index bands = b.ceilDiv(tileCount, s.band);
  Index chunks = b.ceilDiv(panelCount, s.chunk);
  share = batchesOfTask(b, c.batches, b.mul(bands, chunks));
  Index parts = b.known(share) == 1
                    ? c.batches
                    : b.div(b.sub(b.add(c.batches, share), b.fixed(1)), share);
  auto grid =
      tile::GridOp::create(b, b.value(b.mul(b.mul(parts, bands), chunks)));
  OpBuilder::InsertionGuard guard(b);
  taskBlock = &grid.getBody().front();
  b.setInsertionPointToStart(taskBlock);
  Index task = grid.getTask();
  auto part = [&](Index id, Index count) {
    return b.known(count) == 1 ? b.fixed(0) : b.rem(id, count);
  };
  Index chunk = part(task, chunks), place = b.div(task, chunks);
  Index band = part(place, bands);
  batch = b.mul(part(b.div(place, bands), parts), share);
  tileLow = b.mul(band, s.band);
  tileHigh = b.known(bands) == 1 ? tileCount
                                 : b.min(b.add(tileLow, s.band), tileCount);
  panelLow = b.mul(chunk, s.chunk);
  panelHigh = b.known(chunks) == 1
                  ? panelCount
                  : b.min(b.add(panelLow, s.chunk), panelCount);
  emitTask();
}

void TileEmitter::emitTask() {
  auto sums = MemRefType::get({s.tiles * s.panels * kRows * kColumns},
                              nn::accumulatorType(c.element));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(taskBlock);
    scratch = memref::AllocaOp::create(b, sums, b.getI64IntegerAttr(64));
  }
  auto bytes = [&](Index elements) -> Value {
    return arith::IndexCastOp::create(b, b.getI64Type(),
                                      b.value(b.mul(elements, form.bytes)));
  };
  leftPitch = bytes(c.lhsColumn);
  rightPitch = bytes(b.fixed(kColumns * form.group));
  scratchPitch = arith::ConstantIntOp::create(b, kColumns * kSumBytes, 64);

  int64_t blockBytes = s.block * form.bytes;
  SmallVector<AmxTiles::Shape> shapes(8, {b.fixed(1), 4});
  for (int64_t sum = 0; sum < s.tiles * s.panels; ++sum)
    shapes[sum] = {s.pixels, kColumns * kSumBytes};
  for (int64_t m = 0; m < s.tiles; ++m)
    shapes[leftTile(m)] = {s.pixels, blockBytes};
  for (int64_t n = 0; n < s.panels; ++n)
    shapes[rightTile(n)] = {b.fixed(s.block / form.group),
                            kColumns * form.group * form.bytes};
  amx.configure(taskBlock, shapes);
  if (b.known(share) == 1) {
    emitBlocks();
  } else {
    Index first = batch;
    forLoop(first, b.min(b.add(first, share), c.batches), [&](Index number) {
      batch = number;
      emitBlocks();
    });
  }
  amx.release();
}

void TileEmitter::emitBlocks() {
  Index tileBlocks = b.ceilDiv(b.sub(tileHigh, tileLow), s.tiles);
  Index panelBlocks = b.ceilDiv(b.sub(panelHigh, panelLow), s.panels);
  Index outerCount = s.panelsOutside ? panelBlocks : tileBlocks;
  Index innerCount = s.panelsOutside ? tileBlocks : panelBlocks;
  // What the previous block was, and how many rows of it await the epilogue.
  SmallVector<Value> none{b.value(tileLow), b.value(panelLow),
                          b.value(b.fixed(0))};
  Value zero = b.value(b.fixed(0)), one = b.value(b.fixed(1));
  auto outer = scf::ForOp::create(b, zero, b.value(outerCount), one, none);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(outer.getBody());
    auto inner = scf::ForOp::create(b, zero, b.value(innerCount), one,
                                    outer.getRegionIterArgs());
    scf::YieldOp::create(b, inner.getResults());
    b.setInsertionPointToStart(inner.getBody());
    Index m =
        s.panelsOutside ? inner.getInductionVar() : outer.getInductionVar();
    Index n =
        s.panelsOutside ? outer.getInductionVar() : inner.getInductionVar();
    tileBlock = m;
    Block2d block{b.add(tileLow, b.mul(m, s.tiles)),
                  b.add(panelLow, b.mul(n, s.panels))};
    ValueRange carried = inner.getRegionIterArgs();
    emitBlock(block, {carried[0], carried[1]}, carried[2]);
    scf::YieldOp::create(b,
                         ValueRange{b.value(block.tile), b.value(block.panel),
                                    b.value(s.pixels)});
  }
  Block2d last{outer.getResult(0), outer.getResult(1)};
  SmallVector<PixelTile> tiles = tilesOf(last);
  SmallVector<Panel> panels = panelsOf(last);
  forLoop(b.fixed(0), outer.getResult(2),
          [&](Index row) { emitRow(tiles, panels, row); });
}

SmallVector<PixelTile> TileEmitter::tilesOf(Block2d block) {
  bool exact = isMultiple(tileCount, s.tiles);
  bool wholeRows =
      b.known(s.pixels) && isMultiple(c.columns, *b.known(s.pixels));
  Index first = block.tile;
  if (!exact) {
    Value last = b.value(b.sub(tileCount, b.fixed(s.tiles)));
    Value start = arith::MaxSIOp::create(b, last, b.value(b.fixed(0)));
    first = b.min(first, start);
  }
  SmallVector<PixelTile> tiles;
  for (int64_t m = 0; m < s.tiles; ++m) {
    Index number = b.add(first, m);
    Index inside = exact ? number : b.min(number, b.sub(tileCount, b.fixed(1)));
    bool flat = b.known(c.rows) == 1;
    Index y = flat ? b.fixed(0) : b.div(inside, tilesInRow);
    Index place = flat ? inside : b.rem(inside, tilesInRow);
    Index nominal = b.mul(place, s.pixels);
    PixelTile tile{y, nominal, b.fixed(0)};
    if (!wholeRows) {
      tile.x = b.min(nominal, b.sub(c.columns, s.pixels));
      tile.storedFrom = b.sub(nominal, tile.x);
    }
    if (!exact) {
      Value isNew = arith::AndIOp::create(
          b, compare(arith::CmpIPredicate::sge, number, block.tile),
          compare(arith::CmpIPredicate::slt, number, tileHigh));
      tile.storedFrom = select(isNew, tile.storedFrom, s.pixels);
    }
    tiles.push_back(tile);
  }
  return tiles;
}

SmallVector<Panel> TileEmitter::panelsOf(Block2d block) {
  bool exact = isMultiple(panelCount, s.panels);
  Index first = block.panel;
  if (!exact) {
    Value last = b.value(b.sub(panelCount, b.fixed(s.panels)));
    Value start = arith::MaxSIOp::create(b, last, b.value(b.fixed(0)));
    first = b.min(first, start);
  }
  SmallVector<Panel> panels;
  for (int64_t n = 0; n < s.panels; ++n) {
    Index number = b.add(first, n);
    Panel panel{number, b.fixed(kColumns)};
    if (!isMultiple(c.channels, kColumns))
      panel.channels =
          b.min(b.sub(c.channels, b.mul(number, kColumns)), b.fixed(kColumns));
    if (!exact) {
      panel.number = b.min(number, b.sub(panelCount, b.fixed(1)));
      Value isNew = arith::AndIOp::create(
          b, compare(arith::CmpIPredicate::sge, number, block.panel),
          compare(arith::CmpIPredicate::slt, number, panelHigh));
      panel.channels = select(isNew, panel.channels, b.fixed(0));
    }
    panels.push_back(panel);
  }
  return panels;
}

void TileEmitter::emitBlock(Block2d block, Block2d previous,
                            Value previousRows) {
  SmallVector<PixelTile> tiles = tilesOf(previous);
  SmallVector<Panel> panels = panelsOf(previous);
  int64_t rows = b.known(s.pixels).value_or(kRows);
  // Loading ahead, the last step stands behind the loop.
  int64_t slices = steps() > 1 && loadsAhead() ? steps() - 1 : steps();
  int64_t rowsAStep = llvm::divideCeil(rows, slices);
  emitReduction(block, [&](Index step) {
    if (rowsAStep == 1) {
      Value waits = compare(arith::CmpIPredicate::slt, step, previousRows);
      auto branch = scf::IfOp::create(b, waits, /*withElseRegion=*/false);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(branch.thenBlock());
      emitRow(tiles, panels, step);
      return;
    }
    Index low = b.mul(step, rowsAStep);
    forLoop(low, b.min(b.add(low, rowsAStep), previousRows),
            [&](Index row) { emitRow(tiles, panels, row); });
  });
  for (int64_t sum = 0; sum < s.tiles * s.panels; ++sum)
    amx.store(sum,
              amx.address(scratch, b.fixed(sum * kRows * kColumns), kSumBytes),
              scratchPitch);
}

/// How far the left side is moved after a step of the reduction: within a run,
/// to the next run, to the next outer run. The right side lies step after step.
Index TileEmitter::nextLeft(Value at, Value &block, Value &inner) {
  Index within = b.fixed(s.block);
  if (c.outer == 1)
    return b.add(at, within);
  Index toInner = b.sub(c.lhsInner, b.fixed((s.blocks - 1) * s.block));
  Index toOuter = b.sub(c.lhsOuter, b.add(b.mul(c.lhsInner, c.innerSteps - 1),
                                          b.fixed((s.blocks - 1) * s.block)));
  Index one = b.fixed(1), zero = b.fixed(0);
  if (c.innerSteps == 1)
    toInner = toOuter;
  Value by = b.value(toInner);
  if (c.innerSteps > 1 && c.outer > c.innerSteps) {
    // The inner count moves on when the block count starts again.
    Value next = b.value(b.add(inner, one));
    Value wraps =
        compare(arith::CmpIPredicate::eq, next, b.fixed(c.innerSteps));
    by = select(wraps, toOuter, toInner);
    Value moved = select(wraps, zero, next);
    if (s.blocks == 1) {
      inner = moved;
      return b.add(at, by);
    }
    Value isLast =
        compare(arith::CmpIPredicate::eq, block, b.fixed(s.blocks - 1));
    inner = select(isLast, moved, inner);
  }
  if (s.blocks == 1)
    return b.add(at, by);
  Value next = b.value(b.add(block, one));
  Value wraps = compare(arith::CmpIPredicate::eq, next, b.fixed(s.blocks));
  block = select(wraps, zero, next);
  return b.add(at, select(wraps, by, within));
}

/// Tiles are loaded a step ahead, each as soon as the products that read it are
/// under way.
void TileEmitter::emitReduction(Block2d block,
                                llvm::function_ref<void(Index)> between) {
  Index leftBase = b.add(c.lhsBase, b.mul(batch, c.lhsBatch));
  Operands bases;
  for (const PixelTile &tile : tilesOf(block))
    bases.left.push_back(b.add(
        leftBase, b.add(b.mul(tile.y, c.lhsRow), b.mul(tile.x, c.lhsColumn))));
  Index rightBase = b.add(c.rhsBase, b.mul(batch, c.rhsBatch));
  for (const Panel &panel : panelsOf(block))
    bases.right.push_back(b.add(rightBase, b.mul(panel.number, c.rhsPanel)));
  for (int64_t sum = 0; sum < s.tiles * s.panels; ++sum)
    amx.zero(sum);
  if (steps() == 1) {
    between(b.fixed(0));
    emitStep(bases, nullptr);
    return;
  }
  if (!loadsAhead()) {
    emitPlainReduction(bases, between);
    return;
  }
  for (int64_t m = 0; m < s.tiles; ++m)
    loadLeft(bases, m);
  for (int64_t n = 0; n < s.panels; ++n)
    loadRight(bases, n);
  Value zero = b.value(b.fixed(0));
  auto loop =
      scf::ForOp::create(b, zero, b.value(b.fixed(steps() - 1)),
                         b.value(b.fixed(1)), ValueRange{zero, zero, zero});
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    ValueRange carried = loop.getRegionIterArgs();
    Value kBlock = carried[1], inner = carried[2];
    Index step = loop.getInductionVar();
    Index leftAt = nextLeft(carried[0], kBlock, inner);
    Index rightAt = b.mul(b.add(step, b.fixed(1)), s.block * kColumns);
    Operands next = bases.moved(b, leftAt, rightAt);
    emitStep(next, &next);
    if (s.panelsOutside)
      prefetchPanels(bases.right.front(), step);
    between(step);
    scf::YieldOp::create(b, ValueRange{b.value(leftAt), kBlock, inner});
  }
  emitProducts();
}

/// While the band goes over some panels, each of its blocks brings a part of
/// the next ones into the second-level cache: from further away they would come
/// more slowly than they are multiplied.
void TileEmitter::prefetchPanels(Index rightAt, Index step) {
  int64_t blocks = llvm::divideCeil(s.band, s.tiles);
  int64_t rows = s.block / form.group; // lines of 64 bytes
  int64_t share = llvm::divideCeil(s.panels * rows, blocks);
  Index next = b.add(rightAt, b.mul(c.rhsPanel, s.panels));
  next = b.add(next, b.mul(step, s.block * kColumns));
  for (int64_t i = 0; i < share; ++i) {
    Index line = b.add(b.mul(tileBlock, share), i);
    Index at = b.add(b.mul(c.rhsPanel, b.div(line, rows)),
                     b.mul(b.rem(line, b.fixed(rows)), kColumns * form.group));
    memref::PrefetchOp::create(b, c.rhs.flat,
                               ValueRange{b.value(b.add(next, at))},
                               /*isWrite=*/false, /*localityHint=*/2,
                               /*isDataCache=*/true);
  }
}

/// The same without loading ahead: for blocks in a line, which have no
/// registers to spare.
void TileEmitter::emitPlainReduction(const Operands &bases,
                                     llvm::function_ref<void(Index)> between) {
  Value zero = b.value(b.fixed(0));
  auto loop =
      scf::ForOp::create(b, zero, b.value(b.fixed(steps())),
                         b.value(b.fixed(1)), ValueRange{zero, zero, zero});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  ValueRange carried = loop.getRegionIterArgs();
  Value kBlock = carried[1], inner = carried[2];
  Index step = loop.getInductionVar();
  emitStep(bases.moved(b, carried[0], b.mul(step, s.block * kColumns)),
           nullptr);
  between(step);
  Index leftAt = nextLeft(carried[0], kBlock, inner);
  scf::YieldOp::create(b, ValueRange{b.value(leftAt), kBlock, inner});
}

void TileEmitter::loadLeft(const Operands &at, int64_t m) {
  amx.load(leftTile(m), amx.address(c.lhs.flat, at.left[m], form.bytes),
           leftPitch, /*streamed=*/s.panelsOutside);
}

void TileEmitter::loadRight(const Operands &at, int64_t n) {
  amx.load(rightTile(n), amx.address(c.rhs.flat, at.right[n], form.bytes),
           rightPitch, /*streamed=*/!s.panelsOutside);
}

void TileEmitter::multiply(int64_t m, int64_t n) {
  amx.multiply(m * s.panels + n, leftTile(m), rightTile(n), c.element);
}

void TileEmitter::emitProducts() {
  for (int64_t m = 0; m < s.tiles; ++m)
    for (int64_t n = 0; n < s.panels; ++n)
      multiply(m, n);
}

/// With `next`, multiplies what is loaded, and loads `next` behind; without,
/// loads `at`, and multiplies every pair as soon as it is there.
void TileEmitter::emitStep(const Operands &at, const Operands *next) {
  for (int64_t m = 0; m < s.tiles; ++m) {
    if (!next)
      loadLeft(at, m);
    for (int64_t n = 0; n < s.panels; ++n) {
      if (!next && m == 0)
        loadRight(at, n);
      multiply(m, n);
      if (next && m + 1 == s.tiles)
        loadRight(*next, n);
    }
    if (next)
      loadLeft(*next, m);
  }
}

void TileEmitter::emitRow(ArrayRef<PixelTile> tiles, ArrayRef<Panel> panels,
                          Index row) {
  auto type = VectorType::get({kColumns}, nn::accumulatorType(c.element));
  for (auto [m, tile] : llvm::enumerate(tiles)) {
    Value isNew;
    if (b.known(tile.storedFrom) != 0)
      isNew = compare(arith::CmpIPredicate::sge, row, tile.storedFrom);
    for (auto [n, panel] : llvm::enumerate(panels)) {
      Index at = b.add(b.mul(row, kColumns),
                       (m * panels.size() + n) * kRows * kColumns);
      Value sums =
          vector::LoadOp::create(b, type, scratch, ValueRange{b.value(at)});
      Index count = panel.channels;
      if (isNew)
        count = select(isNew, count, b.fixed(0));
      Index channel = b.add(c.firstChannel, b.mul(panel.number, kColumns));
      epilogue.store(b, sums, {batch, tile.y, b.add(tile.x, row), channel},
                     count);
    }
  }
}

} // namespace

void ashlar::emitTileContraction(IndexArithmetic &b,
                                 const RowContraction &contraction,
                                 const TileSchedule &schedule,
                                 Epilogue &epilogue) {
  TileEmitter(b, contraction, schedule, epilogue).emitGrid();
}
