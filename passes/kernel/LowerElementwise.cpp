//===- LowerElementwise.cpp - parallel generics in vectors ----------------===//
#include "passes/kernel/Passes.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "dialects/tile/TileDialect.h"
#include "passes/kernel/Epilogue.h"
#include "passes/kernel/StridedWalk.h"

namespace ashlar {
#define GEN_PASS_DEF_LOWERELEMENTWISE
#include "passes/kernel/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

using Index = OpFoldResult;

/// Elements that one iteration of the outer loops does at most, so that a long
/// row makes several tasks.
constexpr int64_t kBlock = 1 << 12;

/// Element types of vectors that lie in memory as scalars do; truth values take
/// a byte.
bool isWholeBytes(Type type) {
  return type.isIntOrFloat() &&
         (type.getIntOrFloatBitWidth() % 8 == 0 || type.isInteger(1));
}

class ElementwiseEmitter {
public:
  explicit ElementwiseEmitter(linalg::GenericOp op)
      : op(op), b(op.getLoc(), op) {}

  /// Finds the axis of vectors; false if the operation is left to others.
  bool analyse();
  void emit();

private:
  bool chooseAxis();
  bool classify();
  /// True if an operation can be done for many elements at once.
  bool isVectorizable(Operation &inner);
  bool isRowLoad(memref::LoadOp load);
  bool isVarying(Value value) { return varying.contains(value); }
  int64_t chooseLanes();

  void emitOuter();
  void emitRow(const WalkNest &nest, Index low, Index count);
  void emitVector(Index k, Index count, ArrayRef<Index> offsets,
                  const IRMapping &uniform);
  /// What does not change along the row, once.
  IRMapping emitUniform(ArrayRef<Index> at, ArrayRef<Index> offsets);

