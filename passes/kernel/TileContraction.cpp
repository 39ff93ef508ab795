//===- TileContraction.cpp - contractions in tile registers ---------------===//
//
// A task goes over blocks of the output. The sums of a block stay in tile
// registers over the whole reduction, then go to a scratch in the first-level
// cache; what is done with them (the epilogue, in vectors) happens between the
// tile products of the next block, where it costs nothing. Blocks overlap: the
// last products of one are followed by the loads for the first of the next,
// each of which takes the place of a sum as soon as that is stored.
//
// Ragged sizes need no code of their own: the last tiles of a row, and the last
// tiles and panels of all, reach back over what was computed before, and store
// only what is new. Of narrow images a tile has several rows, and what lies
// between them is computed and left.
//
//===----------------------------------------------------------------------===//
#include "passes/kernel/TaskShares.h"
#include "passes/kernel/TileEmitter.h"

#include "llvm/Support/MathExtras.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace ashlar;

using Index = OpFoldResult;

void TileEmitter::emitGrid() {
  tilesInRow = b.ceilDiv(c.columns, s.pixels);
  tilesInImage = b.mul(b.ceilDiv(c.rows, s.imageRows), tilesInRow);
  tileCount = s.joinsImages ? b.mul(c.batches, tilesInImage) : tilesInImage;
  Index batches = s.joinsImages ? b.fixed(1) : c.batches;
  results = s.imageRows > 1 ? b.mul(c.columns, s.imageRows) : s.pixels;
  panelCount = b.ceilDiv(c.channels, kTileColumns);
  Index bands = s.bands ? b.fixed(s.bands) : b.ceilDiv(tileCount, s.band);
  Index chunks = s.chunks ? b.fixed(s.chunks) : b.ceilDiv(panelCount, s.chunk);
  share = batchesOfTask(b, batches, b.mul(bands, chunks));
  Index parts = b.ceilDiv(batches, share);
  auto grid =
      tile::GridOp::create(b, b.value(b.mul(b.mul(parts, bands), chunks)));
  OpBuilder::InsertionGuard guard(b);
  taskBlock = &grid.getBody().front();
  b.setInsertionPointToStart(taskBlock);
  // What a task goes over again is still near in the next one.
  SmallVector<Index> place =
      s.panelsOutside ? b.delinearize(grid.getTask(), {chunks, bands, parts})
                      : b.delinearize(grid.getTask(), {bands, chunks, parts});
  Index chunk = place[s.panelsOutside ? 0 : 1];
  Index band = place[s.panelsOutside ? 1 : 0];
  batch = b.mul(place[2], share);
  std::tie(tileLow, tileHigh) =
      shareOf(band, bands, tileCount, s.bands ? s.tiles : s.band, s.bands);
  std::tie(panelLow, panelHigh) = shareOf(
      chunk, chunks, panelCount, s.chunks ? s.panels : s.chunk, s.chunks);
  emitTask();
}

/// Part `part` of `count` tiles or panels: as even as blocks of `size` allow,
/// or `size` each.
std::pair<Index, Index> TileEmitter::shareOf(Index part, Index parts,
                                             Index count, int64_t size,
                                             bool even) {
  if (b.known(parts) == 1)
    return {b.fixed(0), count};
  Index pieces = b.ceilDiv(count, size);
  auto edge = [&](Index at) {
    return b.mul(even ? firstPiece(b, at, pieces, parts) : at, size);
  };
  return {edge(part), b.min(edge(b.add(part, 1)), count)};
}

