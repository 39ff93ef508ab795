//===- ProduceInPlace.cpp - producers write where they are joined ---------===//
#include "passes/bufferize/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include "dialects/nn/NnDialect.h"
#include "passes/bufferize/JoinedTensor.h"

namespace ashlar {
#define GEN_PASS_DEF_PRODUCEINPLACE
#include "passes/bufferize/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

/// Operations that read and write buffers with gaps as well as others.
bool readsSlices(OpOperand &use) {
  Operation *user = use.getOwner();
  return isa<nn::ConvOp, nn::PoolOp, nn::WinogradOp, linalg::GenericOp,
             tensor::InsertSliceOp, tensor::ExtractSliceOp, tensor::PadOp>(
      user);
}

class Joiner {
public:
  Joiner(JoinedTensor &join, DominanceInfo &dominance)
      : join(join), dominance(dominance) {}

  void run();

private:
  /// The operation that can write the part's slice, or null.
  Operation *findProducer(const JoinedPart &part);
  bool isInsertOfJoin(Operation *op);
  void chooseProducers();
  bool isAvailable(OpFoldResult value, Operation *before);
  Value makeBase(ImplicitLocOpBuilder &b);
  Value fillFrame(ImplicitLocOpBuilder &b, Value base);
  Value insert(OpBuilder &b, Location loc, const JoinedPart &part, Value source,
               Value current);
  /// Other readers of what a producer made read the slice.
  void redirect(Value made, const JoinedPart &part, Operation *own);

