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

/// Rows and columns of pixels of a register tile of at most `most` pixels.
void chooseTile(RowSchedule &schedule, int64_t rows, int64_t columns,
                int64_t most) {
  schedule.tileRows = 1;
  if (columns <= 0) {
    schedule.tileColumns = most;
  } else if (columns * 2 <= most && rows > 1) {
    schedule.tileColumns = columns;
    schedule.tileRows = std::min(rows, most / columns);
  } else {
    schedule.tileColumns = evenPart(columns, most);
  }
}

/// Pixels of a register tile with `vectors` vectors of channels.
int64_t pixelsThatFit(const DotProduct &product, tile::TargetAttr target,
                      int64_t vectors, bool widensBoth) {
  int64_t registers = target.getVectorRegisters();
  int64_t operand = widensBoth ? 1 : product.operandRegisters();
  int64_t taken = (vectors + 1) * operand + 1;
  // Sums that are spilled in so short a loop wait for each other: one register
  // to spare.
  taken += widensBoth;
  // With one vector each broadcast serves one product. Instruction scheduling
  // puts all of them before the products, and they must not spill the sums.
  if (vectors == 1)
    return std::max<int64_t>((registers - taken) / (1 + operand), 1);
  return std::max<int64_t>((registers - taken) / vectors, 1);
}

/// Tiles of channels that may be done together with both sides widened; none if
/// that cannot be.
int64_t tilesTogether(const RowContraction &contraction,
                      const DotProduct &product, const RowSchedule &schedule) {
  auto run = getConstantIntValue(contraction.run);
  if (!product.widensBytes() || !run)
    return 0;
  int64_t tile = schedule.vectors * schedule.lanes;
  int64_t most = std::max<int64_t>(WidenedRight::kColumns / tile, 1);
  if (contraction.outer == 1)
    return most;
  // Blocks of the reduction have whole steps.
  int64_t groups = llvm::divideCeil(*run, ReductionBlocks::kGroup);
  return std::min(most,
                  WidenedRight::mostGroups(product, schedule.vectors) / groups);
}

/// Tasks of equal size, as far as whole tiles allow.
void shareEvenly(RowSchedule &schedule, const RowContraction &contraction) {
  auto rows = getConstantIntValue(contraction.rows),
       columns = getConstantIntValue(contraction.columns),
       channels = getConstantIntValue(contraction.channels);
  if (!rows || !columns || !channels)
    return;
  bool flat = *rows == 1;
  int64_t tile = flat ? schedule.tileColumns : schedule.tileRows;
  int64_t band = flat ? schedule.bandColumns : schedule.bandRows;
  int64_t total = flat ? *columns : *rows;
  int64_t tiles =
      llvm::divideCeil(*channels, schedule.vectors * schedule.lanes);
  TaskAxis down{int64_t(llvm::divideCeil(total, tile)),
                int64_t(llvm::divideCeil(total, band))};
  TaskAxis across{tiles, int64_t(llvm::divideCeil(tiles, schedule.chunk))};
  int64_t batches = knownOr(contraction.batches, 1);
  int64_t reduction = contraction.outer * knownOr(contraction.run, 256);
  evenTasks(batches, batches * *rows * *columns * *channels * reduction, down,
            across);
  schedule.bands = down.parts;
  schedule.chunks = across.parts;
}

} // namespace