void TileEmitter::emitTask() {
  if (isShort() && c.element.isInteger(8) &&
      isMultiple(c.channels, kTileColumns))
    bias = epilogue.startFromBias();
  auto sums = MemRefType::get({s.tiles * s.panels * kTileRows * kTileColumns},
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
  rightPitch = bytes(b.fixed(kTileColumns * form.group));
  scratchPitch =
      arith::ConstantIntOp::create(b, kTileColumns * kTileSumBytes, 64);
  if (bias)
    samePlace = arith::ConstantIntOp::create(b, /*value=*/0, /*width=*/64);

  int64_t blockBytes = s.block * form.bytes;
  SmallVector<AmxTiles::Shape> shapes(8, {b.fixed(1), 4});
  for (int64_t sum = 0; sum < s.tiles * s.panels; ++sum)
    shapes[sum] = {s.pixels, kTileColumns * kTileSumBytes};
  for (int64_t m = 0; m < s.tiles; ++m)
    shapes[leftTile(m)] = {s.pixels, blockBytes};
  for (int64_t n = 0; n < s.panels; ++n)
    shapes[rightTile(n)] = {b.fixed(s.block / form.group),
                            kTileColumns * form.group * form.bytes};
  amx.configure(taskBlock, shapes);
  if (b.known(share) == 1) {
    emitBlocks();
  } else {
    Index first = batch;
    b.forLoop(first, b.min(b.add(first, share), c.batches), 1,
              [&](Index number) {
                batch = number;
                emitBlocks();
              });
  }
  amx.release();
}

/// The blocks that follow on each other, through both loops: what the last one
/// was, and where the operands of the one at hand begin.
void TileEmitter::emitBlocks() {
  Index tileBlocks = b.ceilDiv(b.sub(tileHigh, tileLow), s.tiles);
  Index panelBlocks = b.ceilDiv(b.sub(panelHigh, panelLow), s.panels);
  Index outerCount = s.panelsOutside ? panelBlocks : tileBlocks;
  Index innerCount = s.panelsOutside ? tileBlocks : panelBlocks;
  Value zero = b.value(b.fixed(0)), one = b.value(b.fixed(1));
  // No rows await the epilogue yet.
  SmallVector<Value> first{b.value(tileLow), b.value(panelLow), zero};
  TileOperands operands = operandsOf({tileLow, panelLow});
  if (loadsAhead())
    emitLoads(operands);
  operands.appendTo(b, first);
  auto outer = scf::ForOp::create(b, zero, b.value(outerCount), one, first);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(outer.getBody());
    auto inner = scf::ForOp::create(b, zero, b.value(innerCount), one,
                                    outer.getRegionIterArgs());
    scf::YieldOp::create(b, inner.getResults());
    b.setInsertionPointToStart(inner.getBody());
    Index i = outer.getInductionVar(), j = inner.getInductionVar();
    tileBlock = s.panelsOutside ? j : i;
    panelBlock = s.panelsOutside ? i : j;
    ValueRange carried = inner.getRegionIterArgs();
    TileBlock block = blockAt(i, j);
    TileOperands next = operandsOf(blockBehind(i, j, outerCount, innerCount));
    emitBlock(block, operands.replaced(carried.drop_front(3)), next,
              {carried[0], carried[1]}, carried[2]);
    SmallVector<Value> yielded{b.value(block.tile), b.value(block.panel),
                               b.value(results)};
    next.appendTo(b, yielded);
    scf::YieldOp::create(b, yielded);
  }
  for (int64_t sum = 0; sum < s.tiles * s.panels; ++sum)
    storeSum(sum);
  TileBlock last{outer.getResult(0), outer.getResult(1)};
  SmallVector<TilePixels> tiles = tilesOf(last);
  SmallVector<ChannelPanel> panels = panelsOf(last);
  b.forLoop(b.fixed(0), outer.getResult(2), 1,
            [&](Index row) { emitRow(tiles, panels, row); });
}

TileBlock TileEmitter::blockAt(Index outer, Index inner) {
  Index m = s.panelsOutside ? inner : outer;
  Index n = s.panelsOutside ? outer : inner;
  return {b.add(tileLow, b.mul(m, s.tiles)),
          b.add(panelLow, b.mul(n, s.panels))};
}

/// The block that comes next; behind the last one, that one again.
TileBlock TileEmitter::blockBehind(Index outer, Index inner, Index outerCount,
                                   Index innerCount) {
  Index further = b.add(inner, 1);
  if (b.known(innerCount) == 1)
    return blockAt(b.min(b.add(outer, 1), b.sub(outerCount, b.fixed(1))),
                   inner);
  Value ends = compare(arith::CmpIPredicate::eq, further, innerCount);
  if (b.known(outerCount) == 1)
    return blockAt(outer, select(ends, inner, further));
  Index nextOuter = b.add(outer, 1);
  Value isLast = arith::AndIOp::create(
      b, ends, compare(arith::CmpIPredicate::eq, nextOuter, outerCount));
  Value nextInner = select(ends, b.fixed(0), further);
  return blockAt(select(isLast, outer, select(ends, nextOuter, outer)),
                 select(isLast, inner, nextInner));
}