  JoinedTensor &join;
  DominanceInfo &dominance;
  /// The joined tensor after each part that a producer writes, in program
  /// order.
  SmallVector<tensor::InsertSliceOp> versions;
};

bool Joiner::isInsertOfJoin(Operation *op) {
  // The row of insertions that the parts were read from ends in the root.
  auto insert = dyn_cast<tensor::InsertSliceOp>(op);
  while (insert) {
    if (insert == join.root)
      return true;
    if (!insert->hasOneUse())
      return false;
    Operation *user = *insert->user_begin();
    if (user == join.root)
      return true;
    insert = dyn_cast<tensor::InsertSliceOp>(user);
  }
  return op == join.root;
}

bool Joiner::isAvailable(OpFoldResult value, Operation *before) {
  auto operand = dyn_cast<Value>(value);
  if (!operand || dominance.properlyDominates(operand, before))
    return true;
  return operand.getDefiningOp<arith::ConstantOp>() != nullptr;
}

Operation *Joiner::findProducer(const JoinedPart &part) {
  Operation *producer = part.source.getDefiningOp();
  if (!producer || producer->getBlock() != join.root->getBlock() ||
      part.source != producer->getResult(0))
    return nullptr;
  auto style = dyn_cast<DestinationStyleOpInterface>(producer);
  if (!style ||
      (style.getNumDpsInits() != 1 && !isa<nn::WinogradOp>(producer)) ||
      !style.getDpsInits()[0].getDefiningOp<tensor::EmptyOp>())
    return nullptr;
  if (auto generic = dyn_cast<linalg::GenericOp>(producer)) {
    if (generic.getNumParallelLoops() != generic.getNumLoops() ||
        generic.payloadUsesValueFromOperand(generic.getDpsInitOperand(0)))
      return nullptr;
  } else if (!isa<nn::ConvOp, nn::PoolOp, nn::MatmulOp, nn::SoftmaxOp,
                  nn::WinogradOp>(producer)) {
    return nullptr;
  }
  if (!llvm::all_of(producer->getUses(), readsSlices))
    return nullptr;
  // A producer that reads other parts of the join would have to read and
  // write one buffer.
  for (const JoinedPart &other : join.parts)
    if (llvm::is_contained(producer->getOperands(), other.source))
      return nullptr;
  // What describes the joined tensor must be known before.
  for (const SmallVector<OpFoldResult> &values :
       {join.sizes, part.offsets, part.sizes, part.strides})
    if (!llvm::all_of(values, [&](OpFoldResult value) {
          return isAvailable(value, producer);
        }))
      return nullptr;
  if (join.pad && !isAvailable(join.pad.getConstantPaddingValue(), producer))
    return nullptr;
  return producer;
}

void Joiner::chooseProducers() {
  for (unsigned i = 0; i < join.parts.size(); ++i)
    for (unsigned j = 0; j < i; ++j)
      if (!areDisjoint(join.parts[i], join.parts[j]))
        return;
  llvm::SmallPtrSet<Operation *, 4> taken;
  for (JoinedPart &part : join.parts) {
    Operation *producer = findProducer(part);
    if (producer && taken.insert(producer).second)
      part.producer = producer;
  }
}

Value Joiner::fillFrame(ImplicitLocOpBuilder &b, Value base) {
  Value value = join.pad.getConstantPaddingValue();
  if (auto constant = value.getDefiningOp<arith::ConstantOp>())
    value = b.clone(*constant)->getResult(0);
  int64_t rank = join.sizes.size();
  SmallVector<OpFoldResult> offsets(rank, b.getIndexAttr(0)),
      sizes = join.sizes, strides(rank, b.getIndexAttr(1));
  auto fill = [&](int64_t axis, OpFoldResult offset, int64_t size) {
    if (size == 0)
      return;
    SmallVector<OpFoldResult> at = offsets, extent = sizes;
    at[axis] = offset;
    extent[axis] = b.getIndexAttr(size);
    Value slab = tensor::ExtractSliceOp::create(b, base, at, extent, strides);
    Value filled = linalg::FillOp::create(b, value, slab).getResult(0);
    base = tensor::InsertSliceOp::create(b, filled, base, at, extent, strides);
  };
  for (int64_t axis = 0; axis < rank; ++axis) {
    int64_t low = join.pad.getStaticLow()[axis];
    int64_t high = join.pad.getStaticHigh()[axis];
    if (low == 0 && high == 0)
      continue;
    AffineExpr d;
    bindDims(b.getContext(), d);
    OpFoldResult inner = affine::makeComposedFoldedAffineApply(
        b, b.getLoc(), d - (low + high), {join.sizes[axis]});
    OpFoldResult behind = affine::makeComposedFoldedAffineApply(
        b, b.getLoc(), d - high, {join.sizes[axis]});
    fill(axis, b.getIndexAttr(0), low);
    fill(axis, behind, high);
    // Corners are filled once.
    offsets[axis] = b.getIndexAttr(low);
    sizes[axis] = inner;
  }
  return base;
}

Value Joiner::makeBase(ImplicitLocOpBuilder &b) {
  Type element = getElementTypeOrSelf(join.root->getResult(0).getType());
  // No tensor.empty: slices of one fold, and equal frames are not one frame.
  auto [shape, dynamic] = decomposeMixedValues(join.sizes);
  SmallVector<Value> sizes(dynamic);
  Value base = bufferization::AllocTensorOp::create(
      b, RankedTensorType::get(shape, element), sizes);
  return join.pad ? fillFrame(b, base) : base;
}

Value Joiner::insert(OpBuilder &b, Location loc, const JoinedPart &part,
                     Value source, Value current) {
  return tensor::InsertSliceOp::create(b, loc, source, current, part.offsets,
                                       part.sizes, part.strides);
}

void Joiner::redirect(Value made, const JoinedPart &part, Operation *own) {
  for (OpOperand &use : llvm::make_early_inc_range(made.getUses())) {
    Operation *user = use.getOwner();
    if (user == own || isInsertOfJoin(user))
      continue;
    Operation *place = own->getBlock()->findAncestorOpInBlock(*user);
    // The last version that is there when the user reads.
    tensor::InsertSliceOp version;
    for (tensor::InsertSliceOp candidate : versions)
      if (place && candidate->isBeforeInBlock(place))
        version = candidate;
    if (!version)
      continue;
    OpBuilder b(place);
    use.set(tensor::ExtractSliceOp::create(
        b, user->getLoc(), cast<RankedTensorType>(made.getType()),
        version.getResult(), part.offsets, part.sizes, part.strides));
  }
}

void Joiner::run() {
  chooseProducers();
  SmallVector<JoinedPart *> order;
  for (JoinedPart &part : join.parts)
    if (part.producer)
      order.push_back(&part);
  llvm::stable_sort(order, [](JoinedPart *a, JoinedPart *b) {
    return a->producer->isBeforeInBlock(b->producer);
  });
  ImplicitLocOpBuilder b(join.root->getLoc(),
                         order.empty() ? join.root : order.front()->producer);
  Value current = makeBase(b);
  for (JoinedPart *part : order) {
    auto style = cast<DestinationStyleOpInterface>(part->producer);
    b.setInsertionPoint(part->producer);
    auto type = cast<RankedTensorType>(part->source.getType());
    Value slice = tensor::ExtractSliceOp::create(
        b, type, current, part->offsets, part->sizes, part->strides);
    style.getDpsInitOperand(0)->set(slice);
    b.setInsertionPointAfter(part->producer);
    current = insert(b, part->producer->getLoc(), *part, part->source, current);
    versions.push_back(current.getDefiningOp<tensor::InsertSliceOp>());
  }
  for (auto [part, version] : llvm::zip(order, versions))
    redirect(part->source, *part, version);
  b.setInsertionPoint(join.root);
  for (JoinedPart &part : join.parts)
    if (!part.producer)
      current = insert(b, join.root->getLoc(), part, part.source, current);
  join.root->getResult(0).replaceAllUsesWith(current);
}

struct ProduceInPlace : ashlar::impl::ProduceInPlaceBase<ProduceInPlace> {
  void runOnOperation() override {
    // Insertions of reshaped tensors as insertions of fewer axes.
    RewritePatternSet patterns(&getContext());
    tensor::populateReassociativeReshapeFoldingPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    // Paddings first, since what they pad may be joined.
    SmallVector<tensor::PadOp> pads;
    SmallVector<tensor::InsertSliceOp> inserts;
    getOperation().walk([&](Operation *op) {
      if (auto pad = dyn_cast<tensor::PadOp>(op))
        pads.push_back(pad);
      auto insert = dyn_cast<tensor::InsertSliceOp>(op);
      if (insert && isLastInsertion(insert) &&
          !(insert->hasOneUse() && isa<tensor::PadOp>(*insert->user_begin())))
        inserts.push_back(insert);
    });
    for (tensor::PadOp pad : pads)
      if (auto join = joinOf(pad))
        replace(*join);
    for (tensor::InsertSliceOp insert : inserts) {
      if (erased.contains(insert))
        continue;
      auto join = joinOf(insert);
      if (join && join->parts.size() > 1)
        replace(*join);
    }
  }

  void replace(JoinedTensor &join) {
    DominanceInfo dominance(getOperation());
    Joiner(join, dominance).run();
    // The row of insertions that nothing reads any more.
    Operation *dead = join.root;
    while (dead && isOpTriviallyDead(dead)) {
      Value next =
          isa<tensor::PadOp>(dead) ? dead->getOperand(0) : dead->getOperand(1);
      erased.insert(dead);
      dead->erase();
      dead = next.getDefiningOp<tensor::InsertSliceOp>();
    }
  }

  llvm::SmallPtrSet<Operation *, 8> erased;
};

} // namespace
