//===- LowerReductions.cpp - reductions in one fixed order ----------------===//
#include "passes/kernel/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "passes/analysis/ReductionCombiner.h"
#include "passes/kernel/Epilogue.h"
#include "passes/kernel/LaneFold.h"

namespace ashlar {
#define GEN_PASS_DEF_LOWERREDUCTIONS
#include "passes/kernel/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

using Index = OpFoldResult;

constexpr int64_t kLanes = kSumLanes;
/// Maxima or minima of a row that are found side by side.
constexpr int64_t kChains = 4;
/// Rows that are folded together before they join others, and rows of which
/// those join the rest: the error of a sum grows with the number of terms one
/// after another.
constexpr int64_t kChunks[] = {64, 8};

/// The value that changes nothing when it is folded in.
TypedAttr neutralOf(Operation *combiner) {
  Type type = combiner->getResult(0).getType();
  if (auto integer = dyn_cast<IntegerType>(type)) {
    unsigned bits = integer.getWidth();
    llvm::APInt value(bits, 0);
    if (isa<arith::MaxSIOp>(combiner))
      value = llvm::APInt::getSignedMinValue(bits);
    else if (isa<arith::MinSIOp>(combiner))
      value = llvm::APInt::getSignedMaxValue(bits);
    else if (isa<arith::MinUIOp>(combiner))
      value = llvm::APInt::getMaxValue(bits);
    return IntegerAttr::get(integer, value);
  }
  double infinity = std::numeric_limits<double>::infinity();
  double value = isa<arith::AddFOp>(combiner)   ? -0.0
                 : isa<arith::MulFOp>(combiner) ? 1.0
                 : isa<arith::MaximumFOp, arith::MaxNumFOp>(combiner)
                     ? -infinity
                     : infinity;
  return FloatAttr::get(type, value);
}

/// The index of a loop that an operation makes an integer of, or null.
linalg::IndexOp castIndex(Operation &op) {
  auto cast = dyn_cast<arith::IndexCastOp>(op);
  return cast ? cast.getIn().getDefiningOp<linalg::IndexOp>()
              : linalg::IndexOp();
}

/// Folds in vectors along the last loop: if it reduces, the lanes are folded at
/// the end; if not, each lane has a result of its own.
class ReductionEmitter {
public:
  ReductionEmitter(linalg::GenericOp op, Operation *combiner);
  void emit();

private:
  /// Calls `body` for all values of the parallel loops before the last, and,
  /// if `blocks` is given, for so many blocks of 16 of the last.
  void forEachResult(std::optional<Index> blocks,
                     llvm::function_ref<void(Value block)> body);
  void emitRow();
  void emitColumns(Value first, Value mask);
  /// What the reducing loops before the last fold, those from number `level`
  /// on; each loop folds on its own, so that sums are sums of partial sums.
  Value foldLoops(unsigned level, llvm::function_ref<Value()> innermost);
  /// The same over a loop from `low` to `high`, in steps.
  Value foldLoop(Index low, Index high, int64_t step,
                 llvm::function_ref<Value(Value)> at);
  /// Folds the blocks of 16 elements of a row, to `whole`, into `neutral`.
  Value foldBlocks(Index whole);
  /// The same one by one, in chunks of chunks where the loop is long; `count`
  /// iterations if that is known.
  Value foldChunks(Index low, Index high, std::optional<int64_t> count,
                   ArrayRef<int64_t> chunks,
                   llvm::function_ref<Value(Value)> at);
  /// Elements of input `number` from the loops' values on, those that `mask`
  /// has if there is one; a scalar where the last loop does not matter.
  Value readInput(unsigned number, Value mask);
  /// The values that a loop's index takes there, as integers of a type.
  Value positions(unsigned loop, Type type);
  /// What the body folds in at 16 places of the last loop from `k` on.
  Value elements(Value k, Value mask);
  Value combine(Value accumulator, Value value);
  Value maskOf(Index count);
  SmallVector<Value> indicesOf(AffineMap map);

