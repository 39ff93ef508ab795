//===- LowerReductions.cpp - reductions of rows in one fixed order
//----------===//
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
           arith::MaxNumFOp, arith::MinNumFOp, arith::AddIOp>(combiner) ||
      !accumulator.hasOneUse() || *accumulator.user_begin() != combiner)
    return nullptr;
  return combiner;
}

TypedAttr neutralOf(Operation *combiner, Builder &b) {
  Type type = combiner->getResult(0).getType();
  if (isa<arith::AddIOp>(combiner))
    return b.getZeroAttr(type);
  double infinity = std::numeric_limits<double>::infinity();
  if (isa<arith::AddFOp>(combiner))
    return b.getFloatAttr(type, -0.0);
  if (isa<arith::MulFOp>(combiner))
    return b.getFloatAttr(type, 1.0);
  bool isMaximum = isa<arith::MaximumFOp, arith::MaxNumFOp>(combiner);
  return b.getFloatAttr(type, isMaximum ? -infinity : infinity);
}

class ReductionEmitter {
public:
  ReductionEmitter(linalg::GenericOp op, Operation *combiner)
      : op(op), combiner(combiner), b(op.getLoc(), op),
        type(VectorType::get({kLanes}, combiner->getResult(0).getType())) {}

  void emit();

private:
  void emitRow(ArrayRef<Value> outer);
  /// Element, or vector of elements from `k` on, of input `number`.
  Value readInput(unsigned number, ArrayRef<Value> outer, Value k,
                  bool asVector);
  /// What the body folds in, for one place or a vector of places.
  Value element(ArrayRef<Value> outer, Value k, bool asVector);
  Value combine(Value accumulator, Value value);
  Value foldLanes(Value vector);
  SmallVector<Value> indicesOf(AffineMap map, ArrayRef<Value> loops);

  linalg::GenericOp op;
  Operation *combiner;
  IndexArithmetic b;
  VectorType type;
  SmallVector<Value> extents;
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
                                  Value k, bool asVector) {
  SmallVector<Value> loops(outer);
  loops.push_back(k);
  OpOperand *input = op.getDpsInputOperand(number);
  AffineMap map = op.getMatchingIndexingMap(input);
  SmallVector<Value> indices = indicesOf(map, loops);
  bool varies = map.isFunctionOfDim(op.getNumLoops() - 1);
  Type elementType = getElementTypeOrSelf(input->get().getType());
  if (asVector && varies)
    return vector::LoadOp::create(b, VectorType::get({kLanes}, elementType),
                                  input->get(), indices);
  return memref::LoadOp::create(b, input->get(), indices);
}

Value ReductionEmitter::element(ArrayRef<Value> outer, Value k, bool asVector) {
  IRMapping mapping;
  Block &body = *op.getBody();
  for (unsigned number = 0; number < op.getNumDpsInputs(); ++number) {
    BlockArgument argument = body.getArgument(number);
    if (!argument.use_empty())
      mapping.map(argument, readInput(number, outer, k, asVector));
  }
  for (Operation &inner : body.without_terminator()) {
    if (&inner == combiner)
      continue;
    Operation *copy = asVector ? vectorizeOperation(b, inner, mapping, kLanes)
                               : b.clone(inner, mapping);
    mapping.map(inner.getResults(), copy->getResults());
  }
  Value accumulator = body.getArguments().back();
  Value folded = combiner->getOperand(0) == accumulator
                     ? combiner->getOperand(1)
                     : combiner->getOperand(0);
  Value value = mapping.lookupOrDefault(folded);
  if (asVector && !isa<VectorType>(value.getType()))
    value = vector::BroadcastOp::create(b, type, value);
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
  Value zero = b.value(b.fixed(0)), one = b.value(b.fixed(1));
  Value lanes = b.value(b.fixed(kLanes)), extent = extents.back();
  Value whole =
      b.value(b.mul(b.div(getAsOpFoldResult(extent), kLanes), kLanes));
  Value start = arith::ConstantOp::create(
      b, DenseElementsAttr::get(type, {Attribute(neutralOf(combiner, b))}));
  auto vectors = scf::ForOp::create(b, zero, whole, lanes, start);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(vectors.getBody());
    Value next = combine(vectors.getRegionIterArgs()[0],
                         element(outer, vectors.getInductionVar(), true));
    scf::YieldOp::create(b, next);
  }
  SmallVector<Value> loops(outer);
  loops.push_back(zero);
  Value output = op.getDpsInits()[0];
  SmallVector<Value> at = indicesOf(op.getIndexingMapsArray().back(), loops);
  Value initial = memref::LoadOp::create(b, output, at);
  Value folded = combine(initial, foldLanes(vectors.getResult(0)));
  auto rest = scf::ForOp::create(b, whole, extent, one, folded);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(rest.getBody());
    Value next = combine(rest.getRegionIterArgs()[0],
                         element(outer, rest.getInductionVar(), false));
    scf::YieldOp::create(b, next);
  }
  memref::StoreOp::create(b, rest.getResult(0), output, at);
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

bool isVectorizable(linalg::GenericOp op) {
  return llvm::all_of(op.getBody()->without_terminator(), [](Operation &inner) {
    return inner.hasTrait<OpTrait::ConstantLike>() ||
           (OpTrait::hasElementwiseMappableTraits(&inner) &&
            inner.getNumRegions() == 0);
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
        if (Type type = combiner->getResult(0).getType();
            type.isF32() || type.isInteger(32))
          ReductionEmitter(op, combiner).emit();
    }
  }
};

} // namespace
