//===- RowSchedule.cpp - sizes of register tiles and blocks ---------------===//
#include "llvm/Support/MathExtras.h"

#include "passes/kernel/TaskShares.h"
#include "passes/kernel/WidenedRight.h"

using namespace mlir;
using namespace ashlar;

namespace {

/// Left-hand bytes that a task goes over again for every tile of channels.
constexpr int64_t kBandBytes = 256 << 10;
/// The same where the right side is large, as those of matrices are more often:
/// it is read again for every band.
constexpr int64_t kMatrixBandBytes = 1 << 20;
/// Tasks to aim at, so that a few workers can be kept busy.
constexpr int64_t kMinimumTasks = 8;

int64_t knownOr(OpFoldResult index, int64_t otherwise) {
  return getConstantIntValue(index).value_or(otherwise);
}

/// Splits `total` into equal parts of at most `most`.
int64_t evenPart(int64_t total, int64_t most) {
  return llvm::divideCeil(total, llvm::divideCeil(total, most));
}

/// Sizes that are not known count as a few of them.
class ScheduleChooser {
public:
  ScheduleChooser(const RowContraction &contraction, const DotProduct &product,
                  tile::TargetAttr target);
  RowSchedule choose();

private:
  void chooseRegisterTile();
  /// Rows and columns of pixels of a register tile of at most `most` pixels.
  void cutPixels(int64_t most);
  /// Pixels of a register tile.
  int64_t pixelsThatFit() const;
  /// Tiles of channels that may be done together with both sides widened; none
  /// if that cannot be.
  int64_t tilesTogether() const;
  /// Bands and chunks that stay in the caches.
  void chooseBlocks();
  /// More and smaller tasks, cut where more bytes lie.
  void cutTasks();
  bool cutsChannels() const;
  /// Half of `band`, in whole tiles; false if it is one already.
  static bool halve(int64_t &band, int64_t total, int64_t tile);
  /// Tasks of equal size, as far as whole tiles allow.
  void shareEvenly();

  bool isFlat() const { return rows == 1; }
  int64_t tile() const { return isFlat() ? s.tileColumns : s.tileRows; }
  int64_t &band() { return isFlat() ? s.bandColumns : s.bandRows; }
  /// Of the axis that bands are cut from.
  int64_t total() const {
    return std::max<int64_t>(isFlat() ? columns : rows, 1);
  }
  int64_t channelTiles() const {
    return llvm::divideCeil(channels, s.vectors * s.lanes);
  }
  int64_t tileBytes() const { return reduction * s.vectors * s.lanes * bytes; }

