//===- TileReduction.cpp - the reduction of a block of tiles --------------===//
#include "passes/kernel/TileEmitter.h"

#include "llvm/Support/MathExtras.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace ashlar;

using Index = OpFoldResult;

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

/// A sum of the previous block makes room for one of this: that starts from
/// zero, or every row of it from the same biases.
void TileEmitter::startSum(int64_t sum, ArrayRef<ChannelPanel> panels) {
  storeSum(sum);
  if (!bias) {
    amx.zero(sum);
    return;
  }
  Index channel =
      b.add(c.firstChannel, b.mul(panels[sum % s.panels].number, kTileColumns));
  amx.load(sum,
           amx.address(bias->flat, b.add(bias->offset, channel), kTileSumBytes),
           samePlace, /*streamed=*/false);
}

TileOperands TileEmitter::operandsOf(TileBlock block) {
  TileOperands bases;
  for (const TilePixels &tile : tilesOf(block)) {
    Index image = b.add(c.lhsBase, b.mul(tile.image, c.lhsBatch));
    bases.left.push_back(b.add(
        image, b.add(b.mul(tile.y, c.lhsRow), b.mul(tile.x, c.lhsColumn))));
  }
  Index rightBase = b.add(c.rhsBase, b.mul(batch, c.rhsBatch));
  for (const ChannelPanel &panel : panelsOf(block))
    bases.right.push_back(b.add(rightBase, b.mul(panel.number, c.rhsPanel)));
  return bases;
}

/// Tiles are loaded a step ahead, each as soon as the products that read it are
/// under way; those of the next block behind the last step. `between` is called
/// for steps, or for tiles.
void TileEmitter::emitReduction(TileBlock block, const TileOperands &bases,
                                const TileOperands &nextBlock,
                                llvm::function_ref<void(Index)> between) {
  SmallVector<ChannelPanel> panels = panelsOf(block);
  auto start = [&](int64_t sum) { startSum(sum, panels); };
  auto continued = [](int64_t) {};
  Value zero = b.value(b.fixed(0)), one = b.value(b.fixed(1));
  int64_t last = steps() - 1, blockSize = s.block * kTileColumns;
  bool slicesOutside = firstSliceStep() == 0 && !goesByTile();
  auto behindTile = [&](int64_t m) {
    if (goesByTile())
      between(b.fixed(m));
  };
  // Tiles of the step after `step`, and what that moves on.
  SmallVector<Value> moving{zero, zero, zero};
  auto behind = [&](Index step) {
    Index left = nextLeft(moving[0], moving[1], moving[2]);
    moving[0] = b.value(left);
    return bases.moved(b, left, b.mul(b.add(step, 1), blockSize));
  };
  auto emit = [&](Index step, bool isLast,
                  llvm::function_ref<void(int64_t)> before) {
    if (!loadsAhead()) {
      emitStep(bases.moved(b, moving[0], b.mul(step, blockSize)), nullptr,
               before, behindTile);
      if (!isLast)
        behind(step);
      return;
    }
    TileOperands next = isLast ? nextBlock : behind(step);
    emitStep(next, &next, before, behindTile);
  };
  emit(b.fixed(0), last == 0, start);
  if (slicesOutside)
    between(b.fixed(0));
  if (last == 0)
    return;
  if (last > 1) {
    auto loop = scf::ForOp::create(b, one, b.value(b.fixed(last)), one, moving);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    moving = llvm::to_vector_of<Value>(loop.getRegionIterArgs());
    Index step = loop.getInductionVar();
    emit(step, /*isLast=*/false, continued);
    if (s.panelsOutside)
      prefetchPanels(bases.right.front(), step);
    if (s.prefetchesTiles)
      prefetchTiles(bases.left.front(), step);
    between(step);
    scf::YieldOp::create(b, moving);
    moving = llvm::to_vector_of<Value>(loop.getResults());
  }
  emit(b.fixed(last), /*isLast=*/true, continued);
  if (slicesOutside)
    between(b.fixed(last));
}

