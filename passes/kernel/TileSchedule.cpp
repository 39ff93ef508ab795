//===- TileSchedule.cpp - how contractions are cut for AMX ----------------===//
#include "llvm/Support/MathExtras.h"

#include "passes/kernel/TaskShares.h"
#include "passes/kernel/TileContraction.h"

using namespace mlir;
using namespace ashlar;

namespace {

/// With fewer matrix rows vectors read the weights as fast as tiles would.
constexpr int64_t kFewRows = 3;
/// Up to so many tiles the weights bound the speed.
constexpr int64_t kFewTiles = 16;
constexpr int64_t kMinimumTasks = 8;

int64_t knownOr(OpFoldResult index, int64_t otherwise) {
  return getConstantIntValue(index).value_or(otherwise);
}

/// Equal parts of at most 16 pixels.
OpFoldResult tilePixels(IndexArithmetic &b, OpFoldResult columns) {
  if (auto known = b.known(columns))
    return b.fixed(
        llvm::divideCeil(*known, llvm::divideCeil(*known, kTileRows)));
  // At least one: a tile of no rows cannot be configured.
  Value some = arith::MaxSIOp::create(b, b.value(columns), b.value(b.fixed(1)));
  return b.min(some, b.fixed(kTileRows));
}

/// Several image rows in a tile where they are narrow: a tile of few rows takes
/// longer to load than to multiply, and more than half the time of a whole one.
void joinImageRows(TileSchedule &s, IndexArithmetic &b,
                   const RowContraction &c) {
  auto rows = b.known(c.rows), columns = b.known(c.columns),
       row = b.known(c.lhsRow), column = b.known(c.lhsColumn);
  if (!rows || !columns || !row || !column || *column <= 0 || *row % *column)
    return;
  int64_t pitch = *row / *column;
  if (pitch < *columns || *columns > kTileRows)
    return;
  int64_t fitting = std::min((kTileRows - *columns) / pitch + 1, *rows);
  if (fitting < 2)
    return;
  s.imageRows = fitting;
  s.rowPitch = pitch;
  s.pixels = b.fixed((fitting - 1) * pitch + *columns);
}

/// Cycles of the ports that load, for a tile of so many rows: a row that
/// reaches into another cache line takes three more.
double loadCycles(int64_t rows, int64_t rowBytes, bool isAligned) {
  double crossing = isAligned ? 0 : double(rowBytes - 1) / 64;
  return double(rows) * (0.5 + 3 * crossing);
}

/// Sums of 2 by 2 tiles, or up to four in a line where there are no two.
void chooseBlock(TileSchedule &s, int64_t tiles, int64_t panels) {
  s.tiles = tiles == 1 ? 1 : 2;
  s.panels = panels == 1 ? 1 : 2;
  if (panels == 1)
    s.tiles = std::min<int64_t>(tiles, 4);
  else if (tiles == 1)
    s.panels = std::min<int64_t>(panels, 4);
}

/// One tile with four panels, where rows of the left side lie across cache
/// lines and loading them would keep products waiting.
void loadFewerTiles(TileSchedule &s, const nn::PanelForm &form, int64_t pixels,
                    int64_t panels, int64_t pitchBytes) {
  if (s.tiles != 2 || s.panels != 2 || panels % 4 != 0 || pitchBytes % 64 == 0)
    return;
  double left = loadCycles(pixels, s.block * form.bytes, /*isAligned=*/false);
  double right = loadCycles(s.block / form.group, 64, /*isAligned=*/true);
  // The epilogue loads, too.
  double products = 4 * 0.75 * double(pixels);
  if (2 * left + 2 * right > products && right < left)
    s.tiles = 1, s.panels = 4;
}

void cutTasks(TileSchedule &s, int64_t tiles, int64_t panels, int64_t batches,
              int64_t tileBytes, int64_t panelBytes, int64_t l2Bytes) {
  s.band = llvm::alignTo(tiles, s.tiles);
  s.chunk = llvm::alignTo(panels, s.panels);
  // The weights of a model do not stay in the cache from call to call: with few
  // rows, they are read once, the next panels while these are multiplied.
  s.panelsOutside = tiles * tileBytes <= l2Bytes / 2 &&
                    (tiles <= kFewTiles || panels * panelBytes > l2Bytes / 2);
  if (!s.panelsOutside)
    while (s.chunk > s.panels && s.chunk * panelBytes > l2Bytes / 2)
      s.chunk = llvm::alignTo(llvm::divideCeil(s.chunk, 2), s.panels);
  // More and smaller tasks, cut where more bytes lie.
  while (batches * llvm::divideCeil(tiles, s.band) *
             llvm::divideCeil(panels, s.chunk) <
         kMinimumTasks) {
    bool cutPanels = s.chunk * panelBytes > s.band * tileBytes;
    if ((cutPanels || s.band <= s.tiles) && s.chunk > s.panels)
      s.chunk = llvm::alignTo(llvm::divideCeil(s.chunk, 2), s.panels);
    else if (s.band > s.tiles)
      s.band = llvm::alignTo(llvm::divideCeil(s.band, 2), s.tiles);
    else
      return;
  }
}

/// What an inner loop goes over again stays in the first-level cache, if it
/// fits, or as many of its tiles as do: the rest passes by. `leftBlock` is what
/// a block's tiles have in all, with a window over each other.
void chooseKept(TileSchedule &s, int64_t tileBytes, int64_t leftBlock,
                int64_t panelBytes, bool hasWindow, int64_t l1Bytes) {
  int64_t room = l1Bytes / 4 * 3, rightBlock = s.panels * panelBytes;
  int64_t swept = s.panelsOutside ? s.band * tileBytes : s.chunk * panelBytes;
  int64_t again = s.panelsOutside ? rightBlock : leftBlock;
  if (swept + again <= room)
    return;
  if (!s.panelsOutside) {
    s.keptPanels = 0;
    if (leftBlock > room && !hasWindow)
      s.keptTiles = room / tileBytes;
    return;
  }
  // A window reads its own image again.
  s.keptTiles = rightBlock > room && hasWindow ? s.tiles : 0;
  s.keptPanels = s.keptTiles ? 0 : room / panelBytes;
}

/// Tasks of equal size, as far as whole blocks allow.
void shareEvenly(TileSchedule &s, int64_t tiles, int64_t panels,
                 int64_t batches, int64_t products) {
  TaskAxis down{int64_t(llvm::divideCeil(tiles, s.tiles)),
                int64_t(llvm::divideCeil(tiles, s.band))};
  TaskAxis across{int64_t(llvm::divideCeil(panels, s.panels)),
                  int64_t(llvm::divideCeil(panels, s.chunk))};
  int64_t tileBlocks = down.pieces;
  // Each band more would read the weights once more.
  if (s.panelsOutside)
    down.pieces = down.parts;
  // Tiles multiply many times as fast as the vectors that tasks are sized for.
  evenTasks(batches, products / 8, down, across);
  s.bands = down.parts;
  s.chunks = across.parts;
  s.band = llvm::divideCeil(tileBlocks, down.parts) * s.tiles;
  s.chunk = llvm::divideCeil(across.pieces, across.parts) * s.panels;
}

} // namespace

