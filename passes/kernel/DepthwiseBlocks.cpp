//===- DepthwiseBlocks.cpp - many channels of depthwise convolutions ------===//
#include "passes/kernel/DepthwiseBlocks.h"

#include "llvm/Support/MathExtras.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace ashlar;

namespace {

using Index = OpFoldResult;

/// Places of a filter row in one dot product.
constexpr int64_t kGroup = 4;
/// Vectors of sums that a vector of bytes becomes.
constexpr int64_t kParts = kPackedVectors;
/// Bytes that are interleaved and packed among themselves.
constexpr int64_t kLaneBytes = 16;
/// Output rows and neighbouring pixels that share what is interleaved.
constexpr int64_t kRowsAtOnce = 2, kShared = 2;

/// The low or high halves of each 128 bits, elements of both in turn.
Value interleave(IndexArithmetic &b, Value first, Value second, bool high) {
  auto type = cast<VectorType>(first.getType());
  int64_t count = type.getNumElements();
  int64_t lane = kLaneBytes * 8 / type.getElementTypeBitWidth();
  SmallVector<int64_t> order;
  for (int64_t at = 0; at < count; at += lane)
    for (int64_t index = 0; index < lane / 2; ++index) {
      int64_t from = at + index + (high ? lane / 2 : 0);
      order.append({from, count + from});
    }
  return vector::ShuffleOp::create(b, first, second, order);
}

} // namespace

DepthwiseBlocks::DepthwiseBlocks(IndexArithmetic &b, nn::ConvOp conv,
                                 const DotProduct &product, Epilogue &epilogue)
    : b(b), conv(conv), product(product), epilogue(epilogue),
      input(FlatView::of(b, conv.getInput())),
      filter(FlatView::of(b, conv.getFilter())),
      output(FlatView::of(b, conv.getInit())), bytes(product.lanes() * kGroup),
      filterColumns(conv.getFilterSizes()[3]) {
  bool neighbours = conv.getStrides()[1] == 1 && conv.getDilations()[1] == 1;
  int64_t room = llvm::alignTo(filterColumns, kGroup) - filterColumns;
  shared = neighbours ? std::min(room + 1, kShared) : 1;
  groups = llvm::divideCeil(filterColumns, kGroup);
}

int64_t DepthwiseBlocks::emit(Index batch, Index low, Index high) {
  int64_t all = conv.getFilterSizes()[0], first = 0;
  auto columns = b.known(output.sizes[2]);
  if (!epilogue.packsByChannel() || !columns)
    return 0;
  for (channels = bytes; channels >= kLaneBytes; channels /= 2) {
    pieces = bytes / channels;
    if (*columns < pieces * shared)
      break;
    int64_t end = first + (all - first) / channels * channels;
    b.forLoop(b.fixed(first), b.fixed(end), channels,
              [&](Index channel) { emitBlock(batch, low, high, channel); });
    first = end;
  }
  return first;
}

Value DepthwiseBlocks::loadPart(Value flat, Index at, VectorType type,
                                int64_t part, int64_t group) {
  int64_t lanes = bytes / kLaneBytes, size = kGroup * group;
  auto laneType = VectorType::get({size}, type.getElementType());
  Value whole = arith::ConstantOp::create(b, b.getZeroAttr(type));
  for (int64_t lane = 0; lane < lanes; ++lane) {
    int64_t channel = lane * kLaneBytes % channels + part * kGroup;
    Value four = vector::LoadOp::create(
        b, laneType, flat, ValueRange{b.value(b.add(at, channel * group))});
    whole = vector::InsertStridedSliceOp::create(
        b, four, whole, ArrayRef<int64_t>{lane * size}, ArrayRef<int64_t>{1});
  }
  return whole;
}

