//===- RowContraction.cpp - register-tiled loops --------------------------===//
#include "mlir/Dialect/SCF/IR/SCF.h"

#include "passes/kernel/ContractionEmitter.h"
#include "passes/kernel/TaskShares.h"

using namespace mlir;
using namespace ashlar;

using Index = OpFoldResult;

void ContractionEmitter::emitRange(Index low, Index high,
                                   ArrayRef<int64_t> sizes, Body body) {
  auto from = b.known(low), to = b.known(high);
  if (from && to) {
    int64_t size = sizes.front(), end = *from + (*to - *from) / size * size;
    b.forLoop(low, b.fixed(end), size, [&](Index at) { body(at, size); });
    if (end < *to)
      body(b.fixed(end), *to - end);
    return;
  }
  for (int64_t size : sizes) {
    Index count = b.div(b.sub(high, low), size);
    Index end = b.add(low, b.mul(count, size));
    b.forLoop(low, end, size, [&](Index at) { body(at, size); });
    low = end;
  }
}

SmallVector<int64_t> ContractionEmitter::pieceSizes(Index total, int64_t size) {
  SmallVector<int64_t> sizes{size};
  if (auto known = b.known(total)) {
    if (*known % size)
      sizes.push_back(*known % size);
    return sizes;
  }
  for (int64_t smaller : {4, 1})
    if (smaller < size)
      sizes.push_back(smaller);
  return sizes;
}

