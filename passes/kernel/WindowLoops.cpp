//===- WindowLoops.cpp - depthwise convolution and pooling ----------------===//
#include "passes/kernel/WindowLoops.h"

#include "llvm/Support/MathExtras.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "dialects/tile/TileDialect.h"
#include "passes/kernel/Epilogue.h"

using namespace mlir;
using namespace ashlar;

namespace {

using Index = OpFoldResult;

/// Window places that are unrolled at most; larger windows are loops.
constexpr int64_t kMaxUnrolled = 25;
/// Neighbouring output pixels computed together, at most, with 32 registers,
/// and with 16 or where the length of a row is not known.
constexpr int64_t kPixels = 8, kFewPixels = 4;
/// Rows of the output that a task computes.
constexpr int64_t kBandRows = 8;
/// Bytes of the rows of a window that are used again for the next row.
constexpr int64_t kBlockBytes = 24 << 10;

struct Window {
  Type element, accumulator;
  FlatView input, filter; // filter: empty for pooling
  Value init;
  Index batches, rows, columns, channels;
  SmallVector<int64_t> size, strides, dilations;
  bool isMax = false, signedBytes = false;
};

class WindowEmitter {
public:
  WindowEmitter(IndexArithmetic &b, const Window &window, Epilogue &epilogue,
                int64_t lanes, int64_t registers)
      : b(b), w(window), epilogue(epilogue), lanes(lanes), registers(registers),
        type(VectorType::get({lanes}, window.accumulator)) {}

  void emitGrid();

private:
  /// Channels whose rows of a window stay in the first cache from one row of
  /// the output to the next; 0 for all.
  int64_t channelsOfBlock();
  void emitRow(Index batch, Index y, Index channel, Index count);
  void emitPixels(Index batch, Index y, Index x, int64_t pixels, Index channel,
                  Index count);
  /// Elements in the accumulator's type; bytes of images are unsigned.
  Value loadWide(const FlatView &view, Index at, Index count, bool isUnsigned);
  /// The larger of two maxima.
  Value larger(Value element, Value best);
  /// What an accumulator starts from.
  TypedAttr firstValue();
  void addPlace(Index at, Index filterAt, int64_t pixels, Index count,
                SmallVectorImpl<Value> &sums);

  IndexArithmetic &b;
  const Window &w;
  Epilogue &epilogue;
  int64_t lanes, registers; // of vectors
  VectorType type;
};

void WindowEmitter::emitGrid() {
  Index bands = b.ceilDiv(w.rows, kBandRows);
  auto grid = tile::GridOp::create(b, b.value(b.mul(w.batches, bands)));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&grid.getBody().front());
  Index task = grid.getTask();
  Index band = b.known(bands) == 1 ? b.fixed(0) : b.rem(task, bands);
  Index batch = b.div(task, bands);
  Index low = b.mul(band, kBandRows);
  Index high = b.min(b.add(low, kBandRows), w.rows);
  Index whole = b.mul(b.div(w.channels, lanes), lanes);
  int64_t block = channelsOfBlock();
  auto emitRows = [&](Index first, Index last) {
    b.forLoop(low, high, 1, [&](Index y) {
      b.forLoop(first, last, lanes, [&](Index channel) {
        emitRow(batch, y, channel, b.fixed(lanes));
      });
    });
  };
  if (block && b.known(whole)) {
    int64_t end = *b.known(whole) / block * block;
    b.forLoop(b.fixed(0), b.fixed(end), block,
              [&](Index first) { emitRows(first, b.add(first, block)); });
    if (end < *b.known(whole))
      emitRows(b.fixed(end), whole);
  } else {
    emitRows(b.fixed(0), whole);
  }
  Index rest = b.sub(w.channels, whole);
  if (b.known(rest) == 0)
    return;
  b.forLoop(low, high, 1, [&](Index y) {
    if (b.known(rest))
      return emitRow(batch, y, whole, rest);
    b.forLoop(whole, w.channels, lanes,
              [&](Index channel) { emitRow(batch, y, channel, rest); });
  });
}

