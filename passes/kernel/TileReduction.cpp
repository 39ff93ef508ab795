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

/// Sums start from zero, or every row of a tile from the same biases.
void TileEmitter::emitStart(ArrayRef<ChannelPanel> panels) {
  Value samePlace =
      bias ? arith::ConstantIntOp::create(b, /*value=*/0, /*width=*/64)
                 .getResult()
           : Value();
  for (int64_t sum = 0; sum < s.tiles * s.panels; ++sum) {
    if (!bias) {
      amx.zero(sum);
      continue;
    }
    Index channel = b.add(c.firstChannel,
                          b.mul(panels[sum % s.panels].number, kTileColumns));
    amx.load(
        sum,
        amx.address(bias->flat, b.add(bias->offset, channel), kTileSumBytes),
        samePlace, /*streamed=*/false);
  }
}

/// Tiles are loaded a step ahead, each as soon as the products that read it are
/// under way.
void TileEmitter::emitReduction(TileBlock block,
                                llvm::function_ref<void(Index)> between) {
  Index leftBase = b.add(c.lhsBase, b.mul(batch, c.lhsBatch));
  TileOperands bases;
  for (const TilePixels &tile : tilesOf(block))
    bases.left.push_back(b.add(
        leftBase, b.add(b.mul(tile.y, c.lhsRow), b.mul(tile.x, c.lhsColumn))));
  Index rightBase = b.add(c.rhsBase, b.mul(batch, c.rhsBatch));
  SmallVector<ChannelPanel> panels = panelsOf(block);
  for (const ChannelPanel &panel : panels)
    bases.right.push_back(b.add(rightBase, b.mul(panel.number, c.rhsPanel)));
  emitStart(panels);
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
    Index rightAt = b.mul(b.add(step, b.fixed(1)), s.block * kTileColumns);
    TileOperands next = bases.moved(b, leftAt, rightAt);
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

/// The same without loading ahead: for blocks in a line, which have no
/// registers to spare.
void TileEmitter::emitPlainReduction(const TileOperands &bases,
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
  emitStep(bases.moved(b, carried[0], b.mul(step, s.block * kTileColumns)),
           nullptr);
  between(step);
  Index leftAt = nextLeft(carried[0], kBlock, inner);
  scf::YieldOp::create(b, ValueRange{b.value(leftAt), kBlock, inner});
}

void TileEmitter::loadLeft(const TileOperands &at, int64_t m) {
  amx.load(leftTile(m), amx.address(c.lhs.flat, at.left[m], form.bytes),
           leftPitch, /*streamed=*/s.panelsOutside);
}

void TileEmitter::loadRight(const TileOperands &at, int64_t n) {
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
void TileEmitter::emitStep(const TileOperands &at, const TileOperands *next) {
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
