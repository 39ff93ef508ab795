//===- LowerSoftmax.cpp - softmax a few rows at a time --------------------===//
#include "passes/kernel/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "dialects/nn/NnDialect.h"
#include "dialects/tile/TileDialect.h"
#include "passes/analysis/ArgumentRange.h"
#include "passes/kernel/Epilogue.h"
#include "passes/kernel/LaneFold.h"
#include "passes/kernel/TaskShares.h"

namespace ashlar {
#define GEN_PASS_DEF_LOWERSOFTMAX
#include "passes/kernel/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

using Index = OpFoldResult;

constexpr int64_t kLanes = kSumLanes;
constexpr int64_t kTasks = 32;
constexpr int64_t kRows = 4; // at a time
/// Maxima that are found side by side: their order does not matter.
constexpr int64_t kChains = 4;
/// Elements of the rows whose powers are kept on the stack (64 KiB).
constexpr int64_t kKept = 16384;

class SoftmaxEmitter {
public:
  explicit SoftmaxEmitter(nn::SoftmaxOp op)
      : op(op), b(op.getLoc(), op), input(FlatView::of(b, op.getInput())),
        epilogue(b, op.getEpilogue(), op.getExtras(), op.getInit()),
        type(VectorType::get({kLanes}, b.getF32Type())),
        stored(VectorType::get({tile::getTarget(op).getVectorBytes() / 4},
                               b.getF32Type())),
        length(input.sizes.back()) {}

  void emit();

private:
  struct Row {
    Index base;              // of its elements in the input
    OutputPosition position; // of its first element
    Index kept;              // place of its powers in the scratch
    Value greatest, scale;   // scalars
  };

  Row rowAt(Index number, int64_t place);
  void emitRows(MutableArrayRef<Row> rows);
  Value load(const Row &row, Index k, VectorType vector, Index count);
  Value power(const Row &row, Index k, VectorType vector, Index count);
  void findGreatest(Row &row);
  void sumPowers(Row &row);
  void store(const Row &row);
  void storeVectors(const Row &row, Index k, int64_t vectors, Index count);
  /// Folds what `at` gives for the blocks of 16 elements of a row, the last of
  /// which has fewer: there `neutral` is in the other lanes. So many `chains`
  /// of blocks are folded side by side, so that one need not wait for the
  /// other.
  Value fold(float neutral, int64_t chains,
             llvm::function_ref<Value(Index, Index)> at,
             llvm::function_ref<Value(Value, Value)> combine);
  /// The same of whole blocks alone, from `low` to `high`.
  Value foldBlocks(Index low, Index high, Value start, int64_t chains,
                   llvm::function_ref<Value(Index, Index)> at,
                   llvm::function_ref<Value(Value, Value)> combine);

  Value splat(float value) {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, b.getF32FloatAttr(value)));
  }

  nn::SoftmaxOp op;
  IndexArithmetic b;
  FlatView input;
  Epilogue epilogue;
  VectorType type, stored; // of sums; of what the epilogue is applied to
  Index length;
  Value scratch; // null if powers are computed twice
};

Value SoftmaxEmitter::foldBlocks(
    Index low, Index high, Value start, int64_t chains,
    llvm::function_ref<Value(Index, Index)> at,
    llvm::function_ref<Value(Value, Value)> combine) {
  if (b.known(high) && b.known(high) == b.known(low))
    return start;
  auto loop = scf::ForOp::create(b, b.value(low), b.value(high),
                                 b.value(b.fixed(chains * kLanes)),
                                 SmallVector<Value>(chains, start));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> next;
    for (int64_t chain = 0; chain < chains; ++chain)
      next.push_back(combine(
          loop.getRegionIterArgs()[chain],
          at(b.add(loop.getInductionVar(), chain * kLanes), b.fixed(kLanes))));
    scf::YieldOp::create(b, next);
  }
  Value folded = loop.getResult(0);
  for (Value other : loop.getResults().drop_front())
    folded = combine(folded, other);
  return folded;
}

Value SoftmaxEmitter::fold(float neutral, int64_t chains,
                           llvm::function_ref<Value(Index, Index)> at,
                           llvm::function_ref<Value(Value, Value)> combine) {
  int64_t together = chains * kLanes;
  Index whole = b.mul(b.div(length, kLanes), kLanes),
        rest = b.sub(length, whole),
        chained = b.mul(b.div(length, together), together);
  Value folded =
      foldBlocks(b.fixed(0), chained, splat(neutral), chains, at, combine);
  if (chains > 1)
    folded = foldBlocks(chained, whole, folded, 1, at, combine);
  if (b.known(rest) != 0) {
    auto mask = vector::CreateMaskOp::create(
        b, VectorType::get({kLanes}, b.getI1Type()), ValueRange{b.value(rest)});
    Value last =
        arith::SelectOp::create(b, mask, at(whole, rest), splat(neutral));
    folded = combine(folded, last);
  }
  return foldLanes(b, folded, combine);
}

Value SoftmaxEmitter::load(const Row &row, Index k, VectorType vector,
                           Index count) {
  return loadVector(b, input.flat, b.add(row.base, k), vector, count);
}

Value SoftmaxEmitter::power(const Row &row, Index k, VectorType vector,
                            Index count) {
  Value greatest = vector::BroadcastOp::create(b, vector, row.greatest);
  Value difference =
      arith::SubFOp::create(b, load(row, k, vector, count), greatest);
  return makeExpOfNonPositive(b, b.getLoc(), difference);
}