int64_t WindowEmitter::channelsOfBlock() {
  auto columns = b.known(w.input.sizes[2]), channels = b.known(w.channels);
  if (!columns || !channels || *columns <= 0 || *channels <= 0)
    return 0;
  int64_t bytes = w.element.getIntOrFloatBitWidth() / 8;
  int64_t rows = (w.size[0] - 1) * w.dilations[0] + 1;
  int64_t most = kBlockBytes / (rows * *columns * lanes * bytes);
  int64_t vectors = *channels / lanes;
  if (most >= vectors)
    return 0;
  most = std::max<int64_t>(most, 1);
  return llvm::divideCeil(vectors, llvm::divideCeil(vectors, most)) * lanes;
}

void WindowEmitter::emitRow(Index batch, Index y, Index channel, Index count) {
  forPixels(b, w.columns, registers, [&](Index x, int64_t pixels) {
    emitPixels(batch, y, x, pixels, channel, count);
  });
}

Value WindowEmitter::loadWide(const FlatView &view, Index at, Index count,
                              bool isUnsigned) {
  auto stored = VectorType::get({lanes}, w.element);
  Value elements = loadVector(b, view.flat, at, stored, count);
  if (stored == type)
    return elements;
  if (isa<FloatType>(w.element))
    return arith::ExtFOp::create(b, type, elements);
  if (isUnsigned)
    return arith::ExtUIOp::create(b, type, elements);
  return arith::ExtSIOp::create(b, type, elements);
}

Value WindowEmitter::larger(Value element, Value best) {
  if (isa<IntegerType>(w.accumulator))
    return w.signedBytes ? arith::MaxSIOp::create(b, element, best).getResult()
                         : arith::MaxUIOp::create(b, element, best).getResult();
  // Keeps a NaN of either side out of the way of ordinary maxima only if it
  // comes first, as the comparison that ONNX Runtime makes.
  Value greater =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, element, best);
  return arith::SelectOp::create(b, greater, element, best);
}

TypedAttr WindowEmitter::firstValue() {
  if (!w.isMax)
    return b.getZeroAttr(type);
  if (isa<FloatType>(w.accumulator))
    return DenseElementsAttr::get(type,
                                  -std::numeric_limits<float>::infinity());
  return DenseElementsAttr::get(type, int8_t(w.signedBytes ? -128 : 0));
}

void WindowEmitter::addPlace(Index at, Index filterAt, int64_t pixels,
                             Index count, SmallVectorImpl<Value> &sums) {
  Value weight;
  if (w.filter.flat)
    weight = loadWide(w.filter, filterAt, count, /*isUnsigned=*/false);
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
    Index from = b.add(at, b.mul(w.input.strides[2], pixel * w.strides[1]));
    Value element = loadWide(w.input, from, count, /*isUnsigned=*/true);
    Value &sum = sums[pixel];
    if (weight) {
      sum = math::FmaOp::create(b, element, weight, sum);
    } else if (w.isMax) {
      sum = larger(element, sum);
    } else {
      sum = arith::AddFOp::create(b, sum, element);
    }
  }
}

void WindowEmitter::emitPixels(Index batch, Index y, Index x, int64_t pixels,
                               Index channel, Index count) {
  Index at = b.add(w.input.offset, b.mul(batch, w.input.strides[0]));
  at = b.add(at, b.mul(b.mul(y, w.strides[0]), w.input.strides[1]));
  at = b.add(at, b.mul(b.mul(x, w.strides[1]), w.input.strides[2]));
  at = b.add(at, channel);
  Index filterBase = w.filter.flat ? b.add(w.filter.offset, channel) : Index();
  Value first = arith::ConstantOp::create(b, firstValue());
  SmallVector<Value> sums(pixels, first);
  auto place = [&](Index r, Index s, SmallVectorImpl<Value> &values) {
    Index from = b.add(at, b.mul(b.mul(r, w.dilations[0]), w.input.strides[1]));
    from = b.add(from, b.mul(b.mul(s, w.dilations[1]), w.input.strides[2]));
    Index weight;
    if (w.filter.flat)
      weight = b.add(filterBase, b.add(b.mul(r, w.filter.strides[0]),
                                       b.mul(s, w.filter.strides[1])));
    addPlace(from, weight, pixels, count, values);
  };
  if (w.size[0] * w.size[1] <= kMaxUnrolled) {
    for (int64_t r = 0; r < w.size[0]; ++r)
      for (int64_t s = 0; s < w.size[1]; ++s)
        place(b.fixed(r), b.fixed(s), sums);
  } else {
    Value zero = b.value(b.fixed(0)), one = b.value(b.fixed(1));
    auto rows =
        scf::ForOp::create(b, zero, b.value(b.fixed(w.size[0])), one, sums);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(rows.getBody());
    auto columns = scf::ForOp::create(b, zero, b.value(b.fixed(w.size[1])), one,
                                      rows.getRegionIterArgs());
    scf::YieldOp::create(b, columns.getResults());
    b.setInsertionPointToStart(columns.getBody());
    SmallVector<Value> inner(columns.getRegionIterArgs());
    place(rows.getInductionVar(), columns.getInductionVar(), inner);
    scf::YieldOp::create(b, inner);
    sums.assign(rows.getResults().begin(), rows.getResults().end());
  }
  for (int64_t pixel = 0; pixel < pixels; ++pixel)
    epilogue.store(b, sums[pixel], {batch, y, b.add(x, pixel), channel}, count);
}