SmallVector<DotProduct::Operand> DepthwiseBlocks::loadWeights(Index channel,
                                                              int64_t pixel) {
  auto type = VectorType::get({bytes}, b.getI8Type());
  auto wordType = VectorType::get({bytes / kGroup}, b.getI32Type());
  auto load = [&](int64_t row, int64_t group, int64_t part) -> Value {
    Index at =
        b.add(filter.offset, b.mul(filter.strides[0], row * groups + group));
    Value weights = loadPart(filter.flat, b.add(at, b.mul(channel, kGroup)),
                             type, part, kGroup);
    return vector::BitCastOp::create(b, wordType, weights);
  };
  auto places = [&](int64_t count) -> Value {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(wordType, APInt(32, 8 * count)));
  };
  SmallVector<DotProduct::Operand> all;
  for (int64_t row = 0; row < conv.getFilterSizes()[2]; ++row)
    for (int64_t group = 0; group < groups; ++group)
      for (int64_t part = 0; part < kParts; ++part) {
        Value words = load(row, group, part);
        if (pixel > 0) {
          words = arith::ShLIOp::create(b, words, places(pixel));
          if (group > 0)
            words = arith::OrIOp::create(
                b, words,
                arith::ShRUIOp::create(b, load(row, group - 1, part),
                                       places(kGroup - pixel)));
        }
        all.push_back(
            product.rightGroups(b, vector::BitCastOp::create(b, type, words)));
      }
  return all;
}

DepthwiseBlocks::Constants DepthwiseBlocks::loadConstants(Index channel) {
  Constants constants;
  for (int64_t pixel = 0; pixel < shared; ++pixel)
    constants.weights.append(loadWeights(channel, pixel));
  for (int64_t part = 0; part < kParts; ++part)
    constants.values.push_back(epilogue.loadChannels(
        product.sums(), [&](const FlatView &view, VectorType type) {
          return loadPart(view.flat, b.add(view.offset, channel), type, part,
                          /*group=*/1);
        }));
  return constants;
}

void DepthwiseBlocks::emitBlock(Index batch, Index low, Index high,
                                Index channel) {
  Constants constants = loadConstants(channel);
  int64_t unit = pieces * shared, columns = *b.known(output.sizes[2]);
  auto emitRows = [&](Index y, int64_t rows) {
    int64_t whole = columns / unit * unit;
    b.forLoop(b.fixed(0), b.fixed(whole), unit, [&](Index x) {
      emitPixels(batch, y, rows, x, channel, constants);
    });
    // The last pixels once more, with those that are left.
    if (whole < columns)
      emitPixels(batch, y, rows, b.fixed(columns - unit), channel, constants);
  };
  // Neighbouring rows of the output read the same rows of the input only where
  // the filter moves by one.
  if (conv.getStrides()[0] == 1 && conv.getDilations()[0] == 1 &&
      conv.getFilterSizes()[2] > 1) {
    Index end =
        b.add(low, b.mul(b.div(b.sub(high, low), kRowsAtOnce), kRowsAtOnce));
    b.forLoop(low, end, kRowsAtOnce,
              [&](Index y) { emitRows(y, kRowsAtOnce); });
    low = end;
  }
  b.forLoop(low, high, 1, [&](Index y) { emitRows(y, 1); });
}

Value DepthwiseBlocks::loadPlace(Index row, int64_t place) {
  auto type = VectorType::get({bytes}, b.getI8Type());
  if (place >= filterColumns + shared - 1)
    return arith::ConstantOp::create(b, b.getZeroAttr(type));
  Index from =
      b.add(row, b.mul(input.strides[2], place * conv.getDilations()[1]));
  auto pieceType = VectorType::get({channels}, b.getI8Type());
  auto load = [&](int64_t piece) -> Value {
    int64_t columns = piece * shared * conv.getStrides()[1];
    Index at = b.add(from, b.mul(input.strides[2], columns));
    return vector::LoadOp::create(b, pieceType, input.flat,
                                  ValueRange{b.value(at)});
  };
  if (pieces == 1)
    return load(0);
  Value whole = arith::ConstantOp::create(b, b.getZeroAttr(type));
  for (int64_t piece = 0; piece < pieces; ++piece)
    whole = vector::InsertStridedSliceOp::create(
        b, load(piece), whole, ArrayRef<int64_t>{piece * channels},
        ArrayRef<int64_t>{1});
  return whole;
}

