//===- DepthwiseBytes.cpp - depthwise convolution of bytes ----------------===//
#include "passes/kernel/WindowLoops.h"

#include "llvm/Support/MathExtras.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "passes/kernel/DotProduct.h"

using namespace mlir;
using namespace ashlar;

namespace {

using Index = OpFoldResult;

/// Rows of the output that a task computes.
constexpr int64_t kBandRows = 8;
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
  void emitRow(Index batch, Index y, Index channel, Index count);
  void emitPixels(Index batch, Index y, Index x, int64_t pixels, Index channel,
                  Index count);
  /// Bytes of the places [first, first + 4) of a filter row, for all channels
  /// of a vector, where the row begins at `at`.
  DotProduct::Operand loadPlaces(Index at, int64_t first, Index count);

  IndexArithmetic &b;
  nn::ConvOp conv;
  FlatView input, filter, output;
  DotProduct product;
  Epilogue epilogue;
};

void DepthwiseEmitter::emitGrid() {
  Index bands = b.ceilDiv(output.sizes[1], kBandRows);
  auto grid = tile::GridOp::create(b, b.value(b.mul(output.sizes[0], bands)));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&grid.getBody().front());
  Index task = grid.getTask();
  Index band = b.known(bands) == 1 ? b.fixed(0) : b.rem(task, bands);
  Index batch = b.div(task, bands);
  Index low = b.mul(band, kBandRows);
  Index high = b.min(b.add(low, kBandRows), output.sizes[1]);
  // The number of channels is known: it is the filter's.
  int64_t channels = conv.getFilterSizes()[0], lanes = product.lanes();
  int64_t whole = channels / lanes * lanes;
  b.forLoop(low, high, 1, [&](Index y) {
    b.forLoop(b.fixed(0), b.fixed(whole), lanes, [&](Index channel) {
      emitRow(batch, y, channel, b.fixed(lanes));
    });
    if (whole < channels)
      emitRow(batch, y, b.fixed(whole), b.fixed(channels - whole));
  });
}

void DepthwiseEmitter::emitRow(Index batch, Index y, Index channel,
                               Index count) {
  forPixels(b, output.sizes[2], tile::getTarget(conv).getVectorRegisters(),
            [&](Index x, int64_t pixels) {
              emitPixels(batch, y, x, pixels, channel, count);
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

void DepthwiseEmitter::emitPixels(Index batch, Index y, Index x, int64_t pixels,
                                  Index channel, Index count) {
  ArrayRef<int64_t> sizes = conv.getFilterSizes();
  int64_t groups = llvm::divideCeil(sizes[3], kGroup);
  Index at = b.add(input.offset, b.mul(batch, input.strides[0]));
  at = b.add(at, b.mul(b.mul(y, conv.getStrides()[0]), input.strides[1]));
  at = b.add(at, b.mul(b.mul(x, conv.getStrides()[1]), input.strides[2]));
  at = b.add(at, channel);
  SmallVector<Value> sums(pixels, product.zero(b));
  for (int64_t r = 0; r < sizes[2]; ++r)
    for (int64_t group = 0; group < groups; ++group) {
      Index weights = b.add(
          b.add(filter.offset, b.mul(filter.strides[0], r * groups + group)),
          b.mul(channel, kGroup));
      DotProduct::Operand right =
          product.loadRight(b, filter.flat, weights, b.fixed(product.lanes()));
      Index row =
          b.add(at, b.mul(input.strides[1], r * conv.getDilations()[0]));
      for (int64_t pixel = 0; pixel < pixels; ++pixel) {
        Index from =
            b.add(row, b.mul(input.strides[2], pixel * conv.getStrides()[1]));
        sums[pixel] = product.add(b, loadPlaces(from, group * kGroup, count),
                                  right, sums[pixel]);
      }
    }
  for (int64_t pixel = 0; pixel < pixels; ++pixel)
    epilogue.store(b, sums[pixel], {batch, y, b.add(x, pixel), channel}, count);
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
