//===- WidenedBand.cpp - bands of pixels with both sides widened ----------===//
#include "llvm/Support/MathExtras.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

#include "passes/kernel/ContractionEmitter.h"

using namespace mlir;
using namespace ashlar;

using Index = OpFoldResult;

namespace {

/// Sums of a few pixels wait between blocks of the reduction.
constexpr int64_t kWaitingBytes = 32 << 10;

} // namespace

void ContractionEmitter::makeWidened() {
  int64_t pixels = s.tileRows * s.tileColumns;
  if (!s.widensBoth) {
    if (!WidenedLeft::serves(b, c, product, pixels))
      return;
    blocks.emplace(b, c, INT64_MAX);
    widened.emplace(b, c, product, *blocks, *taskBlock, pixels);
    return;
  }
  int64_t tiles = s.together;
  blocks.emplace(b, c, WidenedRight::mostGroups(product, s.vectors * tiles));
  widened.emplace(b, c, product, *blocks, *taskBlock, pixels);
  widenedRight.emplace(b, c, product, *blocks, *taskBlock, s.vectors, tiles);
}

void ContractionEmitter::emitWidenedBand(const PixelArea &band,
                                         ChannelTile channels) {
  if (blocks->count() == 1)
    return emitBlocks(band, channels);
  bool flat = b.known(c.rows) == 1;
  if (!waiting) {
    int64_t pixels = kWaitingBytes / (s.together * s.vectors * s.lanes * 4);
    int64_t tiles = std::max<int64_t>(pixels / s.tileColumns, 1);
    waitingColumns = tiles * s.tileColumns;
    if (!flat)
      waitingColumns = std::min(waitingColumns, *b.known(c.columns));
    tiles = std::max<int64_t>(pixels / waitingColumns / s.tileRows, 1);
    waitingRows = flat ? 1 : tiles * s.tileRows;
    auto type =
        MemRefType::get({s.together * waitingRows * waitingColumns * s.vectors},
                        product.sums());
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(taskBlock);
    waiting = memref::AllocaOp::create(b, type, b.getI64IntegerAttr(64));
  }
  auto emitRows = [&](Index top, Index bottom) {
    b.forLoop(band.left, band.right, waitingColumns, [&](Index left) {
      Index right = b.min(b.add(left, waitingColumns), band.right);
      emitBlocks({band.batch, top, bottom, left, right}, channels);
    });
  };
  if (flat)
    return emitRows(band.top, band.bottom);
  b.forLoop(band.top, band.bottom, waitingRows, [&](Index top) {
    emitRows(top, b.min(b.add(top, waitingRows), band.bottom));
  });
}

Index ContractionEmitter::placeOfSums(const PixelArea &area,
                                      const PixelTile &tile, Index channelTile,
                                      int64_t vectors) {
  Index row = b.add(b.mul(channelTile, waitingRows), b.sub(tile.y, area.top));
  Index column = b.sub(tile.x, area.left);
  return b.mul(b.add(b.mul(row, waitingColumns), column), vectors);
}

void ContractionEmitter::forSums(
    const PixelTile &tile, Index first, int64_t vectors,
    llvm::function_ref<void(Value place, int64_t sum)> body) {
  for (int64_t row = 0; row < tile.rows; ++row)
    for (int64_t sum = 0; sum < tile.columns * vectors; ++sum) {
      Index place = b.add(first, row * waitingColumns * vectors + sum);
      body(b.value(place), row * tile.columns * vectors + sum);
    }
}

SmallVector<Value> ContractionEmitter::loadSums(const PixelTile &tile,
                                                Index first, int64_t vectors) {
  SmallVector<Value> sums;
  forSums(tile, first, vectors, [&](Value place, int64_t) {
    sums.push_back(memref::LoadOp::create(b, waiting, ValueRange{place}));
  });
  return sums;
}

void ContractionEmitter::keepSums(ArrayRef<Value> sums, const PixelTile &tile,
                                  Index first, int64_t vectors) {
  forSums(tile, first, vectors, [&](Value place, int64_t sum) {
    memref::StoreOp::create(b, sums[sum], waiting, ValueRange{place});
  });
}

void ContractionEmitter::emitBlocks(const PixelArea &area,
                                    ChannelTile channels) {
  int64_t middle = blocks->count() - 1, vectors = channels.vectors;
  auto forChannels = [&](llvm::function_ref<void(Index, ChannelTile)> body) {
    b.forLoop(b.fixed(0), channels.tiles, 1, [&](Index tile) {
      ChannelTile one = channels;
      one.first = b.add(channels.first, b.mul(tile, vectors * s.lanes));
      body(tile, one);
    });
  };
  auto widenRight = [&](const ReductionBlock &block) {
    SmallVector<Index> vectorOffsets;
    for (int64_t vector = 0; vector < vectors; ++vector)
      vectorOffsets.push_back(rhsOffset(vector));
    forChannels([&](Index tile, ChannelTile one) {
      widenedRight->fill(block, tile, rightOf(area.batch, one), vectorOffsets);
    });
  };
  auto widenLeft = [&](const ReductionBlock &block, const PixelTile &pixels) {
    widened->fill(block, leftOf(pixels), pixelOffsets(pixels),
                  [&](Index step) { return stepOffset(step); });
  };
  auto place = [&](const PixelTile &pixels, Index tile) {
    return placeOfSums(area, pixels, tile, vectors);
  };

  if (middle) {
    emitTiles(area, [&](const PixelTile &pixels) {
      forChannels([&](Index tile, ChannelTile one) {
        keepSums(firstSums(pixels.pixels(), one), pixels, place(pixels, tile),
                 vectors);
      });
    });
    b.forLoop(b.fixed(0), b.fixed(middle), 1, [&](Index index) {
      ReductionBlock block = blocks->middle(b, index);
      widenRight(block);
      emitTiles(area, [&](const PixelTile &pixels) {
        widenLeft(block, pixels);
        forChannels([&](Index tile, ChannelTile) {
          Index at = place(pixels, tile);
          SmallVector<Value> sums = loadSums(pixels, at, vectors);
          keepSums(addBlock(block, tile, vectors, sums), pixels, at, vectors);
        });
      });
    });
  }
  ReductionBlock block = blocks->last(b);
  widenRight(block);
  emitTiles(area, [&](const PixelTile &pixels) {
    widenLeft(block, pixels);
    forChannels([&](Index tile, ChannelTile one) {
      SmallVector<Value> sums =
          middle ? loadSums(pixels, place(pixels, tile), vectors)
                 : firstSums(pixels.pixels(), one);
      storeTile(addBlock(block, tile, vectors, sums), pixels, one);
    });
  });
}

SmallVector<Value> ContractionEmitter::addBlock(const ReductionBlock &block,
                                                Index channelTile,
                                                int64_t vectors,
                                                ValueRange sums) {
  auto loop = scf::ForOp::create(b, b.value(b.fixed(0)),
                                 b.value(b.fixed(block.groups * 2)),
                                 b.value(b.fixed(1)), sums);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Index half = loop.getInductionVar();
  DotProduct::Operand right =
      widenedRight->loadHalf(channelTile, half, vectors);
  SmallVector<Value> next;
  Value left;
  for (auto [index, sum] : llvm::enumerate(loop.getRegionIterArgs())) {
    int64_t vector = index % vectors;
    if (vector == 0)
      left = widened->loadHalf(index / vectors, half);
    next.push_back(product.add(b, {left}, {right[vector]}, sum));
  }
  scf::YieldOp::create(b, next);
  return SmallVector<Value>(loop.getResults());
}