  linalg::GenericOp op;
  Operation *combiner;
  IndexArithmetic b;
  VectorType type;
  unsigned last;
  bool lastReduces;
  SmallVector<unsigned> parallel, reducing; // loops before the last
  SmallVector<Index> extents;
  SmallVector<Value> loops; // where the walk is
  Value neutral;            // in all lanes
};

ReductionEmitter::ReductionEmitter(linalg::GenericOp op, Operation *combiner)
    : op(op), combiner(combiner), b(op.getLoc(), op),
      type(VectorType::get({kLanes}, combiner->getResult(0).getType())),
      last(op.getNumLoops() - 1), loops(op.getNumLoops()) {
  auto kinds = op.getIteratorTypesArray();
  lastReduces = kinds[last] == utils::IteratorType::reduction;
  for (unsigned loop = 0; loop < last; ++loop)
    (kinds[loop] == utils::IteratorType::reduction ? reducing : parallel)
        .push_back(loop);
}

SmallVector<Value> ReductionEmitter::indicesOf(AffineMap map) {
  SmallVector<Value> indices;
  for (AffineExpr expression : map.getResults()) {
    if (auto dim = dyn_cast<AffineDimExpr>(expression))
      indices.push_back(loops[dim.getPosition()]);
    else
      indices.push_back(arith::ConstantIndexOp::create(
          b, cast<AffineConstantExpr>(expression).getValue()));
  }
  return indices;
}

Value ReductionEmitter::readInput(unsigned number, Value mask) {
  OpOperand *input = op.getDpsInputOperand(number);
  AffineMap map = op.getMatchingIndexingMap(input);
  SmallVector<Value> indices = indicesOf(map);
  if (!map.isFunctionOfDim(last))
    return memref::LoadOp::create(b, input->get(), indices);
  auto vector =
      VectorType::get({kLanes}, getElementTypeOrSelf(input->get().getType()));
  if (!mask)
    return vector::LoadOp::create(b, vector, input->get(), indices);
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(vector));
  return vector::MaskedLoadOp::create(b, vector, input->get(), indices, mask,
                                      zero);
}

Value ReductionEmitter::positions(unsigned loop, Type type) {
  auto vector = VectorType::get({kLanes}, type);
  Value start = vector::BroadcastOp::create(
      b, vector, arith::IndexCastOp::create(b, type, loops[loop]));
  if (loop != last)
    return start;
  SmallVector<Attribute> lanes;
  for (int64_t lane = 0; lane < kLanes; ++lane)
    lanes.push_back(b.getIntegerAttr(type, lane));
  return arith::AddIOp::create(
      b, start,
      arith::ConstantOp::create(b, DenseElementsAttr::get(vector, lanes)));
}

Value ReductionEmitter::elements(Value k, Value mask) {
  loops[last] = k;
  IRMapping mapping;
  Block &body = *op.getBody();
  for (unsigned number = 0; number < op.getNumDpsInputs(); ++number) {
    BlockArgument argument = body.getArgument(number);
    if (!argument.use_empty())
      mapping.map(argument, readInput(number, mask));
  }
  for (Operation &inner : body.without_terminator()) {
    if (&inner == combiner || isa<linalg::IndexOp>(inner))
      continue;
    if (linalg::IndexOp index = castIndex(inner))
      mapping.map(inner.getResult(0),
                  positions(index.getDim(), inner.getResult(0).getType()));
    else
      mapping.map(inner.getResults(),
                  vectorizeOperation(b, inner, mapping, kLanes)->getResults());
  }
  Value accumulator = body.getArguments().back();
  Value folded = combiner->getOperand(0) == accumulator
                     ? combiner->getOperand(1)
                     : combiner->getOperand(0);
  Value value = mapping.lookupOrDefault(folded);
  if (!isa<VectorType>(value.getType()))
    value = vector::BroadcastOp::create(b, type, value);
  if (mask)
    value = arith::SelectOp::create(b, mask, value, neutral);
  return value;
}

Value ReductionEmitter::combine(Value accumulator, Value value) {
  // Accumulators begin with the neutral value and are never NaN, so that one
  // comparison passes over NaNs.
  if (isa<arith::MaxNumFOp, arith::MinNumFOp>(combiner)) {
    auto better = isa<arith::MaxNumFOp>(combiner) ? arith::CmpFPredicate::OGT
                                                  : arith::CmpFPredicate::OLT;
    Value isBetter = arith::CmpFOp::create(b, better, value, accumulator);
    return arith::SelectOp::create(b, isBetter, value, accumulator);
  }
  OperationState state(op.getLoc(), combiner->getName());
  state.addOperands({accumulator, value});
  state.addTypes(accumulator.getType());
  return b.create(state)->getResult(0);
}

Value ReductionEmitter::maskOf(Index count) {
  auto maskType = VectorType::get({kLanes}, b.getI1Type());
  if (auto known = b.known(count))
    return vector::ConstantMaskOp::create(b, maskType,
                                          ArrayRef<int64_t>{*known});
  return vector::CreateMaskOp::create(b, maskType, ValueRange{b.value(count)});
}

