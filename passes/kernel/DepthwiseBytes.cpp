//===- DepthwiseBytes.cpp - depthwise convolution of bytes ----------------===//
#include "passes/kernel/WindowLoops.h"

#include "llvm/Support/MathExtras.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "passes/kernel/DepthwiseBlocks.h"

using namespace mlir;
using namespace ashlar;

namespace {

using Index = OpFoldResult;

/// Rows of the output that a task computes.
constexpr int64_t kBandRows = 8;
/// Rows that are computed together: what an input row brings to several of them
/// is brought into place once.
constexpr int64_t kRowsAtOnce[] = {4, 2};
/// Places of a filter row in one dot product.
constexpr int64_t kGroup = 4;

class DepthwiseEmitter {
public:
  DepthwiseEmitter(IndexArithmetic &b, nn::ConvOp conv)
      : b(b), conv(conv), input(FlatView::of(b, conv.getInput())),
        filter(FlatView::of(b, conv.getFilter())),
        output(FlatView::of(b, conv.getInit())),
        product(b.getContext(), b.getI8Type(), tile::getTarget(conv)),
        epilogue(b, conv.getEpilogue(), conv.getExtras(), conv.getInit()) {}

  void emitGrid();

private:
  /// The channels from `first` on.
  void emitRows(Index batch, Index y, int64_t rows, int64_t first);
  void emitChannels(Index batch, Index y, int64_t rows, Index channel,
                    Index count);
  void emitPixels(Index batch, Index y, int64_t rows, Index x, int64_t pixels,
                  Index channel, Index count);
  /// Stores the sums of rows of `pixels` one by one, so that a long epilogue
  /// is emitted once; they wait on the stack of the task.
  void storeInLoop(ArrayRef<Value> sums, int64_t pixels,
                   llvm::function_ref<void(Value, Index, Index)> store);
  DotProduct::Operand loadWeights(int64_t row, int64_t group, Index channel);
  /// Bytes of the places [first, first + 4) of a filter row, for all channels
  /// of a vector, where the row begins at `at`.
  DotProduct::Operand loadPlaces(Index at, int64_t first, Index count);