SmallVector<DotProduct::Operand> DepthwiseBlocks::loadGroup(Index row,
                                                            int64_t group) {
  SmallVector<Value> places;
  for (int64_t place = 0; place < kGroup; ++place)
    places.push_back(loadPlace(row, group * kGroup + place));
  auto bytesType = VectorType::get({bytes}, b.getI8Type());
  auto pairsType = VectorType::get({bytes / 2}, b.getI16Type());
  SmallVector<DotProduct::Operand> parts;
  for (bool highBytes : {false, true}) {
    SmallVector<Value> pairs;
    for (int64_t first : {0, 2})
      pairs.push_back(vector::BitCastOp::create(
          b, pairsType,
          interleave(b, places[first], places[first + 1], highBytes)));
    for (bool highPairs : {false, true})
      parts.push_back(product.leftGroups(
          b, vector::BitCastOp::create(
                 b, bytesType, interleave(b, pairs[0], pairs[1], highPairs))));
  }
  return parts;
}

const DotProduct::Operand &
DepthwiseBlocks::weightsOf(const Constants &constants, int64_t pixel,
                           int64_t row, int64_t group, int64_t part) {
  int64_t rows = conv.getFilterSizes()[2];
  return constants
      .weights[((pixel * rows + row) * groups + group) * kParts + part];
}

void DepthwiseBlocks::emitPixels(Index batch, Index y, int64_t rows, Index x,
                                 Index channel, const Constants &constants) {
  int64_t filterRows = conv.getFilterSizes()[2];
  // Several rows are computed only where the filter moves by one row.
  int64_t step = rows > 1 ? 1 : conv.getDilations()[0];
  Index at = b.add(input.offset, b.mul(batch, input.strides[0]));
  at = b.add(at, b.mul(b.mul(y, conv.getStrides()[0]), input.strides[1]));
  at = b.add(at, b.mul(b.mul(x, conv.getStrides()[1]), input.strides[2]));
  at = b.add(at, channel);
  // [row, pixel, part]
  SmallVector<Value> sums;
  for (int64_t pixel = 0; pixel < rows * shared; ++pixel)
    for (const Epilogue::ChannelValues &values : constants.values)
      sums.push_back(values.bias ? values.bias : product.zero(b));
  for (int64_t inputRow = 0; inputRow < filterRows + rows - 1; ++inputRow)
    for (int64_t group = 0; group < groups; ++group) {
      SmallVector<DotProduct::Operand> left =
          loadGroup(b.add(at, b.mul(input.strides[1], inputRow * step)), group);
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t pixel = 0; pixel < shared; ++pixel)
          for (int64_t part = 0; part < kParts; ++part) {
            int64_t filterRow = inputRow - row;
            if (filterRow < 0 || filterRow >= filterRows)
              continue;
            Value &sum = sums[(row * shared + pixel) * kParts + part];
            sum = product.add(
                b, left[part],
                weightsOf(constants, pixel, filterRow, group, part), sum);
          }
    }
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t pixel = 0; pixel < shared; ++pixel) {
      ArrayRef<Value> own =
          ArrayRef<Value>(sums).slice((row * shared + pixel) * kParts, kParts);
      Index to = b.add(output.offset, b.mul(batch, output.strides[0]));
      to = b.add(to, b.mul(b.add(y, row), output.strides[1]));
      to = b.add(to, b.mul(b.add(x, pixel), output.strides[2]));
      storeBytes(epilogue.packChannels(b, own, constants.values),
                 b.add(to, channel));
    }
}

void DepthwiseBlocks::storeBytes(Value whole, Index at) {
  for (int64_t piece = 0; piece < pieces; ++piece) {
    Value part = vector::ExtractStridedSliceOp::create(
        b, whole, ArrayRef<int64_t>{piece * channels},
        ArrayRef<int64_t>{channels}, ArrayRef<int64_t>{1});
    Index to = b.add(at, b.mul(output.strides[2], piece * shared));
    vector::StoreOp::create(b, part, output.flat, ValueRange{b.value(to)});
  }
}