Value ReductionEmitter::foldLoop(Index low, Index high, int64_t step,
                                 llvm::function_ref<Value(Value)> at) {
  auto loop = scf::ForOp::create(b, b.value(low), b.value(high),
                                 b.value(b.fixed(step)), neutral);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value next = combine(loop.getRegionIterArgs()[0], at(loop.getInductionVar()));
  scf::YieldOp::create(b, next);
  return loop.getResult(0);
}

Value ReductionEmitter::foldLoops(unsigned level,
                                  llvm::function_ref<Value()> innermost) {
  if (level == reducing.size())
    return innermost();
  unsigned loop = reducing[level];
  Index extent = extents[loop];
  auto body = [&](Value k) {
    loops[loop] = k;
    return foldLoops(level + 1, innermost);
  };
  if (lastReduces || level + 1 < reducing.size())
    return foldLoop(b.fixed(0), extent, 1, body);
  return foldChunks(b.fixed(0), extent, b.known(extent), kChunks, body);
}

Value ReductionEmitter::foldChunks(Index low, Index high,
                                   std::optional<int64_t> count,
                                   ArrayRef<int64_t> chunks,
                                   llvm::function_ref<Value(Value)> at) {
  while (!chunks.empty() && count && *count <= chunks.front())
    chunks = chunks.drop_front();
  if (chunks.empty())
    return foldLoop(low, high, 1, at);
  int64_t chunk = chunks.front();
  bool whole = count && *count % chunk == 0;
  return foldLoop(low, high, chunk, [&](Value first) {
    Index end = b.add(first, chunk);
    if (!whole)
      end = b.min(end, high);
    return foldChunks(first, end, whole ? std::optional(chunk) : std::nullopt,
                      chunks.drop_front(), at);
  });
}

// Maxima and minima, of which any order gives the same.
static bool isOrderFree(Operation *combiner) {
  return !isa<arith::AddFOp, arith::MulFOp, arith::AddIOp, arith::MulIOp>(
      combiner);
}

Value ReductionEmitter::foldBlocks(Index whole) {
  auto at = [&](Value k) { return elements(k, Value()); };
  auto known = b.known(whole);
  if (!isOrderFree(combiner) || (known && *known < kChains * kLanes))
    return foldLoop(b.fixed(0), whole, kLanes, at);
  // Side by side, so that one need not wait for the other.
  int64_t together = kChains * kLanes;
  Index chained = b.mul(b.div(whole, together), together);
  auto loop = scf::ForOp::create(b, b.value(b.fixed(0)), b.value(chained),
                                 b.value(b.fixed(together)),
                                 SmallVector<Value>(kChains, neutral));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> next;
    for (int64_t chain = 0; chain < kChains; ++chain) {
      Index k = b.add(loop.getInductionVar(), chain * kLanes);
      next.push_back(combine(loop.getRegionIterArgs()[chain], at(b.value(k))));
    }
    scf::YieldOp::create(b, next);
  }
  Value folded = loop.getResult(0);
  for (Value other : loop.getResults().drop_front())
    folded = combine(folded, other);
  if (b.known(b.sub(whole, chained)) == 0)
    return folded;
  return combine(folded, foldLoop(chained, whole, kLanes, at));
}

void ReductionEmitter::emitRow() {
  Index extent = extents[last], whole = b.mul(b.div(extent, kLanes), kLanes),
        rest = b.sub(extent, whole);
  Value sums = foldLoops(0, [&]() -> Value {
    Value row = neutral;
    if (b.known(whole) != 0)
      row = foldBlocks(whole);
    if (b.known(rest) != 0)
      row = combine(row, elements(b.value(whole), maskOf(rest)));
    return row;
  });
  loops[last] = b.value(b.fixed(0));
  Value output = op.getDpsInits()[0];
  SmallVector<Value> at = indicesOf(op.getIndexingMapsArray().back());
  Value initial = memref::LoadOp::create(b, output, at);
  memref::StoreOp::create(b,
                          combine(initial, foldLanes(b, sums,
                                                     [&](Value x, Value y) {
                                                       return combine(x, y);
                                                     })),
                          output, at);
}

void ReductionEmitter::emitColumns(Value first, Value mask) {
  Value sums = foldLoops(0, [&] { return elements(first, mask); });
  loops[last] = first;
  Value output = op.getDpsInits()[0];
  SmallVector<Value> at = indicesOf(op.getIndexingMapsArray().back());
  if (!mask) {
    Value initial = vector::LoadOp::create(b, type, output, at);
    vector::StoreOp::create(b, combine(initial, sums), output, at);
    return;
  }
  Value initial =
      vector::MaskedLoadOp::create(b, type, output, at, mask, neutral);
  vector::MaskedStoreOp::create(b, output, at, mask, combine(initial, sums));
}

