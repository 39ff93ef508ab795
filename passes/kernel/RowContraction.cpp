//===- RowContraction.cpp - register-tiled loops --------------------------===//
#include "passes/kernel/RowContraction.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "passes/kernel/WidenedLeft.h"

using namespace mlir;
using namespace ashlar;

namespace {

using Index = OpFoldResult;

/// The channels of one register tile.
struct ChannelTile {
  Index first; // within the group
  int64_t vectors;
  Index count; // channels that exist
};

class ContractionEmitter {
public:
  ContractionEmitter(IndexArithmetic &b, const RowContraction &contraction,
                     const DotProduct &product, const RowSchedule &schedule,
                     Epilogue &epilogue)
      : b(b), c(contraction), product(product), s(schedule), epilogue(epilogue),
        form(nn::PanelForm::of(contraction.element)) {}

  void emitGrid();

private:
  using Body = llvm::function_ref<void(Index position, int64_t size)>;

  /// Covers [low, high) by pieces of the sizes given, largest first. Where the
  /// extent is known, by pieces of the first size and one rest.
  void emitRange(Index low, Index high, ArrayRef<int64_t> sizes, Body body);
  void emitChannels(Index low, Index high,
                    llvm::function_ref<void(ChannelTile)> body);
  /// The channels from `first` on, which fill no tile.
  void emitRest(Index first, llvm::function_ref<void(ChannelTile)> body);
  void emitBand(Index batch, Index band, ChannelTile channels);
  void emitTile(Index batch, Index y, Index x, int64_t tileRows,
                int64_t tileColumns, ChannelTile channels);
  /// Where reduction step r begins on the left.
  Index stepOffset(Index step);
  /// One reduction step r: adds its run to the accumulators.
  SmallVector<Value> emitRun(Index lhsAt, Index rhsAt,
                             ArrayRef<Index> pixelOffsets, ChannelTile channels,
                             ValueRange accumulators);
  /// The same with the left side widened.
  SmallVector<Value> emitWidenedRun(Index step, Index rhsAt,
                                    ChannelTile channels,
                                    ValueRange accumulators);
  using LoadLeft = llvm::function_ref<DotProduct::Operand(int64_t pixel)>;
  /// Adds one group of a run.
  void emitGroup(LoadLeft loadLeft, Index rhsK, ChannelTile channels,
                 MutableArrayRef<Value> sums);
  /// The biases or zero for every vector of a tile.
  SmallVector<Value> firstSums(int64_t pixels, ChannelTile channels);
  /// Stores the sums of neighbouring pixels of a row.
  void storePixels(ArrayRef<Value> sums, const OutputPosition &first,
                   ChannelTile channels);
  /// Stores all sums of a tile with one copy of the epilogue.
  void storeInLoop(ArrayRef<Value> sums, const OutputPosition &tile,
                   int64_t tileColumns, ChannelTile channels);
  Index rhsOffset(int64_t vector);
  /// Sizes for emitRange over `total`, cut into bands of a multiple of `size`.
  SmallVector<int64_t> pieceSizes(Index total, int64_t size);

  IndexArithmetic &b;
  const RowContraction &c;
  const DotProduct &product;
  const RowSchedule &s;
  Epilogue &epilogue;
  nn::PanelForm form;
  Block *taskBlock = nullptr;
  std::optional<WidenedLeft> widened;
};

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
  b.forLoop(low, fullEnd, 1, [&](Index tile) {
    body({b.mul(tile, width), s.vectors, b.fixed(width)});
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
          b.fixed(rest)});
    return;
  }
  b.forLoop(first, c.channels, s.lanes, [&](Index channel) {
    body({channel, 1, b.min(b.sub(c.channels, channel), b.fixed(s.lanes))});
  });
}