/// The last block may begin before its place, so that it is whole: what is not
/// new there is not stored again.
SmallVector<BlockMember> TileEmitter::membersOf(Index begin, Index high,
                                                Index count, int64_t size) {
  bool exact = isMultiple(count, size);
  Index first = begin;
  if (!exact) {
    Value last = b.value(b.sub(count, b.fixed(size)));
    Value start = arith::MaxSIOp::create(b, last, b.value(b.fixed(0)));
    first = b.min(first, start);
  }
  SmallVector<BlockMember> members;
  for (int64_t i = 0; i < size; ++i) {
    Index number = b.add(first, i);
    BlockMember member{number, number, Value()};
    if (!exact) {
      member.inside = b.min(number, b.sub(count, b.fixed(1)));
      member.isNew = arith::AndIOp::create(
          b, compare(arith::CmpIPredicate::sge, number, begin),
          compare(arith::CmpIPredicate::slt, number, high));
    }
    members.push_back(member);
  }
  return members;
}

SmallVector<TilePixels> TileEmitter::tilesOf(TileBlock block) {
  bool wholeRows =
      b.known(s.pixels) && isMultiple(c.columns, *b.known(s.pixels));
  bool flat = b.known(c.rows) == 1;
  SmallVector<TilePixels> tiles;
  for (const BlockMember &member :
       membersOf(block.tile, tileHigh, tileCount, s.tiles)) {
    Index image = batch, inImage = member.inside;
    if (s.joinsImages) {
      image = b.div(member.inside, tilesInImage);
      inImage = b.rem(member.inside, tilesInImage);
    }
    Index y = flat ? b.fixed(0) : b.div(inImage, tilesInRow);
    Index place = flat ? inImage : b.rem(inImage, tilesInRow);
    Index nominal = b.mul(place, s.pixels);
    TilePixels tile{image, y, nominal, b.fixed(0)};
    if (s.imageRows > 1) {
      Index first = b.mul(y, s.imageRows);
      tile.x = b.fixed(0);
      tile.y = b.min(first, b.sub(c.rows, b.fixed(s.imageRows)));
      if (!isMultiple(c.rows, s.imageRows))
        tile.storedFrom = b.mul(b.sub(first, tile.y), c.columns);
    } else if (!wholeRows) {
      tile.x = b.min(nominal, b.sub(c.columns, s.pixels));
      tile.storedFrom = b.sub(nominal, tile.x);
    }
    if (member.isNew)
      tile.storedFrom = select(member.isNew, tile.storedFrom, results);
    tiles.push_back(tile);
  }
  return tiles;
}

SmallVector<ChannelPanel> TileEmitter::panelsOf(TileBlock block) {
  SmallVector<ChannelPanel> panels;
  for (const BlockMember &member :
       membersOf(block.panel, panelHigh, panelCount, s.panels)) {
    ChannelPanel panel{member.inside, b.fixed(kTileColumns), member.isNew};
    if (!isMultiple(c.channels, kTileColumns))
      panel.channels =
          b.min(b.sub(c.channels, b.mul(member.inside, kTileColumns)),
                b.fixed(kTileColumns));
    panels.push_back(panel);
  }
  return panels;
}