  IndexArithmetic &b;
  nn::ConvOp conv;
  FlatView input, filter, output;
  DotProduct product;
  Epilogue epilogue;
  Block *task = nullptr;
};

void DepthwiseEmitter::emitGrid() {
  Index bands = b.ceilDiv(output.sizes[1], kBandRows);
  auto grid = tile::GridOp::create(b, b.value(b.mul(output.sizes[0], bands)));
  OpBuilder::InsertionGuard guard(b);
  task = &grid.getBody().front();
  b.setInsertionPointToStart(task);
  Index number = grid.getTask();
  Index band = b.known(bands) == 1 ? b.fixed(0) : b.rem(number, bands);
  Index batch = b.div(number, bands);
  Index low = b.mul(band, kBandRows);
  Index high = b.min(b.add(low, kBandRows), output.sizes[1]);
  int64_t first =
      DepthwiseBlocks(b, conv, product, epilogue).emit(batch, low, high);
  if (first == conv.getFilterSizes()[0])
    return;
  // Neighbouring rows of the output read the same rows of the input only where
  // the filter moves by one.
  if (conv.getStrides()[0] == 1 && conv.getDilations()[0] == 1 &&
      conv.getFilterSizes()[2] > 1)
    for (int64_t rows : kRowsAtOnce) {
      Index end = b.add(low, b.mul(b.div(b.sub(high, low), rows), rows));
      b.forLoop(low, end, rows,
                [&](Index y) { emitRows(batch, y, rows, first); });
      low = end;
    }
  b.forLoop(low, high, 1, [&](Index y) { emitRows(batch, y, 1, first); });
}

void DepthwiseEmitter::emitRows(Index batch, Index y, int64_t rows,
                                int64_t first) {
  // The number of channels is known: it is the filter's.
  int64_t channels = conv.getFilterSizes()[0], lanes = product.lanes();
  int64_t whole = first + (channels - first) / lanes * lanes;
  b.forLoop(b.fixed(first), b.fixed(whole), lanes, [&](Index channel) {
    emitChannels(batch, y, rows, channel, b.fixed(lanes));
  });
  if (whole < channels)
    emitChannels(batch, y, rows, b.fixed(whole), b.fixed(channels - whole));
}

void DepthwiseEmitter::emitChannels(Index batch, Index y, int64_t rows,
                                    Index channel, Index count) {
  int64_t registers = tile::getTarget(conv).getVectorRegisters() / rows;
  forPixels(b, output.sizes[2], registers, [&](Index x, int64_t pixels) {
    emitPixels(batch, y, rows, x, pixels, channel, count);
  });
}

DotProduct::Operand DepthwiseEmitter::loadPlaces(Index at, int64_t first,
                                                 Index count) {
  auto type = VectorType::get({product.lanes()}, b.getI8Type());
  int64_t columns = conv.getFilterSizes()[3];
  SmallVector<Value> bytes;
  for (int64_t place = first; place < first + kGroup; ++place) {
    if (place >= columns) {
      // Its weights are zero, too.
      bytes.push_back(arith::ConstantOp::create(b, b.getZeroAttr(type)));
      continue;
    }
    Index from =
        b.add(at, b.mul(input.strides[2], place * conv.getDilations()[1]));
    bytes.push_back(loadVector(b, input.flat, from, type, count));
  }
  return product.interleaveLeft(b, bytes);
}

DotProduct::Operand DepthwiseEmitter::loadWeights(int64_t row, int64_t group,
                                                  Index channel) {
  int64_t groups = llvm::divideCeil(conv.getFilterSizes()[3], kGroup);
  Index at = b.add(
      b.add(filter.offset, b.mul(filter.strides[0], row * groups + group)),
      b.mul(channel, kGroup));
  return product.loadRight(b, filter.flat, at, b.fixed(product.lanes()));
}

void DepthwiseEmitter::emitPixels(Index batch, Index y, int64_t rows, Index x,
                                  int64_t pixels, Index channel, Index count) {
  int64_t filterRows = conv.getFilterSizes()[2];
  int64_t groups = llvm::divideCeil(conv.getFilterSizes()[3], kGroup);
  // Several rows are computed only where the filter moves by one row.
  int64_t step = rows > 1 ? 1 : conv.getDilations()[0];
  Index at = b.add(input.offset, b.mul(batch, input.strides[0]));
  at = b.add(at, b.mul(b.mul(y, conv.getStrides()[0]), input.strides[1]));
  at = b.add(at, b.mul(b.mul(x, conv.getStrides()[1]), input.strides[2]));
  at = b.add(at, channel);
  Value bias = epilogue.biasOf(b, channel, product.sums(), count);
  SmallVector<Value> sums(rows * pixels, bias ? bias : product.zero(b));
  for (int64_t inputRow = 0; inputRow < filterRows + rows - 1; ++inputRow)
    for (int64_t group = 0; group < groups; ++group)
      for (int64_t pixel = 0; pixel < pixels; ++pixel) {
        Index from = b.add(at, b.mul(input.strides[1], inputRow * step));
        from =
            b.add(from, b.mul(input.strides[2], pixel * conv.getStrides()[1]));
        DotProduct::Operand left = loadPlaces(from, group * kGroup, count);
        for (int64_t row = 0; row < rows; ++row) {
          int64_t filterRow = inputRow - row;
          if (filterRow < 0 || filterRow >= filterRows)
            continue;
          Value &sum = sums[row * pixels + pixel];
          sum =
              product.add(b, left, loadWeights(filterRow, group, channel), sum);
        }
      }
  if (epilogue.hasFunctions() && sums.size() > 1)
    return storeInLoop(sums, pixels, [&](Value sum, Index row, Index pixel) {
      epilogue.store(b, sum, {batch, b.add(y, row), b.add(x, pixel), channel},
                     count);
    });
  for (int64_t row = 0; row < rows; ++row) {
    SmallVector<PlacedSums> placed;
    for (int64_t pixel = 0; pixel < pixels; ++pixel)
      placed.push_back({sums[row * pixels + pixel],
                        {batch, b.add(y, row), b.add(x, pixel), channel},
                        count});
    epilogue.store(b, placed);
  }
}

void DepthwiseEmitter::storeInLoop(
    ArrayRef<Value> sums, int64_t pixels,
    llvm::function_ref<void(Value, Index, Index)> store) {
  Index count = b.fixed(sums.size());
  Value scratch = storeOnStack(b, task, sums);
  b.forLoop(b.fixed(0), count, 1, [&](Index at) {
    Value sum = memref::LoadOp::create(b, scratch, ValueRange{b.value(at)});
    store(sum, b.div(at, pixels), b.rem(at, b.fixed(pixels)));
  });
}

} // namespace

LogicalResult ashlar::lowerDepthwiseBytes(nn::ConvOp conv) {
  IndexArithmetic b(conv.getLoc(), conv);
  DepthwiseEmitter emitter(b, conv);
  FlatView input = FlatView::of(b, conv.getInput());
  FlatView output = FlatView::of(b, conv.getInit());
  if (b.known(input.strides[3]) != 1 || b.known(output.strides[3]) != 1)
    return conv.emitOpError("expected contiguous channels");
  emitter.emitGrid();
  conv.erase();
  return success();
}