template <typename OpTy>
LogicalResult lowerWindow(OpTy op, IndexArithmetic &b, Window &window) {
  FlatView output = FlatView::of(b, op.getInit());
  window.input = FlatView::of(b, op.getInput());
  window.batches = output.sizes[0];
  window.rows = output.sizes[1];
  window.columns = output.sizes[2];
  window.channels = output.sizes[3];
  window.element = getElementTypeOrSelf(op.getInput().getType());
  window.accumulator = op.getEpilogue().getArgument(0).getType();
  window.strides = llvm::to_vector(op.getStrides());
  window.dilations = llvm::to_vector(op.getDilations());
  if (b.known(window.input.strides[3]) != 1 || b.known(output.strides[3]) != 1)
    return op.emitOpError("expected contiguous channels");
  Epilogue epilogue(b, op.getEpilogue(), op.getExtras(), op.getInit());
  int64_t lanes = tile::getTarget(op).getVectorBytes() * 8 /
                  window.accumulator.getIntOrFloatBitWidth();
  // No wider than the channels need.
  if (auto channels = b.known(window.channels))
    while (lanes > 4 && lanes / 2 >= *channels)
      lanes /= 2;
  WindowEmitter(b, window, epilogue, lanes,
                tile::getTarget(op).getVectorRegisters())
      .emitGrid();
  op.erase();
  return success();
}

} // namespace

void ashlar::forPixels(IndexArithmetic &b, Index columns, int64_t registers,
                       llvm::function_ref<void(Index, int64_t)> body) {
  auto known = b.known(columns);
  int64_t pixels = kFewPixels, rest = 0;
  if (known && *known > 0) {
    // Equal parts of a row.
    int64_t most = registers == 32 ? kPixels : kFewPixels;
    pixels = llvm::divideCeil(*known, llvm::divideCeil(*known, most));
    rest = *known % pixels;
  }
  Index whole = b.mul(b.div(columns, pixels), pixels);
  b.forLoop(b.fixed(0), whole, pixels, [&](Index x) { body(x, pixels); });
  if (rest)
    return body(whole, rest);
  b.forLoop(whole, columns, 1, [&](Index x) { body(x, 1); });
}

LogicalResult ashlar::lowerDepthwise(nn::ConvOp conv) {
  if (getElementTypeOrSelf(conv.getInput().getType()).isInteger(8))
    return lowerDepthwiseBytes(conv);
  IndexArithmetic b(conv.getLoc(), conv);
  Window window;
  window.filter = FlatView::of(b, conv.getFilter());
  ArrayRef<int64_t> sizes = conv.getFilterSizes();
  window.size = {sizes[2], sizes[3]};
  return lowerWindow(conv, b, window);
}

LogicalResult ashlar::lowerPool(nn::PoolOp pool) {
  IndexArithmetic b(pool.getLoc(), pool);
  Window window;
  window.size = llvm::to_vector(pool.getWindow());
  window.isMax = pool.getKind() == "max";
  window.signedBytes = pool.getSignedBytes();
  return lowerWindow(pool, b, window);
}
