//===- ContractionStores.cpp - what a register tile begins and ends with --===//
#include "passes/kernel/ContractionEmitter.h"

using namespace mlir;
using namespace ashlar;

using Index = OpFoldResult;

SmallVector<Value> ContractionEmitter::firstSums(int64_t pixels,
                                                 ChannelTile channels) {
  SmallVector<Value> sums;
  Value zero = product.zero(b);
  for (int64_t vector = 0; vector < channels.vectors; ++vector) {
    int64_t lane = vector * s.lanes;
    Value bias =
        epilogue.biasOf(b, b.add(c.firstChannel, b.add(channels.first, lane)),
                        product.sums(), b.sub(channels.count, b.fixed(lane)));
    sums.push_back(bias ? bias : zero);
  }
  for (int64_t more = channels.vectors; more < pixels * channels.vectors;
       ++more)
    sums.push_back(sums[more - channels.vectors]);
  return sums;
}

void ContractionEmitter::storeTile(ArrayRef<Value> sums, const PixelTile &tile,
                                   ChannelTile channels) {
  OutputPosition first{tile.batch, tile.y, tile.x,
                       b.add(c.firstChannel, channels.first)};
  if (epilogue.isLong())
    return storeInLoop(sums, first, tile.columns, channels);
  for (int64_t row = 0; row < tile.rows; ++row) {
    OutputPosition position = first;
    position.y = b.add(tile.y, row);
    size_t size = tile.columns * channels.vectors;
    storePixels(sums.take_front(size), position, channels);
    sums = sums.drop_front(size);
  }
}

void ContractionEmitter::storePixels(ArrayRef<Value> sums,
                                     const OutputPosition &first,
                                     ChannelTile channels) {
  using Next = PlacedSums::Next;
  bool fromFirstChannel = b.known(first.channel) == 0;
  SmallVector<Index> channelOf;
  for (int64_t vector = 0; vector < channels.vectors; ++vector)
    channelOf.push_back(b.add(first.channel, vector * s.lanes));
  SmallVector<PlacedSums> all;
  for (auto [index, sum] : llvm::enumerate(sums)) {
    int64_t vector = index % channels.vectors, lane = vector * s.lanes;
    OutputPosition position = first;
    position.x = b.add(first.x, index / channels.vectors);
    position.channel = channelOf[vector];
    PlacedSums placed{sum, position, b.sub(channels.count, b.fixed(lane))};
    if (vector + 1 < channels.vectors)
      placed.next = Next::Channels;
    else if (fromFirstChannel)
      placed.next = Next::Pixel;
    if (b.known(placed.count))
      placed.count = b.fixed(std::min(*b.known(placed.count), s.lanes));
    all.push_back(placed);
  }
  epilogue.store(b, all);
}

void ContractionEmitter::storeInLoop(ArrayRef<Value> sums,
                                     const OutputPosition &tile,
                                     int64_t tileColumns,
                                     ChannelTile channels) {
  Value scratch = storeOnStack(b, taskBlock, sums);
  auto store = [&](Index row, Index column, int64_t pixels) {
    SmallVector<Value> some;
    Index from =
        b.mul(b.add(b.mul(row, tileColumns), column), channels.vectors);
    for (int64_t index = 0; index < pixels * channels.vectors; ++index)
      some.push_back(memref::LoadOp::create(
          b, scratch, ValueRange{b.value(b.add(from, index))}));
    OutputPosition position = tile;
    position.y = b.add(tile.y, row);
    position.x = b.add(tile.x, column);
    storePixels(some, position, channels);
  };
  // As many pixels at a time as are made bytes together.
  int64_t step = std::max<int64_t>(kPackedVectors / channels.vectors, 1);
  int64_t pixels = sums.size() / channels.vectors, rows = pixels / tileColumns;
  int64_t whole = tileColumns / step * step;
  b.forLoop(b.fixed(0), b.fixed(rows), 1, [&](Index row) {
    b.forLoop(b.fixed(0), b.fixed(whole), step,
              [&](Index column) { store(row, column, step); });
    if (whole < tileColumns)
      store(row, b.fixed(whole), tileColumns - whole);
  });
}