void SoftmaxEmitter::findGreatest(Row &row) {
  // A NaN is passed over here: its power is NaN, and with it the sum.
  row.greatest = fold(
      -std::numeric_limits<float>::infinity(), kChains,
      [&](Index k, Index count) { return load(row, k, type, count); },
      [&](Value x, Value y) -> Value {
        Value above = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, y, x);
        return arith::SelectOp::create(b, above, y, x);
      });
}

void SoftmaxEmitter::sumPowers(Row &row) {
  Value sum = fold(
      -0.0f, /*chains=*/1,
      [&](Index k, Index count) {
        Value result = power(row, k, type, count);
        if (scratch)
          storeVector(b, result, scratch, b.add(row.kept, k), b.fixed(kLanes));
        return result;
      },
      [&](Value x, Value y) -> Value {
        return arith::AddFOp::create(b, x, y);
      });
  Value one = arith::ConstantOp::create(b, b.getF32FloatAttr(1));
  row.scale = arith::DivFOp::create(b, one, sum);
}

void SoftmaxEmitter::storeVectors(const Row &row, Index k, int64_t vectors,
                                  Index count) {
  Value scale = vector::BroadcastOp::create(b, stored, row.scale);
  SmallVector<PlacedSums> all;
  for (int64_t i = 0; i < vectors; ++i) {
    int64_t before = i * stored.getNumElements();
    Index at = b.add(k, before);
    bool isLast = i + 1 == vectors;
    Index here = isLast ? b.sub(count, b.fixed(before))
                        : b.fixed(stored.getNumElements());
    Value powers = scratch ? loadVector(b, scratch, b.add(row.kept, at), stored,
                                        b.fixed(stored.getNumElements()))
                           : power(row, at, stored, here);
    OutputPosition position = row.position;
    position.channel = at;
    PlacedSums placed{arith::MulFOp::create(b, powers, scale), position, here};
    if (!isLast)
      placed.next = PlacedSums::Next::Channels;
    all.push_back(placed);
  }
  epilogue.store(b, all);
}

void SoftmaxEmitter::store(const Row &row) {
  // As many at a time as are made bytes together.
  int64_t lanes = stored.getNumElements(), together = lanes * kPackedVectors;
  Index whole = b.mul(b.div(length, together), together);
  b.forLoop(b.fixed(0), whole, together, [&](Index k) {
    storeVectors(row, k, kPackedVectors, b.fixed(together));
  });
  if (auto known = b.known(length)) {
    if (int64_t rest = *known % together)
      storeVectors(row, whole, llvm::divideCeil(rest, lanes), b.fixed(rest));
    return;
  }
  b.forLoop(whole, length, lanes, [&](Index k) {
    storeVectors(row, k, 1, b.min(b.sub(length, k), b.fixed(lanes)));
  });
}

SoftmaxEmitter::Row SoftmaxEmitter::rowAt(Index number, int64_t place) {
  size_t axes = input.sizes.size() - 1; // before the last
  SmallVector<Index> sizes(
      llvm::reverse(ArrayRef(input.sizes).take_front(axes)));
  SmallVector<Index> at = b.delinearize(number, sizes);
  Row row;
  row.base = input.offset;
  for (size_t axis = 0; axis < axes; ++axis)
    row.base = b.add(row.base, b.mul(at[axis], input.strides[axes - 1 - axis]));
  Index none = b.fixed(0);
  // [x, n], [batch, x, n] or [batch, y, x, n].
  row.position = {axes == 1 ? none : at.back(), axes == 3 ? at[1] : none, at[0],
                  none};
  if (scratch)
    row.kept = b.fixed(place * llvm::alignTo(*b.known(length), kLanes));
  return row;
}

void SoftmaxEmitter::emitRows(MutableArrayRef<Row> rows) {
  for (Row &row : rows)
    findGreatest(row);
  for (Row &row : rows)
    sumPowers(row);
  for (Row &row : rows)
    store(row);
}

void SoftmaxEmitter::emit() {
  Index count = b.fixed(1);
  for (Index size : ArrayRef(input.sizes).drop_back())
    count = b.mul(count, size);
  auto rows = b.known(count);
  int64_t together = rows && *rows % kRows == 0 ? kRows : 1;
  Index steps = b.div(count, together);
  if (b.known(steps) == 0)
    return;
  Index tasks = b.min(steps, b.fixed(kTasks));
  auto grid = tile::GridOp::create(b, b.value(tasks));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&grid.getBody().front());
  auto known = b.known(length);
  if (known && *known * together <= kKept)
    scratch = memref::AllocaOp::create(
        b,
        MemRefType::get({together * int64_t(llvm::alignTo(*known, kLanes))},
                        b.getF32Type()),
        b.getI64IntegerAttr(64));
  Index task = Value(grid.getTask());
  Index low = firstPiece(b, task, steps, tasks),
        high = firstPiece(b, b.add(task, 1), steps, tasks);
  b.forLoop(low, high, 1, [&](Index step) {
    SmallVector<Row> some;
    for (int64_t i = 0; i < together; ++i)
      some.push_back(rowAt(b.add(b.mul(step, together), i), i));
    emitRows(some);
  });
}

struct LowerSoftmax : ashlar::impl::LowerSoftmaxBase<LowerSoftmax> {
  void runOnOperation() override {
    SmallVector<nn::SoftmaxOp> work;
    getOperation().walk([&](nn::SoftmaxOp op) { work.push_back(op); });
    for (nn::SoftmaxOp op : work) {
      SoftmaxEmitter(op).emit();
      op.erase();
    }
  }
};

} // namespace
