//===- PixelLanes.cpp - convolutions with few channels --------------------===//
#include "passes/kernel/PixelLanes.h"

#include "llvm/Support/MathExtras.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace ashlar;

namespace {

using Index = OpFoldResult;

constexpr int64_t kPixels = 16, kBytes = 64, kGroup = 4;
/// Two packed vectors of bytes are permuted into one.
constexpr int64_t kMostChannels = 2 * kPackedVectors;
/// Dot products that are unrolled at most.
constexpr int64_t kMostProducts = 256;
/// Rows of the output that a task computes.
constexpr int64_t kBandRows = 4;

class PixelLanesEmitter {
public:
  PixelLanesEmitter(IndexArithmetic &b, const RowContraction &contraction,
                    const DotProduct &product, Epilogue &epilogue)
      : b(b), c(contraction), product(product), epilogue(epilogue),
        channels(*b.known(contraction.channels)),
        groups(llvm::divideCeil(*b.known(contraction.run), kGroup)) {}

  void emitGrid();

private:
  void emitPixels(const OutputPosition &position);
  /// A group of four bytes of `row` for every pixel.
  DotProduct::Operand groupOf(Value row, int64_t group);
  void addRow(const OutputPosition &position, int64_t step,
              MutableArrayRef<Value> sums);
  void store(ArrayRef<Value> sums, ArrayRef<Epilogue::ChannelValues> values,
             const OutputPosition &position);

  IndexArithmetic &b;
  const RowContraction &c;
  const DotProduct &product;
  Epilogue &epilogue;
  int64_t channels, groups;
};

void PixelLanesEmitter::emitGrid() {
  Index bands = b.ceilDiv(c.rows, kBandRows);
  auto grid = tile::GridOp::create(b, b.value(b.mul(c.batches, bands)));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&grid.getBody().front());
  SmallVector<Index> place = b.delinearize(grid.getTask(), {bands, c.batches});
  Index low = b.mul(place[0], kBandRows);
  Index high = b.min(b.add(low, kBandRows), c.rows);
  int64_t columns = *b.known(c.columns), whole = columns / kPixels * kPixels;
  b.forLoop(low, high, 1, [&](Index y) {
    auto emitAt = [&](Index x) { emitPixels({place[1], y, x, b.fixed(0)}); };
    b.forLoop(b.fixed(0), b.fixed(whole), kPixels, emitAt);
    // The last pixels once more, with those that are left.
    if (whole < columns)
      emitAt(b.fixed(columns - kPixels));
  });
}

DotProduct::Operand PixelLanesEmitter::groupOf(Value row, int64_t group) {
  int64_t step = *b.known(c.lhsColumn);
  SmallVector<int64_t> order;
  for (int64_t pixel = 0; pixel < kPixels; ++pixel)
    for (int64_t byte = 0; byte < kGroup; ++byte)
      // What lies behind the run has weights of zero.
      order.push_back(
          std::min(pixel * step + group * kGroup + byte, kBytes - 1));
  return product.leftGroups(b, vector::ShuffleOp::create(b, row, row, order));
}

void PixelLanesEmitter::addRow(const OutputPosition &position, int64_t step,
                               MutableArrayRef<Value> sums) {
  int64_t count = (kPixels - 1) * *b.known(c.lhsColumn) + *b.known(c.run);
  Index at = b.add(c.lhsBase, b.mul(position.batch, c.lhsBatch));
  at = b.add(at, b.mul(position.y, c.lhsRow));
  at = b.add(at, b.mul(position.x, c.lhsColumn));
  Value row =
      loadVector(b, c.lhs.flat, b.add(at, b.mul(c.lhsOuter, step)),
                 VectorType::get({kBytes}, b.getI8Type()), b.fixed(count));
  Index weightsAt = b.add(c.rhsBase, b.mul(c.rhsOuter, step));
  for (int64_t group = 0; group < groups; ++group) {
    DotProduct::Operand left = groupOf(row, group);
    for (int64_t channel = 0; channel < channels; ++channel) {
      Index from =
          b.add(b.add(weightsAt, b.mul(c.rhsStep, group)), channel * kGroup);
      DotProduct::Operand weights =
          product.loadLeft(b, c.rhs.flat, from, kGroup, /*preceded=*/false);
      sums[channel] = product.add(b, left, weights, sums[channel]);
    }
  }
}

void PixelLanesEmitter::emitPixels(const OutputPosition &position) {
  SmallVector<Epilogue::ChannelValues> values;
  SmallVector<Value> sums;
  for (int64_t channel = 0; channel < channels; ++channel) {
    values.push_back(epilogue.loadChannels(
        product.sums(), [&](const FlatView &view, VectorType type) -> Value {
          Value one = memref::LoadOp::create(
              b, view.flat, ValueRange{b.value(b.add(view.offset, channel))});
          return vector::BroadcastOp::create(b, type, one);
        }));
    Value bias = values.back().bias;
    sums.push_back(bias ? bias : product.zero(b));
  }
  for (int64_t step = 0; step < c.outer; ++step)
    addRow(position, step, sums);
  store(sums, values, position);
}

void PixelLanesEmitter::store(ArrayRef<Value> sums,
                              ArrayRef<Epilogue::ChannelValues> values,
                              const OutputPosition &position) {
  SmallVector<Value> packed;
  for (size_t first = 0; first < sums.size(); first += kPackedVectors) {
    size_t size = std::min(kPackedVectors, sums.size() - first);
    packed.push_back(epilogue.packChannels(b, sums.slice(first, size),
                                           values.slice(first, size)));
  }
  // Packing has left four pixels of each of four channels in turn.
  SmallVector<int64_t> places;
  for (int64_t pixel = 0; pixel < kPixels; ++pixel)
    for (int64_t channel = 0; channel < channels; ++channel) {
      int64_t vector = channel / kPackedVectors;
      places.push_back(vector * kBytes + pixel / kGroup * 16 +
                       channel % kPackedVectors * kGroup + pixel % kGroup);
    }
  for (int64_t first = 0; first < int64_t(places.size()); first += kBytes) {
    int64_t size = std::min<int64_t>(kBytes, places.size() - first);
    SmallVector<int64_t> order(places.begin() + first,
                               places.begin() + first + size);
    order.resize(kBytes, order.back());
    Value bytes =
        vector::ShuffleOp::create(b, packed.front(), packed.back(), order);
    epilogue.storeResults(b, bytes, size, position, first);
  }
}

} // namespace

bool ashlar::emitPixelLanes(IndexArithmetic &b,
                            const RowContraction &contraction,
                            const DotProduct &product, Epilogue &epilogue,
                            tile::TargetAttr target) {
  const RowContraction &c = contraction;
  auto channels = b.known(c.channels), columns = b.known(c.columns);
  auto run = b.known(c.run), step = b.known(c.lhsColumn);
  bool allKnown = channels && columns && run && step;
  if (!c.element.isInteger(8) || !target.getVnni() || !target.getVbmi() ||
      target.getVectorBytes() != kBytes || !allKnown || !c.packed ||
      c.innerSteps != 1 || b.known(c.firstChannel) != 0 ||
      b.known(c.rhsBatch) != 0)
    return false;
  bool fits = *columns >= kPixels && *channels <= kMostChannels &&
              (kPixels - 1) * *step + *run <= kBytes &&
              c.outer * *channels * int64_t(llvm::divideCeil(*run, kGroup)) <=
                  kMostProducts;
  if (!fits || !epilogue.packsByChannel() ||
      !epilogue.pixelsAdjoin(b, *channels))
    return false;
  PixelLanesEmitter(b, contraction, product, epilogue).emitGrid();
  return true;
}