void ReductionEmitter::forEachResult(
    std::optional<Index> blocks, llvm::function_ref<void(Value block)> body) {
  SmallVector<Value> sizes;
  for (unsigned loop : parallel)
    sizes.push_back(b.value(extents[loop]));
  if (blocks)
    sizes.push_back(b.value(*blocks));
  if (sizes.empty()) {
    // One loop around all of it, which may become a task.
    auto once = scf::ForOp::create(b, b.value(b.fixed(0)), b.value(b.fixed(1)),
                                   b.value(b.fixed(1)));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(once.getBody());
    return body(Value());
  }
  SmallVector<Value> zeros(sizes.size(), b.value(b.fixed(0))),
      ones(sizes.size(), b.value(b.fixed(1)));
  auto nest = scf::ParallelOp::create(b, zeros, sizes, ones);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(nest.getBody());
  for (auto [number, loop] : llvm::enumerate(parallel))
    loops[loop] = nest.getInductionVars()[number];
  body(blocks ? nest.getInductionVars().back() : Value());
}

void ReductionEmitter::emit() {
  auto structured = cast<linalg::LinalgOp>(op.getOperation());
  for (Range range : structured.createLoopRanges(b, op.getLoc()))
    extents.push_back(range.size);
  neutral = arith::ConstantOp::create(
      b, DenseElementsAttr::get(type, {Attribute(neutralOf(combiner))}));
  Index whole = b.div(extents[last], kLanes);
  Index rest = b.sub(extents[last], b.mul(whole, kLanes));
  if (lastReduces)
    forEachResult(std::nullopt, [&](Value) { emitRow(); });
  if (!lastReduces && b.known(whole) != 0)
    forEachResult(whole, [&](Value block) {
      emitColumns(b.value(b.mul(Index(block), kLanes)), Value());
    });
  if (!lastReduces && b.known(rest) != 0)
    forEachResult(std::nullopt, [&](Value) {
      emitColumns(b.value(b.mul(whole, kLanes)), maskOf(rest));
    });
  op.erase();
}

/// Some loop reduces, and elements lie side by side along the last one.
bool readsRows(linalg::GenericOp op) {
  unsigned loops = op.getNumLoops();
  if (loops == 0 || op.getNumDpsInits() != 1 || op.getNumReductionLoops() == 0)
    return false;
  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    if (!type)
      return false;
    for (auto [axis, expression] : llvm::enumerate(map.getResults())) {
      if (!isa<AffineDimExpr, AffineConstantExpr>(expression))
        return false;
      auto dim = dyn_cast<AffineDimExpr>(expression);
      bool isLastLoop = dim && dim.getPosition() + 1 == loops;
      if (isLastLoop && axis + 1 != map.getNumResults())
        return false;
    }
    if (map.isFunctionOfDim(loops - 1) && !type.isLastDimUnitStride())
      return false;
  }
  return true;
}

bool isWholeBytes(Type type) {
  return type.isF32() ||
         (isa<IntegerType>(type) && type.getIntOrFloatBitWidth() % 8 == 0);
}

bool isVectorizable(linalg::GenericOp op) {
  for (BlockArgument argument : op.getBody()->getArguments())
    if (!isWholeBytes(argument.getType()))
      return false;
  return llvm::all_of(op.getBody()->without_terminator(), [](Operation &inner) {
    if (isa<linalg::IndexOp>(inner))
      return llvm::all_of(inner.getUsers(),
                          [](Operation *user) { return castIndex(*user); });
    if (castIndex(inner))
      return isWholeBytes(inner.getResult(0).getType());
    return inner.hasTrait<OpTrait::ConstantLike>() ||
           (OpTrait::hasElementwiseMappableTraits(&inner) &&
            inner.getNumRegions() == 0 &&
            llvm::none_of(inner.getResultTypes(),
                          [](Type type) { return type.isIndex(); }));
  });
}

struct LowerReductions : ashlar::impl::LowerReductionsBase<LowerReductions> {
  void runOnOperation() override {
    SmallVector<linalg::GenericOp> work;
    getOperation().walk([&](linalg::GenericOp op) { work.push_back(op); });
    for (linalg::GenericOp op : work) {
      if (!readsRows(op) || !isVectorizable(op))
        continue;
      if (Operation *combiner = findCombiner(op))
        ReductionEmitter(op, combiner).emit();
    }
  }
};

} // namespace