  const RowContraction &c;
  const DotProduct &product;
  tile::TargetAttr target;
  int64_t bytes; // of an element
  int64_t rows, columns, channels, batches, reduction;
  int64_t columnBytes, rowBytes; // on the left
  RowSchedule s;
};

ScheduleChooser::ScheduleChooser(const RowContraction &contraction,
                                 const DotProduct &product,
                                 tile::TargetAttr target)
    : c(contraction), product(product), target(target),
      bytes(nn::PanelForm::of(c.element).bytes), rows(knownOr(c.rows, 0)),
      columns(knownOr(c.columns, 0)), channels(knownOr(c.channels, 256)),
      batches(knownOr(c.batches, 1)), reduction(c.outer * knownOr(c.run, 256)),
      columnBytes(knownOr(c.lhsColumn, reduction) * bytes),
      rowBytes(knownOr(c.lhsRow, 0) * bytes) {
  s.lanes = product.lanes();
}

RowSchedule ScheduleChooser::choose() {
  chooseRegisterTile();
  chooseBlocks();
  cutTasks();
  s.together = s.widensBoth ? std::min(s.chunk, tilesTogether()) : 1;
  // Widening has its own price for smaller tasks.
  if (!s.widensBoth)
    shareEvenly();
  return s;
}

void ScheduleChooser::cutPixels(int64_t most) {
  s.tileRows = 1;
  if (columns <= 0) {
    s.tileColumns = most;
  } else if (columns * 2 <= most && rows > 1) {
    s.tileColumns = columns;
    s.tileRows = std::min(rows, most / columns);
  } else {
    s.tileColumns = evenPart(columns, most);
  }
}

int64_t ScheduleChooser::pixelsThatFit() const {
  int64_t registers = target.getVectorRegisters();
  int64_t operand = s.widensBoth ? 1 : product.operandRegisters();
  int64_t taken = (s.vectors + 1) * operand + 1;
  // Sums that are spilled in so short a loop wait for each other: one register
  // to spare.
  taken += s.widensBoth;
  // With one vector each broadcast serves one product. Instruction scheduling
  // puts all of them before the products, and they must not spill the sums.
  if (s.vectors == 1)
    return std::max<int64_t>((registers - taken) / (1 + operand), 1);
  return std::max<int64_t>((registers - taken) / s.vectors, 1);
}

int64_t ScheduleChooser::tilesTogether() const {
  auto run = getConstantIntValue(c.run);
  if (!product.widensBytes() || !run)
    return 0;
  int64_t width = s.vectors * s.lanes;
  int64_t most = std::max<int64_t>(WidenedRight::kColumns / width, 1);
  if (c.outer == 1)
    return most;
  // Blocks of the reduction have whole steps.
  int64_t groups = llvm::divideCeil(*run, ReductionBlocks::kGroup);
  return std::min(most, WidenedRight::mostGroups(product, s.vectors) / groups);
}

void ScheduleChooser::chooseRegisterTile() {
  // Two vectors of the right side and a broadcast need registers, too.
  int64_t accumulators = target.getVectorRegisters() == 32 ? 28 : 12;
  bool known = rows > 0 && columns > 0;
  int64_t channelVectors = llvm::divideCeil(channels, s.lanes);
  s.vectors = channelVectors > 1 ? 2 : 1;
  s.widensBoth = tilesTogether() > 0 && known &&
                 rows * columns >= WidenedRight::kLeastPixels;
  int64_t most = pixelsThatFit();
  if (known && rows * columns < most) {
    // Few rows: more channels at once, to have enough independent sums.
    most = rows * columns;
    while (s.vectors * 2 * most <= accumulators && s.vectors * 2 <= 8 &&
           s.vectors < channelVectors)
      s.vectors *= 2;
  }
  cutPixels(most);
}

void ScheduleChooser::chooseBlocks() {
  int64_t l1 = target.getL1Bytes(), l2 = target.getL2Bytes();
  s.nextIntoL1 = tileBytes() * 3 <= l1 || tileBytes() > l1;
  s.chunk = channelTiles();
  if (channelTiles() * tileBytes() > l2 / 2)
    s.chunk = std::max<int64_t>(1, l2 / 4 / tileBytes());
  bool large = isFlat() || channelTiles() * tileBytes() > l2;
  int64_t most = large ? kMatrixBandBytes : kBandBytes;
  int64_t pieceBytes = std::max<int64_t>(isFlat() ? columnBytes : rowBytes, 1);
  s.bandRows = 1;
  s.bandColumns = std::max<int64_t>(columns, 1);
  band() = llvm::alignTo(std::max<int64_t>(most / pieceBytes, 1), tile());
}

bool ScheduleChooser::cutsChannels() const {
  if (s.chunk <= 1)
    return false;
  if (!s.widensBoth) {
    int64_t leftBytes = isFlat() ? columns * columnBytes : rows * rowBytes;
    return channelTiles() * tileBytes() > leftBytes;
  }
  // The left side is widened for every few tiles of channels, the right side
  // for every band: what that takes, in the time of a product of one pixel with
  // one tile.
  auto widening = [&](int64_t bandPixels, int64_t chunk) {
    constexpr double kLeft = 0.2, kRight = 1.75;
    return kLeft / double(std::min(chunk, tilesTogether())) +
           kRight / double(bandPixels);
  };
  int64_t pixels = isFlat() ? std::min(s.bandColumns, columns)
                            : std::min(s.bandRows, rows) * columns;
  return widening(pixels, llvm::divideCeil(s.chunk, 2)) <
         widening(llvm::divideCeil(pixels, 2), s.chunk);
}

bool ScheduleChooser::halve(int64_t &band, int64_t total, int64_t tile) {
  if (band <= tile)
    return false;
  band = llvm::alignTo(llvm::divideCeil(std::min(band, total), 2), tile);
  return true;
}

void ScheduleChooser::cutTasks() {
  for (int attempt = 0; attempt < 8; ++attempt) {
    int64_t bands = llvm::divideCeil(total(), band());
    int64_t chunks = llvm::divideCeil(channelTiles(), s.chunk);
    if (batches * bands * chunks >= kMinimumTasks)
      return;
    if (!cutsChannels() && halve(band(), total(), tile()))
      continue;
    if (s.chunk <= 1)
      return;
    s.chunk = llvm::divideCeil(s.chunk, 2);
  }
}

void ScheduleChooser::shareEvenly() {
  if (!getConstantIntValue(c.rows) || !getConstantIntValue(c.columns) ||
      !getConstantIntValue(c.channels))
    return;
  int64_t extent = isFlat() ? columns : rows;
  TaskAxis down{int64_t(llvm::divideCeil(extent, tile())),
                int64_t(llvm::divideCeil(extent, band()))};
  TaskAxis across{channelTiles(),
                  int64_t(llvm::divideCeil(channelTiles(), s.chunk))};
  evenTasks(batches, batches * rows * columns * channels * reduction, down,
            across);
  s.bands = down.parts;
  s.chunks = across.parts;
}

} // namespace

RowSchedule RowSchedule::choose(const RowContraction &contraction,
                                const DotProduct &product,
                                tile::TargetAttr target) {
  return ScheduleChooser(contraction, product, target).choose();
}

OpFoldResult ashlar::batchesOfTask(IndexArithmetic &b, OpFoldResult batches,
                                   OpFoldResult tasksOfBatch) {
  // Enough tasks for the workers that there may be.
  constexpr int64_t kTasks = 16;
  if (b.known(tasksOfBatch) != 1)
    return b.fixed(1);
  OpFoldResult share = b.ceilDiv(batches, kTasks);
  if (auto known = b.known(share))
    return b.fixed(std::max<int64_t>(*known, 1));
  return arith::MaxSIOp::create(b, b.value(share), b.value(b.fixed(1)))
      .getResult();
}
