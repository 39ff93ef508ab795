//===- ExpandWinograd.cpp - tiles transformed, multiplied, transformed ----===//
#include "passes/kernel/Passes.h"

#include "llvm/Support/MathExtras.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "dialects/nn/NnDialect.h"
#include "dialects/tile/TileDialect.h"
#include "passes/kernel/Epilogue.h"

namespace ashlar {
#define GEN_PASS_DEF_EXPANDWINOGRAD
#include "passes/kernel/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

using Index = OpFoldResult;
using Values = SmallVector<Value>;

/// Tasks that the tiles of a step are cut into at most.
constexpr int64_t kTasks = 16;

class WinogradEmitter {
public:
  explicit WinogradEmitter(nn::WinogradOp op);
  void emit();

private:
  /// A task grid over the tiles of a step; `body` gets a tile's number.
  void forTiles(llvm::function_ref<void(Index tile)> body);
  /// Vectors of channels; `body` gets the first channel and their count.
  void forChannels(int64_t channels,
                   llvm::function_ref<void(Index at, Index count)> body);
  void transformInputs();
  void multiply();
  void transformOutputs();
  void storeTile(const std::vector<Values> &pixels, Index row, Index column,
                 Index channel, Index count);

  Value stackOf(Value working, int64_t depth);

  /// B^T d and A^T m of one row or column.
  Values inputRow(ValueRange d);
  Values outputRow(ValueRange m);
  Value constant(double value) {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, static_cast<float>(value)));
  }
  Value add(Value x, Value y) { return arith::AddFOp::create(b, x, y); }
  Value sub(Value x, Value y) { return arith::SubFOp::create(b, x, y); }
  /// x * factor + y
  Value fma(Value x, double factor, Value y) {
    return math::FmaOp::create(b, x, constant(factor), y);
  }
  Index row(Index tile) {
    return b.add(b.mul(strip, stripRows), b.div(tile, columns));
  }
  Index column(Index tile) { return b.rem(tile, b.fixed(columns)); }

  nn::WinogradOp op;
  IndexArithmetic b;
  int64_t size, edge;               // pixels of a tile, and read by one
  int64_t height, width, columns;   // of the output; tiles in a row
  int64_t tiles, stripRows;         // of a step
  int64_t channels, outputs, lanes; // vectors
  VectorType type;
  Value stacked, stackedProducts; // working memory as [places, tiles, depth]
  FlatView input, transformed, products;
  std::optional<Epilogue> epilogue;
  Index batch, strip;
};

WinogradEmitter::WinogradEmitter(nn::WinogradOp op)
    : op(op), b(op.getLoc(), op) {
  auto output = cast<MemRefType>(op.getInit().getType());
  size = op.getTileSize();
  edge = size + 2;
  height = output.getDimSize(1);
  width = output.getDimSize(2);
  columns = llvm::divideCeil(width, size);
  tiles = op.getTiles();
  stripRows = tiles / columns;
  channels = cast<MemRefType>(op.getInput().getType()).getDimSize(3);
  outputs = output.getDimSize(3);
  lanes = tile::getTarget(op).getVectorBytes() / 4;
  type = VectorType::get({lanes}, b.getF32Type());
  input = FlatView::of(b, op.getInput());
  stacked = stackOf(op.getTransformed(), channels);
  stackedProducts = stackOf(op.getProducts(), outputs);
  transformed = FlatView::of(b, stacked);
  products = FlatView::of(b, stackedProducts);
  epilogue.emplace(b, op.getEpilogue(), op.getExtras(), op.getInit());
}

Value WinogradEmitter::stackOf(Value working, int64_t depth) {
  auto type = cast<MemRefType>(working.getType());
  SmallVector<int64_t> sizes{edge * edge, tiles, depth},
      strides{type.getDimSize(1), depth, 1};
  auto layout = StridedLayoutAttr::get(b.getContext(), 0, strides);
  return memref::ReinterpretCastOp::create(
      b, MemRefType::get(sizes, type.getElementType(), layout), working, 0,
      sizes, strides);
}

void WinogradEmitter::forTiles(llvm::function_ref<void(Index)> body) {
  int64_t each = llvm::divideCeil(tiles, kTasks);
  auto grid = tile::GridOp::create(
      b, b.value(b.fixed(int64_t(llvm::divideCeil(tiles, each)))));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&grid.getBody().front());
  Index low = b.mul(Index(Value(grid.getTask())), each);
  Index high = b.min(b.add(low, each), b.fixed(tiles));
  auto loop =
      scf::ForOp::create(b, b.value(low), b.value(high), b.value(b.fixed(1)));
  b.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

void WinogradEmitter::forChannels(int64_t count,
                                  llvm::function_ref<void(Index, Index)> body) {
  int64_t whole = count / lanes * lanes;
  if (whole) {
    auto loop =
        scf::ForOp::create(b, b.value(b.fixed(0)), b.value(b.fixed(whole)),
                           b.value(b.fixed(lanes)));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    body(loop.getInductionVar(), b.fixed(lanes));
  }
  if (whole < count)
    body(b.fixed(whole), b.fixed(count - whole));
}

Values WinogradEmitter::inputRow(ValueRange d) {
  if (size == 2)
    return {sub(d[0], d[2]), add(d[1], d[2]), sub(d[2], d[1]), sub(d[1], d[3])};
  Value first = fma(d[0], 4, fma(d[2], -5, d[4]));
  Value even = fma(d[2], -4, d[4]), odd = fma(d[1], -4, d[3]);
  Value outer = sub(d[4], d[2]), inner = sub(d[3], d[1]);
  Value last = fma(d[1], 4, fma(d[3], -5, d[5]));
  return {first,
          add(even, odd),
          sub(even, odd),
          fma(inner, 2, outer),
          fma(inner, -2, outer),
          last};
}