/// The epilogue of the previous block goes in slices behind the steps; with one
/// step, that of each tile behind the products of the same tile.
void TileEmitter::emitBlock(TileBlock block, const TileOperands &operands,
                            const TileOperands &next, TileBlock previous,
                            Value previousRows) {
  SmallVector<TilePixels> tiles = tilesOf(previous);
  SmallVector<ChannelPanel> panels = panelsOf(previous);
  if (goesByTile()) {
    emitReduction(block, operands, next, [&](Index tile) {
      emitTileRows(tiles, panels, *b.known(tile), previousRows);
    });
    return;
  }
  int64_t rows = b.known(results).value_or(kTileRows);
  int64_t first = firstSliceStep(), slices = steps() - 2 * first;
  int64_t rowsASlice = llvm::divideCeil(rows, slices);
  emitReduction(block, operands, next, [&](Index step) {
    Index low = b.mul(b.sub(step, b.fixed(first)), rowsASlice);
    if (rowsASlice == 1) {
      Value waits = compare(arith::CmpIPredicate::slt, low, previousRows);
      auto branch = scf::IfOp::create(b, waits, /*withElseRegion=*/false);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(branch.thenBlock());
      emitRow(tiles, panels, low);
      return;
    }
    b.forLoop(low, b.min(b.add(low, rowsASlice), previousRows), 1,
              [&](Index row) { emitRow(tiles, panels, row); });
  });
}

void TileEmitter::storeSum(int64_t sum) {
  amx.store(sum,
            amx.address(scratch, b.fixed(sum * kTileRows * kTileColumns),
                        kTileSumBytes),
            scratchPitch);
}

SmallVector<PlacedSums> TileEmitter::sumsOfRow(ArrayRef<TilePixels> tiles,
                                               ArrayRef<ChannelPanel> panels,
                                               int64_t m, Index row) {
  auto type = VectorType::get({kTileColumns}, nn::accumulatorType(c.element));
  const TilePixels &tile = tiles[m];
  // Where the row's sums are in a tile, and which pixel that is.
  Index inTile = row, y = b.fixed(0), x = row;
  if (s.imageRows > 1) {
    y = b.div(row, c.columns), x = b.rem(row, c.columns);
    inTile = b.add(b.mul(y, s.rowPitch), x);
  }
  Value rowIsNew;
  if (b.known(tile.storedFrom) != 0)
    rowIsNew = compare(arith::CmpIPredicate::sge, row, tile.storedFrom);
  SmallVector<PlacedSums> all;
  for (auto [n, panel] : llvm::enumerate(panels)) {
    Index at = b.add(b.mul(inTile, kTileColumns),
                     (m * panels.size() + n) * kTileRows * kTileColumns);
    Value sums =
        vector::LoadOp::create(b, type, scratch, ValueRange{b.value(at)});
    Index channel = b.add(c.firstChannel, b.mul(panel.number, kTileColumns));
    PlacedSums placed{sums,
                      {tile.image, b.add(tile.y, y), b.add(tile.x, x), channel},
                      panel.channels};
    placed.isNew = rowIsNew;
    if (panel.isNew)
      placed.isNew =
          rowIsNew ? Value(arith::AndIOp::create(b, rowIsNew, panel.isNew))
                   : panel.isNew;
    // A known number of channels: the panels are neighbours.
    if (n + 1 < panels.size() && b.known(panel.channels) == kTileColumns)
      placed.next = PlacedSums::Next::Channels;
    all.push_back(placed);
  }
  return all;
}

void TileEmitter::emitRow(ArrayRef<TilePixels> tiles,
                          ArrayRef<ChannelPanel> panels, Index row) {
  SmallVector<PlacedSums> all;
  for (size_t m = 0; m < tiles.size(); ++m)
    all.append(sumsOfRow(tiles, panels, m, row));
  epilogue.store(b, all);
}

void TileEmitter::emitTileRows(ArrayRef<TilePixels> tiles,
                               ArrayRef<ChannelPanel> panels, int64_t m,
                               Index rows) {
  int64_t together = s.tiles;
  b.forLoop(b.fixed(0), rows, together, [&](Index row) {
    SmallVector<PlacedSums> all;
    for (int64_t i = 0; i < together; ++i)
      all.append(sumsOfRow(tiles, panels, m, b.add(row, i)));
    epilogue.store(b, all);
  });
}

void ashlar::emitTileContraction(IndexArithmetic &b,
                                 const RowContraction &contraction,
                                 const TileSchedule &schedule,
                                 Epilogue &epilogue) {
  TileEmitter(b, contraction, schedule, epilogue).emitGrid();
}