std::optional<TileSchedule>
TileSchedule::choose(IndexArithmetic &b, const RowContraction &c,
                     tile::TargetAttr target, bool slack, StringRef &reason) {
  nn::PanelForm form = nn::PanelForm::of(c.element);
  if (!target.getAmx() || form.group == 1) {
    reason = target.getAmx() ? "no tiles for f32" : "the CPU has no AMX";
    return std::nullopt;
  }
  auto run = b.known(c.run);
  if (!run || !c.packed) {
    reason = "a reduction of unknown length";
    return std::nullopt;
  }
  TileSchedule s;
  s.block = form.blockLength(*run);
  s.blocks = llvm::divideCeil(*run, s.block);
  // What is read behind a row is multiplied by zero, which bf16 does not bear
  // (the product of zero and infinity).
  bool ragged = s.block * s.blocks != *run;
  if (ragged && (!slack || !c.element.isInteger(8))) {
    reason = "rows that fill no blocks of the reduction";
    return std::nullopt;
  }
  int64_t columns = knownOr(c.columns, 64), rows = knownOr(c.rows, 1);
  int64_t batches = knownOr(c.batches, 1);
  if (columns * rows <= kFewRows) {
    reason = "few rows: bound by reading the weights";
    return std::nullopt;
  }
  s.pixels = tilePixels(b, c.columns);
  joinImageRows(s, b, c);
  int64_t pixels = knownOr(s.pixels, kTileRows);
  int64_t tiles = s.imageRows > 1 ? llvm::divideCeil(rows, s.imageRows)
                                  : rows * llvm::divideCeil(columns, pixels);
  int64_t panels = llvm::divideCeil(knownOr(c.channels, 256), form.width);
  int64_t reduction = c.outer * s.blocks * s.block * form.bytes;
  // Weights that are not near any more when the next image comes.
  s.joinsImages = batches > 1 && b.known(c.rhsBatch) == 0 &&
                  b.known(c.columns) && b.known(c.rows) &&
                  panels * form.width * reduction > target.getL2Bytes() / 4;
  if (s.joinsImages)
    tiles *= batches, batches = 1;
  chooseBlock(s, tiles, panels);
  loadFewerTiles(s, form, pixels, panels, knownOr(c.lhsColumn, 0) * form.bytes);
  // Bytes of the image that a tile is the first to read.
  int64_t tileBytes =
      pixels *
      std::min(reduction, knownOr(c.lhsColumn, reduction) * form.bytes);
  cutTasks(s, tiles, panels, batches, tileBytes, form.width * reduction,
           target.getL2Bytes());
  if (b.known(c.columns) && b.known(c.rows) && b.known(c.channels))
    shareEvenly(s, tiles, panels, batches,
                batches * tiles * panels * pixels * form.width * c.outer *
                    *run);
  s.prefetchesTiles = !s.panelsOutside && c.outer == 1 &&
                      tiles * tileBytes + panels * form.width * reduction >
                          target.getL2Bytes() / 2;
  int64_t filterRows = c.outer / c.innerSteps;
  chooseKept(s, tileBytes,
             /*leftBlock=*/(s.tiles + filterRows - 1) * tileBytes,
             form.width * reduction, /*hasWindow=*/c.outer > 1,
             target.getL1Bytes());
  return s;
}