RowSchedule RowSchedule::choose(const RowContraction &contraction,
                                const DotProduct &product,
                                tile::TargetAttr target) {
  RowSchedule schedule;
  schedule.lanes = product.lanes();
  int64_t bytes = nn::PanelForm::of(contraction.element).bytes;
  // Two vectors of the right side and a broadcast need registers, too.
  int64_t accumulators = target.getVectorRegisters() == 32 ? 28 : 12;
  int64_t rows = knownOr(contraction.rows, 0);
  int64_t columns = knownOr(contraction.columns, 0);
  int64_t pixels = rows > 0 && columns > 0 ? rows * columns : INT64_MAX;
  int64_t channels = knownOr(contraction.channels, 256);
  int64_t channelVectors = llvm::divideCeil(channels, schedule.lanes);

  schedule.vectors = channelVectors > 1 ? 2 : 1;
  schedule.widensBoth = tilesTogether(contraction, product, schedule) > 0 &&
                        pixels != INT64_MAX &&
                        pixels >= WidenedRight::kLeastPixels;
  int64_t most =
      pixelsThatFit(product, target, schedule.vectors, schedule.widensBoth);
  if (pixels < most) {
    // Few rows: more channels at once, to have enough independent sums.
    most = pixels;
    while (schedule.vectors * 2 * most <= accumulators &&
           schedule.vectors * 2 <= 8 && schedule.vectors < channelVectors)
      schedule.vectors *= 2;
  }
  chooseTile(schedule, rows, columns, most);

  int64_t reduction = contraction.outer * knownOr(contraction.run, 256);
  int64_t tileBytes = reduction * schedule.vectors * schedule.lanes * bytes;
  int64_t tiles = llvm::divideCeil(channels, schedule.vectors * schedule.lanes);
  bool bothFit = tileBytes * 3 <= target.getL1Bytes();
  schedule.nextIntoL1 = bothFit || tileBytes > target.getL1Bytes();
  schedule.chunk = tiles;
  if (tiles * tileBytes > target.getL2Bytes() / 2)
    schedule.chunk = std::max<int64_t>(1, target.getL2Bytes() / 4 / tileBytes);

  int64_t columnBytes = knownOr(contraction.lhsColumn, reduction) * bytes;
  int64_t rowBytes = knownOr(contraction.lhsRow, 0) * bytes;
  if (rows == 1) {
    schedule.bandRows = 1;
    schedule.bandColumns = llvm::alignTo(
        std::max<int64_t>(kMatrixBandBytes / std::max<int64_t>(columnBytes, 1),
                          1),
        schedule.tileColumns);
  } else {
    schedule.bandColumns = std::max<int64_t>(columns, 1);
    bool large = tiles * tileBytes > target.getL2Bytes();
    int64_t bytes = large ? kMatrixBandBytes : kBandBytes;
    schedule.bandRows = llvm::alignTo(
        std::max<int64_t>(bytes / std::max<int64_t>(rowBytes, 1), 1),
        schedule.tileRows);
  }

  // Without dot products of bytes the left side is widened for every few tiles
  // of channels, the right side for every band: what that takes, in the time of
  // a product of one pixel with one tile.
  int64_t together = tilesTogether(contraction, product, schedule);
  auto widening = [&](int64_t bandPixels, int64_t chunk) {
    constexpr double kLeft = 0.2, kRight = 1.75;
    return kLeft / double(std::min(chunk, together)) +
           kRight / double(bandPixels);
  };
  // More and smaller tasks, cut where more bytes lie.
  int64_t batches = knownOr(contraction.batches, 1);
  for (int attempt = 0; attempt < 8; ++attempt) {
    int64_t bands = rows == 1 ? llvm::divideCeil(std::max<int64_t>(columns, 1),
                                                 schedule.bandColumns)
                              : llvm::divideCeil(std::max<int64_t>(rows, 1),
                                                 schedule.bandRows);
    int64_t chunks = llvm::divideCeil(tiles, schedule.chunk);
    if (batches * bands * chunks >= kMinimumTasks)
      break;
    int64_t lhsBytes = rows == 1 ? columns * columnBytes : rows * rowBytes;
    bool cutChannels = tiles * tileBytes > lhsBytes && schedule.chunk > 1;
    if (schedule.widensBoth && schedule.chunk > 1) {
      int64_t band = rows == 1 ? std::min(schedule.bandColumns, columns)
                               : std::min(schedule.bandRows, rows) * columns;
      cutChannels = widening(band, llvm::divideCeil(schedule.chunk, 2)) <
                    widening(llvm::divideCeil(band, 2), schedule.chunk);
    }
    if (cutChannels)
      schedule.chunk = llvm::divideCeil(schedule.chunk, 2);
    else if (rows == 1 && schedule.bandColumns > schedule.tileColumns)
      schedule.bandColumns = llvm::alignTo(
          llvm::divideCeil(
              std::min(schedule.bandColumns, std::max<int64_t>(columns, 1)), 2),
          schedule.tileColumns);
    else if (rows != 1 && schedule.bandRows > schedule.tileRows)
      schedule.bandRows = llvm::alignTo(
          llvm::divideCeil(
              std::min(schedule.bandRows, std::max<int64_t>(rows, 1)), 2),
          schedule.tileRows);
    else if (schedule.chunk > 1)
      schedule.chunk = llvm::divideCeil(schedule.chunk, 2);
    else
      break;
  }
  schedule.together =
      schedule.widensBoth ? std::min(schedule.chunk, together) : 1;
  // Widening has its own price for smaller tasks.
  if (!schedule.widensBoth)
    shareEvenly(schedule, contraction);
  return schedule;
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