void ContractionEmitter::emitGrid() {
  Index tiles = b.ceilDiv(c.channels, s.vectors * s.lanes);
  Index chunks = b.ceilDiv(tiles, s.chunk);
  bool flat = b.known(c.rows) == 1;
  Index bands = flat ? b.ceilDiv(c.columns, s.bandColumns)
                     : b.ceilDiv(c.rows, s.bandRows);
  Index share = batchesOfTask(b, c.batches, b.mul(bands, chunks));
  Index parts = b.ceilDiv(c.batches, share);
  auto grid =
      tile::GridOp::create(b, b.value(b.mul(b.mul(parts, bands), chunks)));
  OpBuilder::InsertionGuard guard(b);
  taskBlock = &grid.getBody().front();
  b.setInsertionPointToStart(taskBlock);
  int64_t pixels = s.tileRows * s.tileColumns;
  if (WidenedLeft::serves(b, c, product, pixels))
    widened.emplace(b, c, product, *taskBlock, pixels);
  SmallVector<Index> place =
      b.delinearize(grid.getTask(), {chunks, bands, parts});
  Index chunk = place[0], band = place[1];
  Index low = b.mul(chunk, s.chunk);
  Index high = b.known(chunks) == 1 ? tiles : b.min(b.add(low, s.chunk), tiles);
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
  bool single = b.known(total) && *b.known(total) <= extent;
  Index low = single ? b.fixed(0) : b.mul(band, extent);
  Index high = single ? total : b.min(b.add(low, extent), total);
  if (flat) {
    emitRange(low, high, pieceSizes(total, s.tileColumns),
              [&](Index x, int64_t size) {
                emitTile(batch, b.fixed(0), x, 1, size, channels);
              });
    return;
  }
  emitRange(
      low, high, pieceSizes(total, s.tileRows), [&](Index y, int64_t tileRows) {
        emitRange(b.fixed(0), c.columns, pieceSizes(c.columns, s.tileColumns),
                  [&](Index x, int64_t size) {
                    emitTile(batch, y, x, tileRows, size, channels);
                  });
      });
}

Index ContractionEmitter::rhsOffset(int64_t vector) {
  int64_t at = vector * s.lanes;
  if (!c.packed)
    return b.fixed(at);
  return b.add(b.mul(c.rhsPanel, at / form.width),
               at % form.width * form.group);
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
  Index group = loop.getInductionVar();
  emitGroup([&](int64_t pixel) { return widened->load(pixel, step, group); },
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

void ContractionEmitter::emitTile(Index batch, Index y, Index x,
                                  int64_t tileRows, int64_t tileColumns,
                                  ChannelTile channels) {
  Index lhsAt = b.add(c.lhsBase, b.mul(batch, c.lhsBatch));
  lhsAt = b.add(lhsAt, b.add(b.mul(y, c.lhsRow), b.mul(x, c.lhsColumn)));
  Index rhsAt = b.add(c.rhsBase, b.mul(batch, c.rhsBatch));
  if (c.packed) {
    rhsAt = b.add(rhsAt, b.mul(b.div(channels.first, form.width), c.rhsPanel));
    rhsAt = b.add(
        rhsAt, b.mul(b.rem(channels.first, b.fixed(form.width)), form.group));
  } else {
    rhsAt = b.add(rhsAt, channels.first);
  }
  SmallVector<Index> pixels;
  for (int64_t row = 0; row < tileRows; ++row)
    for (int64_t column = 0; column < tileColumns; ++column)
      pixels.push_back(b.add(b.mul(c.lhsRow, row), b.mul(c.lhsColumn, column)));

  SmallVector<Value> sums = firstSums(pixels.size(), channels);
  bool widens = widened && pixels.size() > 1;
  if (widens)
    widened->fill(lhsAt, pixels, [&](Index step) { return stepOffset(step); });
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

  OutputPosition first{batch, y, x, b.add(c.firstChannel, channels.first)};
  if (epilogue.isLong())
    return storeInLoop(sums, first, tileColumns, channels);
  ArrayRef<Value> rest = sums;
  for (int64_t row = 0; row < tileRows; ++row) {
    OutputPosition position = first;
    position.y = b.add(y, row);
    size_t size = tileColumns * channels.vectors;
    storePixels(rest.take_front(size), position, channels);
    rest = rest.drop_front(size);
  }
}

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

} // namespace

void ashlar::emitContraction(IndexArithmetic &b,
                             const RowContraction &contraction,
                             const DotProduct &product,
                             const RowSchedule &schedule, Epilogue &epilogue) {
  ContractionEmitter(b, contraction, product, schedule, epilogue).emitGrid();
}