/// While the band goes over some panels, each of its blocks brings a part of
/// the next ones into the second-level cache: from further away they would come
/// more slowly than they are multiplied.
void TileEmitter::prefetchPanels(Index rightAt, Index step) {
  int64_t blocks = llvm::divideCeil(s.band, s.tiles);
  int64_t rows = s.block / form.group; // lines of 64 bytes
  int64_t share = llvm::divideCeil(s.panels * rows, blocks);
  Index next = b.add(rightAt, b.mul(c.rhsPanel, s.panels));
  next = b.add(next, b.mul(step, s.block * kTileColumns));
  for (int64_t i = 0; i < share; ++i) {
    Index line = b.add(b.mul(tileBlock, share), i);
    Index at =
        b.add(b.mul(c.rhsPanel, b.div(line, rows)),
              b.mul(b.rem(line, b.fixed(rows)), kTileColumns * form.group));
    memref::PrefetchOp::create(b, c.rhs.flat,
                               ValueRange{b.value(b.add(next, at))},
                               /*isWrite=*/false, /*localityHint=*/2,
                               /*isDataCache=*/true);
  }
}

/// The same with tiles outside: each block of the chunk brings some rows.
void TileEmitter::prefetchTiles(Index leftAt, Index step) {
  int64_t blocks = llvm::divideCeil(s.chunk, s.panels);
  int64_t rows = s.tiles * b.known(s.pixels).value_or(kTileRows);
  int64_t share = llvm::divideCeil(rows, blocks);
  Index next =
      b.add(b.add(leftAt, b.mul(c.lhsColumn, rows)), b.mul(step, s.block));
  for (int64_t i = 0; i < share; ++i) {
    Index row = b.add(b.mul(panelBlock, share), i);
    memref::PrefetchOp::create(
        b, c.lhs.flat,
        ValueRange{b.value(b.add(next, b.mul(row, c.lhsColumn)))},
        /*isWrite=*/false, /*localityHint=*/2, /*isDataCache=*/true);
  }
}

void TileEmitter::emitLoads(const TileOperands &at) {
  for (int64_t m = 0; m < s.tiles; ++m)
    loadLeft(at, m);
  for (int64_t n = 0; n < s.panels; ++n)
    loadRight(at, n);
}

void TileEmitter::loadLeft(const TileOperands &at, int64_t m) {
  amx.load(leftTile(m), amx.address(c.lhs.flat, at.left[m], form.bytes),
           leftPitch, /*streamed=*/m >= s.keptTiles);
}

void TileEmitter::loadRight(const TileOperands &at, int64_t n) {
  amx.load(rightTile(n), amx.address(c.rhs.flat, at.right[n], form.bytes),
           rightPitch, /*streamed=*/n >= s.keptPanels);
}

void TileEmitter::multiply(int64_t m, int64_t n) {
  amx.multiply(m * s.panels + n, leftTile(m), rightTile(n), c.element);
}

/// With `next`, multiplies what is loaded, and loads `next` behind; without,
/// loads `at`, and multiplies every pair as soon as it is there. `before` is
/// called for each sum, `behindTile` behind the products of each tile.
void TileEmitter::emitStep(const TileOperands &at, const TileOperands *next,
                           llvm::function_ref<void(int64_t)> before,
                           llvm::function_ref<void(int64_t)> behindTile) {
  for (int64_t m = 0; m < s.tiles; ++m) {
    if (!next)
      loadLeft(at, m);
    for (int64_t n = 0; n < s.panels; ++n) {
      if (!next && m == 0)
        loadRight(at, n);
      before(m * s.panels + n);
      multiply(m, n);
      if (next && m + 1 == s.tiles)
        loadRight(*next, n);
    }
    if (next)
      loadLeft(*next, m);
    behindTile(m);
  }
}