void ContractionEmitter::emitChannels(
    Index low, Index high, llvm::function_ref<void(ChannelTile)> body) {
  int64_t width = s.vectors * s.lanes;
  Index full = b.div(c.channels, width);
  Index fullEnd = b.min(high, full);
  int64_t together = widenedRight ? s.together : 1;
  b.forLoop(low, fullEnd, together, [&](Index tile) {
    Index tiles = together == 1
                      ? b.fixed(1)
                      : b.min(b.sub(fullEnd, tile), b.fixed(together));
    body({b.mul(tile, width), s.vectors, b.fixed(width), tiles});
  });
  if (auto channels = b.known(c.channels); channels && *channels % width == 0)
    return;
  // The task that holds the last tile does the channels that fill no tile.
  Index first = b.mul(full, width);
  if (b.known(high) && b.known(full)) {
    emitRest(first, body);
    return;
  }
  Value hasRest = arith::CmpIOp::create(b, arith::CmpIPredicate::sgt,
                                        b.value(high), b.value(full));
  auto branch = scf::IfOp::create(b, hasRest, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(branch.thenYield());
  emitRest(first, body);
}

void ContractionEmitter::emitRest(Index first,
                                  llvm::function_ref<void(ChannelTile)> body) {
  if (auto channels = b.known(c.channels)) {
    int64_t rest = *channels - *b.known(first);
    body({first, static_cast<int64_t>(llvm::divideCeil(rest, s.lanes)),
          b.fixed(rest), b.fixed(1)});
    return;
  }
  b.forLoop(first, c.channels, s.lanes, [&](Index channel) {
    body({channel, 1, b.min(b.sub(c.channels, channel), b.fixed(s.lanes)),
          b.fixed(1)});
  });
}

void ContractionEmitter::emitGrid() {
  Index tiles = b.ceilDiv(c.channels, s.vectors * s.lanes);
  Index chunks = s.chunks ? b.fixed(s.chunks) : b.ceilDiv(tiles, s.chunk);
  Index bands = s.bands                ? b.fixed(s.bands)
                : b.known(c.rows) == 1 ? b.ceilDiv(c.columns, s.bandColumns)
                                       : b.ceilDiv(c.rows, s.bandRows);
  Index share = batchesOfTask(b, c.batches, b.mul(bands, chunks));
  Index parts = b.ceilDiv(c.batches, share);
  auto grid =
      tile::GridOp::create(b, b.value(b.mul(b.mul(parts, bands), chunks)));
  OpBuilder::InsertionGuard guard(b);
  taskBlock = &grid.getBody().front();
  b.setInsertionPointToStart(taskBlock);
  makeWidened();
  SmallVector<Index> place =
      b.delinearize(grid.getTask(), {chunks, bands, parts});
  Index chunk = place[0], band = place[1];
  Index low, high;
  if (s.chunks) {
    low = firstPiece(b, chunk, tiles, chunks);
    high =
        s.chunks == 1 ? tiles : firstPiece(b, b.add(chunk, 1), tiles, chunks);
  } else {
    low = b.mul(chunk, s.chunk);
    high = b.known(chunks) == 1 ? tiles : b.min(b.add(low, s.chunk), tiles);
  }
  Index firstBatch = b.mul(place[2], share);
  Index lastBatch = b.min(b.add(firstBatch, share), c.batches);
  auto emitBatch = [&](Index batch) {
    emitChannels(low, high, [&](ChannelTile channels) {
      emitBand(batch, band, channels);
    });
  };
  if (b.known(share) == 1)
    return emitBatch(firstBatch);
  b.forLoop(firstBatch, lastBatch, 1, emitBatch);
}

void ContractionEmitter::emitBand(Index batch, Index band,
                                  ChannelTile channels) {
  bool flat = b.known(c.rows) == 1;
  Index total = flat ? c.columns : c.rows;
  int64_t extent = flat ? s.bandColumns : s.bandRows;
  Index low, high;
  if (s.bands == 1 ||
      (!s.bands && b.known(total) && *b.known(total) <= extent)) {
    low = b.fixed(0);
    high = total;
  } else if (s.bands) {
    int64_t size = flat ? s.tileColumns : s.tileRows;
    Index pieces = b.ceilDiv(total, size), bands = b.fixed(s.bands);
    auto edge = [&](Index part) {
      return b.mul(firstPiece(b, part, pieces, bands), size);
    };
    low = edge(band);
    high = b.min(edge(b.add(band, 1)), total);
  } else {
    low = b.mul(band, extent);
    high = b.min(b.add(low, extent), total);
  }
  PixelArea area = flat ? PixelArea{batch, b.fixed(0), b.fixed(1), low, high}
                        : PixelArea{batch, low, high, b.fixed(0), c.columns};
  if (widenedRight)
    return emitWidenedBand(area, channels);
  emitTiles(area, [&](const PixelTile &tile) { emitTile(tile, channels); });
}

void ContractionEmitter::emitTiles(
    const PixelArea &area, llvm::function_ref<void(const PixelTile &)> body) {
  auto emitRow = [&](Index y, int64_t tileRows) {
    emitRange(area.left, area.right, pieceSizes(c.columns, s.tileColumns),
              [&](Index x, int64_t size) {
                body({area.batch, y, x, tileRows, size});
              });
  };
  if (b.known(c.rows) == 1)
    return emitRow(b.fixed(0), 1);
  emitRange(area.top, area.bottom, pieceSizes(c.rows, s.tileRows), emitRow);
}

Index ContractionEmitter::rhsOffset(int64_t vector) {
  int64_t at = vector * s.lanes;
  if (!c.packed)
    return b.fixed(at);
  return b.add(b.mul(c.rhsPanel, at / form.width),
               at % form.width * form.group);
}

/// Weights come from far away, where the first tile of pixels would wait for
/// them. While a band goes over a tile of channels, its tiles bring a vector of
/// the next one each into a near cache, in turns.
std::optional<Index> ContractionEmitter::nextChannels(const PixelTile &tile,
                                                      ChannelTile channels) {
  int64_t width = s.vectors * s.lanes;
  auto rows = b.known(c.rows), columns = b.known(c.columns);
  if (!c.packed || !s.bands || channels.vectors != s.vectors || s.vectors > 2 ||
      width % form.width != 0 || !rows || !columns)
    return std::nullopt;
  int64_t across = llvm::divideCeil(*columns, s.tileColumns);
  int64_t tiles = across * llvm::divideCeil(*rows, s.tileRows) / s.bands;
  if (tiles < 2 * s.vectors)
    return std::nullopt;
  Index first = rhsOffset(s.vectors);
  if (s.vectors == 1)
    return first;
  Index turn = b.rem(b.add(b.div(tile.x, s.tileColumns),
                           b.mul(b.div(tile.y, s.tileRows), across)),
                     b.fixed(2));
  return b.add(first, b.mul(turn, b.sub(rhsOffset(3), first)));
}

void ContractionEmitter::emitGroup(LoadLeft loadLeft, Index rhsK,
                                   ChannelTile channels,
                                   MutableArrayRef<Value> sums) {
  SmallVector<DotProduct::Operand> right;
  for (int64_t vector = 0; vector < channels.vectors; ++vector) {
    // Panels are padded; rows of all channels are not.
    Index columns = c.packed ? b.fixed(s.lanes)
                             : b.sub(channels.count, b.fixed(vector * s.lanes));
    right.push_back(product.loadRight(b, c.rhs.flat,
                                      b.add(rhsK, rhsOffset(vector)), columns));
  }
  for (int64_t pixel = 0; !sums.empty(); ++pixel) {
    DotProduct::Operand left = loadLeft(pixel);
    for (auto [sum, operand] : llvm::zip(sums.take_front(right.size()), right))
      sum = product.add(b, left, operand, sum);
    sums = sums.drop_front(right.size());
  }
}

SmallVector<Value> ContractionEmitter::emitWidenedRun(Index step, Index rhsAt,
                                                      ChannelTile channels,
                                                      ValueRange accumulators) {
  Index groups = b.ceilDiv(c.run, form.group);
  auto loop = scf::ForOp::create(b, b.value(b.fixed(0)), b.value(groups),
                                 b.value(b.fixed(1)), accumulators);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> sums(loop.getRegionIterArgs());
  Index group = loop.getInductionVar(), first = b.mul(step, groups);
  emitGroup(
      [&](int64_t pixel) { return widened->load(pixel, b.add(first, group)); },
      b.add(rhsAt, b.mul(group, c.rhsStep)), channels, sums);
  scf::YieldOp::create(b, sums);
  return SmallVector<Value>(loop.getResults());
}

SmallVector<Value> ContractionEmitter::emitRun(Index lhsAt, Index rhsAt,
                                               ArrayRef<Index> pixelOffsets,
                                               ChannelTile channels,
                                               ValueRange accumulators) {
  Index groups = b.div(c.run, form.group);
  auto loop = scf::ForOp::create(b, b.value(b.fixed(0)), b.value(groups),
                                 b.value(b.fixed(1)), accumulators);
  auto emit = [&](Index group, int64_t count, MutableArrayRef<Value> sums) {
    Index step = form.group == 1 ? c.lhsStep : b.fixed(form.group);
    Index lhsK = b.add(lhsAt, b.mul(group, step));
    emitGroup(
        [&](int64_t pixel) {
          return product.loadLeft(b, c.lhs.flat,
                                  b.add(lhsK, pixelOffsets[pixel]), count,
                                  b.known(c.run).value_or(0) >= form.group);
        },
        b.add(rhsAt, b.mul(group, c.rhsStep)), channels, sums);
  };
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> sums(loop.getRegionIterArgs());
    emit(loop.getInductionVar(), form.group, sums);
    if (ahead) {
      Index at = b.add(rhsAt, b.mul(Index(loop.getInductionVar()), c.rhsStep));
      memref::PrefetchOp::create(b, c.rhs.flat,
                                 ValueRange{b.value(b.add(at, *ahead))},
                                 /*isWrite=*/false,
                                 /*localityHint=*/s.nextIntoL1 ? 3 : 2,
                                 /*isDataCache=*/true);
    }
    scf::YieldOp::create(b, sums);
  }
  SmallVector<Value> sums(loop.getResults());
  if (form.group == 1)
    return sums;
  // What is left over fills no group.
  if (auto run = b.known(c.run)) {
    if (*run % form.group)
      emit(groups, *run % form.group, sums);
    return sums;
  }
  Index rest = b.rem(c.run, b.fixed(form.group));
  for (int64_t count = 1; count < form.group; ++count) {
    Value is = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, b.value(rest),
                                     b.value(b.fixed(count)));
    auto branch = scf::IfOp::create(b, ValueRange(sums).getTypes(), is,
                                    /*addThenBlock=*/true,
                                    /*addElseBlock=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(b, sums);
    b.setInsertionPointToStart(branch.thenBlock());
    emit(groups, count, sums);
    scf::YieldOp::create(b, sums);
    sums.assign(branch.getResults().begin(), branch.getResults().end());
  }
  return sums;
}

Index ContractionEmitter::stepOffset(Index step) {
  if (c.innerSteps <= 1)
    return b.mul(step, c.lhsOuter);
  return b.add(b.mul(b.div(step, c.innerSteps), c.lhsOuter),
               b.mul(b.rem(step, b.fixed(c.innerSteps)), c.lhsInner));
}

Index ContractionEmitter::leftOf(const PixelTile &tile) {
  Index at = b.add(c.lhsBase, b.mul(tile.batch, c.lhsBatch));
  return b.add(at, b.add(b.mul(tile.y, c.lhsRow), b.mul(tile.x, c.lhsColumn)));
}

SmallVector<Index> ContractionEmitter::pixelOffsets(const PixelTile &tile) {
  SmallVector<Index> offsets;
  for (int64_t row = 0; row < tile.rows; ++row)
    for (int64_t column = 0; column < tile.columns; ++column)
      offsets.push_back(
          b.add(b.mul(c.lhsRow, row), b.mul(c.lhsColumn, column)));
  return offsets;
}

Index ContractionEmitter::rightOf(Index batch, ChannelTile channels) {
  Index at = b.add(c.rhsBase, b.mul(batch, c.rhsBatch));
  if (!c.packed)
    return b.add(at, channels.first);
  at = b.add(at, b.mul(b.div(channels.first, form.width), c.rhsPanel));
  return b.add(at,
               b.mul(b.rem(channels.first, b.fixed(form.width)), form.group));
}

void ContractionEmitter::emitTile(const PixelTile &tile, ChannelTile channels) {
  Index lhsAt = leftOf(tile), rhsAt = rightOf(tile.batch, channels);
  SmallVector<Index> pixels = pixelOffsets(tile);
  SmallVector<Value> sums = firstSums(pixels.size(), channels);
  ahead = nextChannels(tile, channels);
  bool widens = widened && pixels.size() > 1;
  if (widens)
    widened->fill(blocks->last(b), lhsAt, pixels,
                  [&](Index step) { return stepOffset(step); });
  auto addStep = [&](Index step, ValueRange before) {
    Index rhsStep = b.add(rhsAt, b.mul(step, c.rhsOuter));
    return widens ? emitWidenedRun(step, rhsStep, channels, before)
                  : emitRun(b.add(lhsAt, stepOffset(step)), rhsStep, pixels,
                            channels, before);
  };
  if (c.outer == 1) {
    sums = addStep(b.fixed(0), sums);
  } else {
    auto loop =
        scf::ForOp::create(b, b.value(b.fixed(0)), b.value(b.fixed(c.outer)),
                           b.value(b.fixed(1)), sums);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    scf::YieldOp::create(
        b, addStep(loop.getInductionVar(), loop.getRegionIterArgs()));
    sums = SmallVector<Value>(loop.getResults());
  }
  storeTile(sums, tile, channels);
}

void ashlar::emitContraction(IndexArithmetic &b,
                             const RowContraction &contraction,
                             const DotProduct &product,
                             const RowSchedule &schedule, Epilogue &epilogue) {
  ContractionEmitter(b, contraction, product, schedule, epilogue).emitGrid();
}
