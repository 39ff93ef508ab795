//===- LowerReductions.cpp - row reductions in one fixed order ------------===//
#include "passes/kernel/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "passes/kernel/Epilogue.h"

namespace ashlar {
#define GEN_PASS_DEF_LOWERREDUCTIONS
#include "passes/kernel/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

/// Lanes of the sum, on every target.
constexpr int64_t kLanes = 16;

/// The operation that folds into the output, if the body ends in one.
Operation *findCombiner(linalg::GenericOp op) {
  Operation *combiner =
      op.getBody()->getTerminator()->getOperand(0).getDefiningOp();
  BlockArgument accumulator = op.getBody()->getArguments().back();
  if (!combiner || combiner->getBlock() != op.getBody() ||
      !isa<arith::AddFOp, arith::MulFOp, arith::MaximumFOp, arith::MinimumFOp,
           arith::MaxNumFOp, arith::MinNumFOp, arith::AddIOp, arith::MaxSIOp,
           arith::MinSIOp, arith::MaxUIOp, arith::MinUIOp>(combiner) ||
      !accumulator.hasOneUse() || *accumulator.user_begin() != combiner)
    return nullptr;
  return combiner;
}

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

class ReductionEmitter {
public:
  ReductionEmitter(linalg::GenericOp op, Operation *combiner)
      : op(op), combiner(combiner), b(op.getLoc(), op),
        type(VectorType::get({kLanes}, combiner->getResult(0).getType())) {}

  void emit();

private:
  void emitRow(ArrayRef<Value> outer);
  /// Elements of input `number` from `k` on, those that `mask` has if there is
  /// one; a scalar where the input is the same all along.
  Value readInput(unsigned number, ArrayRef<Value> outer, Value k, Value mask);
  /// What the body folds in at 16 places.
  Value elements(ArrayRef<Value> outer, Value k, Value mask);
  Value combine(Value accumulator, Value value);
  Value foldLanes(Value vector);
  SmallVector<Value> indicesOf(AffineMap map, ArrayRef<Value> loops);

  linalg::GenericOp op;
  Operation *combiner;
  IndexArithmetic b;
  VectorType type;
  SmallVector<Value> extents;
  Value neutral; // in all lanes
};

SmallVector<Value> ReductionEmitter::indicesOf(AffineMap map,
                                               ArrayRef<Value> loops) {
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

Value ReductionEmitter::readInput(unsigned number, ArrayRef<Value> outer,
                                  Value k, Value mask) {
  SmallVector<Value> loops(outer);
  loops.push_back(k);
  OpOperand *input = op.getDpsInputOperand(number);
  AffineMap map = op.getMatchingIndexingMap(input);
  SmallVector<Value> indices = indicesOf(map, loops);
  if (!map.isFunctionOfDim(op.getNumLoops() - 1))
    return memref::LoadOp::create(b, input->get(), indices);
  auto vector =
      VectorType::get({kLanes}, getElementTypeOrSelf(input->get().getType()));
  if (!mask)
    return vector::LoadOp::create(b, vector, input->get(), indices);
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(vector));
  return vector::MaskedLoadOp::create(b, vector, input->get(), indices, mask,
                                      zero);
}

Value ReductionEmitter::elements(ArrayRef<Value> outer, Value k, Value mask) {
  IRMapping mapping;
  Block &body = *op.getBody();
  for (unsigned number = 0; number < op.getNumDpsInputs(); ++number) {
    BlockArgument argument = body.getArgument(number);
    if (!argument.use_empty())
      mapping.map(argument, readInput(number, outer, k, mask));
  }
  for (Operation &inner : body.without_terminator())
    if (&inner != combiner)
      mapping.map(inner.getResults(),
                  vectorizeOperation(b, inner, mapping, kLanes)->getResults());
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
  OperationState state(op.getLoc(), combiner->getName());
  state.addOperands({accumulator, value});
  state.addTypes(accumulator.getType());
  return b.create(state)->getResult(0);
}

Value ReductionEmitter::foldLanes(Value vector) {
  for (int64_t half = kLanes / 2; half >= 1; half /= 2) {
    auto slice = [&](int64_t from) -> Value {
      return vector::ExtractStridedSliceOp::create(
          b, vector, ArrayRef<int64_t>{from}, ArrayRef<int64_t>{half},
          ArrayRef<int64_t>{1});
    };
    vector = combine(slice(0), slice(half));
  }
  return vector::ExtractOp::create(b, vector, ArrayRef<int64_t>{0});
}

void ReductionEmitter::emitRow(ArrayRef<Value> outer) {
  OpFoldResult extent = getAsOpFoldResult(extents.back());
  OpFoldResult whole = b.mul(b.div(extent, kLanes), kLanes);
  neutral = arith::ConstantOp::create(
      b, DenseElementsAttr::get(type, {Attribute(neutralOf(combiner))}));
  Value sums = neutral;
  if (b.known(whole) != 0) {
    auto vectors = scf::ForOp::create(b, b.value(b.fixed(0)), b.value(whole),
                                      b.value(b.fixed(kLanes)), neutral);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(vectors.getBody());
    Value next = combine(vectors.getRegionIterArgs()[0],
                         elements(outer, vectors.getInductionVar(), Value()));
    scf::YieldOp::create(b, next);
    sums = vectors.getResult(0);
  }
  OpFoldResult rest = b.sub(extent, whole);
  if (b.known(rest) != 0) {
    auto maskType = VectorType::get({kLanes}, b.getI1Type());
    Value mask = b.known(rest)
                     ? vector::ConstantMaskOp::create(
                           b, maskType, ArrayRef<int64_t>{*b.known(rest)})
                           .getResult()
                     : vector::CreateMaskOp::create(b, maskType,
                                                    ValueRange{b.value(rest)})
                           .getResult();
    sums = combine(sums, elements(outer, b.value(whole), mask));
  }
  SmallVector<Value> loops(outer);
  loops.push_back(b.value(b.fixed(0)));
  Value output = op.getDpsInits()[0];
  SmallVector<Value> at = indicesOf(op.getIndexingMapsArray().back(), loops);
  Value initial = memref::LoadOp::create(b, output, at);
  memref::StoreOp::create(b, combine(initial, foldLanes(sums)), output, at);
}

void ReductionEmitter::emit() {
  auto structured = cast<linalg::LinalgOp>(op.getOperation());
  for (Range range : structured.createLoopRanges(b, op.getLoc()))
    extents.push_back(b.value(range.size));
  ArrayRef<Value> outer = ArrayRef(extents).drop_back();
  if (outer.empty()) {
    emitRow({});
  } else {
    SmallVector<Value> zeros(outer.size(), b.value(b.fixed(0)));
    SmallVector<Value> ones(outer.size(), b.value(b.fixed(1)));
    auto nest = scf::ParallelOp::create(b, zeros, outer, ones);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(nest.getBody());
    emitRow(SmallVector<Value>(nest.getInductionVars()));
  }
  op.erase();
}

/// The last loop alone reduces, over elements that lie side by side.
bool isRowReduction(linalg::GenericOp op) {
  unsigned loops = op.getNumLoops();
  if (loops == 0 || op.getNumDpsInits() != 1 || op.hasIndexSemantics() ||
      op.getNumReductionLoops() != 1 ||
      op.getIteratorTypesArray().back() != utils::IteratorType::reduction)
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
      if (!isRowReduction(op) || !isVectorizable(op))
        continue;
      if (Operation *combiner = findCombiner(op))
        ReductionEmitter(op, combiner).emit();
    }
  }
};

} // namespace