Values WinogradEmitter::outputRow(ValueRange m) {
  Value sum = add(m[1], m[2]), difference = sub(m[1], m[2]);
  if (size == 2)
    return {add(m[0], sum), sub(difference, m[3])};
  Value sum2 = add(m[3], m[4]), difference2 = sub(m[3], m[4]);
  return {add(add(m[0], sum), sum2), fma(difference2, 2, difference),
          fma(sum2, 4, sum), add(fma(difference2, 8, difference), m[5])};
}

void WinogradEmitter::transformInputs() {
  forTiles([&](Index tile) {
    Index at = b.add(input.offset, b.mul(batch, input.strides[0]));
    at = b.add(at, b.mul(b.mul(row(tile), size), input.strides[1]));
    at = b.add(at, b.mul(b.mul(column(tile), size), input.strides[2]));
    Index to = b.add(transformed.offset, b.mul(tile, transformed.strides[1]));
    forChannels(channels, [&](Index channel, Index count) {
      // Columns first: half[j][i] is row i of column j.
      std::vector<Values> half;
      for (int64_t j = 0; j < edge; ++j) {
        Values d;
        for (int64_t i = 0; i < edge; ++i) {
          Index place =
              b.add(b.mul(input.strides[1], i), b.mul(input.strides[2], j));
          d.push_back(loadVector(
              b, input.flat, b.add(b.add(at, channel), place), type, count));
        }
        half.push_back(inputRow(d));
      }
      for (int64_t i = 0; i < edge; ++i) {
        Values d;
        for (int64_t j = 0; j < edge; ++j)
          d.push_back(half[j][i]);
        for (auto [j, value] : llvm::enumerate(inputRow(d)))
          storeVector(b, value, transformed.flat,
                      b.add(b.add(to, channel), b.mul(transformed.strides[0],
                                                      i * edge + int64_t(j))),
                      count);
      }
    });
  });
}

void WinogradEmitter::multiply() {
  auto product =
      nn::MatmulOp::create(b, TypeRange(), stacked, op.getFilter(),
                           ValueRange(), stackedProducts, b.getUnitAttr());
  nn::addTrivialEpilogue(b, product.getEpilogue(), b.getLoc(), b.getF32Type(),
                         {});
}

void WinogradEmitter::storeTile(const std::vector<Values> &pixels, Index row,
                                Index column, Index channel, Index count) {
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < size; ++j) {
      Index y = b.add(b.mul(row, size), i), x = b.add(b.mul(column, size), j);
      // Pixels of the last tiles may lie outside.
      Value inside;
      auto require = [&](Index at, int64_t extent, int64_t place) {
        if (extent % size == 0 || place < extent % size)
          return;
        Value fits =
            arith::CmpIOp::create(b, arith::CmpIPredicate::ult, b.value(at),
                                  b.value(b.fixed(extent)));
        inside =
            inside ? arith::AndIOp::create(b, inside, fits).getResult() : fits;
      };
      require(y, height, i);
      require(x, width, j);
      OpBuilder::InsertionGuard guard(b);
      if (inside) {
        auto branch = scf::IfOp::create(b, inside, /*withElseRegion=*/false);
        b.setInsertionPoint(branch.thenYield());
      }
      epilogue->store(b, pixels[i][j], {batch, y, x, channel}, count);
    }
}

void WinogradEmitter::transformOutputs() {
  forTiles([&](Index tile) {
    Index from = b.add(products.offset, b.mul(tile, products.strides[1]));
    forChannels(outputs, [&](Index channel, Index count) {
      std::vector<Values> half, pixels;
      for (int64_t j = 0; j < edge; ++j) {
        Values m;
        for (int64_t i = 0; i < edge; ++i)
          m.push_back(
              loadVector(b, products.flat,
                         b.add(b.add(from, channel),
                               b.mul(products.strides[0], i * edge + j)),
                         type, count));
        half.push_back(outputRow(m));
      }
      for (int64_t i = 0; i < size; ++i) {
        Values m;
        for (int64_t j = 0; j < edge; ++j)
          m.push_back(half[j][i]);
        pixels.push_back(outputRow(m));
      }
      storeTile(pixels, row(tile), column(tile), channel, count);
    });
  });
}

void WinogradEmitter::emit() {
  int64_t strips = llvm::divideCeil(height, size) / stripRows;
  Index batches = getAsOpFoldResult(
      b.value(b.fixed(cast<MemRefType>(op.getInit().getType()).getDimSize(0))));
  auto loop = [&](Index count, llvm::function_ref<void(Index)> body) {
    if (b.known(count) == 1)
      return body(b.fixed(0));
    auto steps = scf::ForOp::create(b, b.value(b.fixed(0)), b.value(count),
                                    b.value(b.fixed(1)));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(steps.getBody());
    body(steps.getInductionVar());
  };
  loop(batches, [&](Index image) {
    batch = image;
    loop(b.fixed(strips), [&](Index number) {
      strip = number;
      transformInputs();
      multiply();
      transformOutputs();
    });
  });
  op.erase();
}

struct ExpandWinograd : ashlar::impl::ExpandWinogradBase<ExpandWinograd> {
  void runOnOperation() override {
    SmallVector<nn::WinogradOp> work;
    getOperation().walk([&](nn::WinogradOp op) { work.push_back(op); });
    for (nn::WinogradOp op : work)
      WinogradEmitter(op).emit();
  }
};

} // namespace