  linalg::GenericOp op;
  IndexArithmetic b;
  StridedWalk walk;
  unsigned axis = 0; // group of the walk that vectors lie along
  llvm::SmallDenseSet<Value> varying;
  SmallVector<WalkedOperand> operands;
  SmallVector<Index> extents; // of the groups
  int64_t lanes = 0;
};

/// A group along which the outputs are contiguous and inputs are so or do not
/// change; the innermost of these.
bool ElementwiseEmitter::chooseAxis() {
  unsigned inputs = op.getNumDpsInputs();
  for (unsigned candidate = walk.groups.size(); candidate-- > 0;) {
    bool fits = true;
    for (unsigned number = 0; fits && number < op->getNumOperands(); ++number) {
      auto step = walk.stepOf(op, number, walk.groups[candidate]);
      fits = step && (*step == 1 || (*step == 0 && number < inputs));
    }
    if (!fits)
      continue;
    axis = candidate;
    int64_t extent = 1;
    for (unsigned loop : walk.groups[axis]) {
      int64_t size = op.getStaticLoopRanges()[loop];
      if (ShapedType::isDynamic(size))
        return true;
      extent *= size;
    }
    return extent >= 4;
  }
  return false;
}

/// A load of neighbours along the axis, in a place that is otherwise the same.
bool ElementwiseEmitter::isRowLoad(memref::LoadOp load) {
  auto type = load.getMemRefType();
  if (load.getIndices().empty() || !type.isLastDimUnitStride() ||
      !isWholeBytes(type.getElementType()) ||
      llvm::any_of(load.getIndices().drop_back(),
                   [&](Value index) { return isVarying(index); }))
    return false;
  auto index = load.getIndices().back().getDefiningOp<linalg::IndexOp>();
  return index && walk.groups[axis].size() == 1 &&
         index.getDim() == walk.groups[axis][0];
}

bool ElementwiseEmitter::isVectorizable(Operation &inner) {
  if (isa<linalg::IndexOp>(inner)) // only rows may be read along the axis
    return llvm::all_of(inner.getUsers(), [&](Operation *user) {
      auto load = dyn_cast<memref::LoadOp>(user);
      return load && isRowLoad(load);
    });
  if (auto load = dyn_cast<memref::LoadOp>(inner))
    return isRowLoad(load);
  if (inner.getNumRegions() || !OpTrait::hasElementwiseMappableTraits(&inner) ||
      isa<arith::RemFOp>(inner))
    return false;
  // Functions of doubles are calls of a library, index types no numbers.
  bool isFunction = isa_and_present<math::MathDialect>(inner.getDialect());
  return llvm::all_of(
      llvm::concat<const Type>(SmallVector<Type>(inner.getOperandTypes()),
                               SmallVector<Type>(inner.getResultTypes())),
      [&](Type type) {
        return type.isIntOrFloat() && !(isFunction && type.isF64());
      });
}

bool ElementwiseEmitter::classify() {
  Block &body = *op.getBody();
  for (OpOperand &operand : op->getOpOperands()) {
    BlockArgument argument = op.getMatchingBlockArgument(&operand);
    if (!isWholeBytes(argument.getType()) &&
        (!argument.use_empty() || op.isDpsInit(&operand)))
      return false;
    if (walk.stepOf(op, operand.getOperandNumber(), walk.groups[axis]) != 0)
      varying.insert(argument);
  }
  for (Operation &inner : body.without_terminator()) {
    auto index = dyn_cast<linalg::IndexOp>(inner);
    bool changes =
        (index && llvm::is_contained(walk.groups[axis], index.getDim())) ||
        llvm::any_of(inner.getOperands(),
                     [&](Value operand) { return isVarying(operand); });
    if (!changes) {
      if (inner.getNumRegions() ||
          !(isPure(&inner) || isa<memref::LoadOp>(inner)))
        return false;
      continue;
    }
    varying.insert(inner.getResults().begin(), inner.getResults().end());
    if (!isVectorizable(inner))
      return false;
  }
  return true;
}

int64_t ElementwiseEmitter::chooseLanes() {
  unsigned bits = 8;
  auto consider = [&](Type type) {
    if (type.isIntOrFloat())
      bits = std::max(bits, type.getIntOrFloatBitWidth());
  };
  for (Value value : varying)
    consider(value.getType());
  int64_t count = tile::getTarget(op).getVectorBytes() * 8 / bits;
  if (auto extent = b.known(extents[axis]))
    while (count > 4 && count / 2 >= *extent)
      count /= 2;
  return std::max<int64_t>(count, 4);
}

bool ElementwiseEmitter::analyse() {
  if (op.getNumParallelLoops() != op.getNumLoops() || op.getNumLoops() == 0 ||
      op.getNumDpsInits() == 0)
    return false;
  auto found = StridedWalk::of(op);
  if (!found || found->groups.empty())
    return false;
  walk = *found;
  return chooseAxis() && classify();
}

void ElementwiseEmitter::emit() {
  for (unsigned number = 0; number < op->getNumOperands(); ++number)
    operands.emplace_back(b, op, number, walk);
  extents = walk.extents(b, op);
  lanes = chooseLanes();
  emitOuter();
  op.erase();
}

/// A parallel loop over all axes but that of vectors, and over blocks of the
/// latter.
void ElementwiseEmitter::emitOuter() {
  auto known = b.known(extents[axis]);
  Index blocks =
      known && *known <= kBlock ? b.fixed(1) : b.ceilDiv(extents[axis], kBlock);
  OpBuilder::InsertionGuard guard(b);
  WalkNest nest = WalkNest::open(b, extents, {axis}, blocks);
  if (b.known(blocks) == 1)
    return emitRow(nest, b.fixed(0), extents[axis]);
  Index low = b.mul(nest.block, kBlock);
  emitRow(nest, low, b.min(b.sub(extents[axis], low), b.fixed(kBlock)));
}

IRMapping ElementwiseEmitter::emitUniform(ArrayRef<Index> at,
                                          ArrayRef<Index> offsets) {
  IRMapping mapping;
  Block &body = *op.getBody();
  for (auto [number, argument] : llvm::enumerate(body.getArguments()))
    if (!isVarying(argument) && !argument.use_empty())
      mapping.map(argument,
                  memref::LoadOp::create(b, operands[number].flat,
                                         ValueRange{b.value(offsets[number])})
                      .getResult());
  for (Operation &inner : body.without_terminator()) {
    if (inner.getNumResults() && isVarying(inner.getResult(0)))
      continue;
    auto index = dyn_cast<linalg::IndexOp>(inner);
    if (!index) {
      b.clone(inner, mapping);
      continue;
    }
    Index place = b.fixed(0);
    for (auto [group, loops] : llvm::enumerate(walk.groups))
      if (at[group] && llvm::is_contained(loops, index.getDim()))
        place = at[group];
    mapping.map(index.getResult(), b.value(place));
  }
  return mapping;
}

void ElementwiseEmitter::emitVector(Index k, Index count,
                                    ArrayRef<Index> offsets,
                                    const IRMapping &uniform) {
  IRMapping mapping = uniform;
  Block &body = *op.getBody();
  for (auto [number, argument] : llvm::enumerate(body.getArguments()))
    if (isVarying(argument) && !argument.use_empty())
      mapping.map(
          argument,
          loadVector(b, operands[number].flat, b.add(offsets[number], k),
                     VectorType::get({lanes}, argument.getType()), count));
  for (Operation &inner : body.without_terminator()) {
    if (!isVarying(inner.getResult(0)) || isa<linalg::IndexOp>(inner))
      continue;
    if (auto load = dyn_cast<memref::LoadOp>(inner)) {
      FlatView view = FlatView::of(b, load.getMemRef());
      Index place = b.add(view.offset, k);
      for (auto [index, stride] :
           llvm::zip(load.getIndices().drop_back(), view.strides))
        place =
            b.add(place, b.mul(Index(mapping.lookupOrDefault(index)), stride));
      mapping.map(load.getResult(),
                  loadVector(b, view.flat, place,
                             VectorType::get({lanes}, load.getType()), count));
      continue;
    }
    mapping.map(inner.getResults(),
                vectorizeOperation(b, inner, mapping, lanes)->getResults());
  }
  unsigned inputs = op.getNumDpsInputs();
  for (auto [number, value] :
       llvm::enumerate(body.getTerminator()->getOperands())) {
    Value stored = mapping.lookupOrDefault(value);
    if (!isa<VectorType>(stored.getType()))
      stored = vector::BroadcastOp::create(
          b, VectorType::get({lanes}, stored.getType()), stored);
    storeVector(b, stored, operands[inputs + number].flat,
                b.add(offsets[inputs + number], k), count);
  }
}

void ElementwiseEmitter::emitRow(const WalkNest &nest, Index low, Index count) {
  SmallVector<Index> offsets = nest.offsets(b, operands);
  IRMapping uniform = emitUniform(nest.at, offsets);
  Index high = b.add(low, count);
  Index whole = b.add(low, b.mul(b.div(count, lanes), lanes));
  auto loop = [&](Index from, Index to, Index present) {
    auto first = b.known(from), end = b.known(to);
    if (first && end && *end <= *first)
      return;
    if (first && end && *end - *first <= lanes)
      return emitVector(from, present, offsets, uniform);
    auto vectors = scf::ForOp::create(b, b.value(from), b.value(to),
                                      b.value(b.fixed(lanes)));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(vectors.getBody());
    emitVector(Index(vectors.getInductionVar()), present, offsets, uniform);
  };
  loop(low, whole, b.fixed(lanes));
  // What fills no vector; nothing if the extent is known to be a multiple.
  if (auto extent = b.known(extents[axis]); extent && *extent % lanes == 0)
    return;
  loop(whole, high, b.sub(high, whole));
}

void generalise(linalg::FillOp fill) {
  OpBuilder b(fill);
  Value value = fill.getInputs()[0], output = fill.getOutputs()[0];
  int64_t rank = cast<MemRefType>(output.getType()).getRank();
  linalg::GenericOp::create(
      b, fill.getLoc(), ValueRange(), ValueRange{output},
      ArrayRef<AffineMap>{b.getMultiDimIdentityMap(rank)},
      SmallVector<utils::IteratorType>(rank, utils::IteratorType::parallel),
      [&](OpBuilder &inner, Location loc, ValueRange) {
        linalg::YieldOp::create(inner, loc, value);
      });
  fill.erase();
}

struct LowerElementwise : ashlar::impl::LowerElementwiseBase<LowerElementwise> {
  void runOnOperation() override {
    // Fills are elementwise operations of no input.
    SmallVector<linalg::FillOp> fills;
    getOperation().walk([&](linalg::FillOp fill) { fills.push_back(fill); });
    for (linalg::FillOp fill : fills)
      generalise(fill);
    SmallVector<linalg::GenericOp> work;
    getOperation().walk([&](linalg::GenericOp op) { work.push_back(op); });
    for (linalg::GenericOp op : work) {
      ElementwiseEmitter emitter(op);
      if (emitter.analyse())
        emitter.emit();
    }
  }
};

} // namespace
