//===- FuseEpilogues.cpp - elementwise consumers into epilogues -----------===//
#include "passes/fuse/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include "dialects/nn/NnDialect.h"

namespace ashlar {
#define GEN_PASS_DEF_FUSEEPILOGUES
#include "passes/fuse/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

/// True if the operation is the same on scalars and on vectors of them.
bool isLanewise(Operation &op) {
  if (op.hasTrait<OpTrait::ConstantLike>())
    return op.getResult(0).getType().isIntOrFloat();
  return OpTrait::hasElementwiseMappableTraits(&op) && op.getNumRegions() == 0;
}

/// The rank that an operand of an elementwise operation has in one of the forms
/// that epilogues read: the destination's shape, its channels, or one value.
/// Nothing if it has none of them.
std::optional<int64_t> rankAsExtra(Value operand, AffineMap access) {
  auto type = cast<RankedTensorType>(operand.getType());
  if (access.isIdentity())
    return type.getRank();
  // The loop that moves along an axis; none where there is a single element.
  auto loopOf = [&](int64_t axis) {
    return type.getDimSize(axis) == 1
               ? AffineDimExpr(nullptr)
               : dyn_cast<AffineDimExpr>(access.getResult(axis));
  };
  // Its own shape but for axes of size 1, all read at index 0.
  bool broadcasts = access.getNumResults() == access.getNumDims();
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    AffineDimExpr dim = loopOf(axis);
    broadcasts &= dim ? dim.getPosition() == axis : type.getDimSize(axis) == 1;
  }
  // Every axis but that of the channels must be a single element.
  bool perChannel = false;
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    AffineDimExpr dim = loopOf(axis);
    if ((dim && (perChannel || dim.getPosition() + 1 != access.getNumDims())) ||
        (!dim && type.getDimSize(axis) != 1))
      return broadcasts ? std::optional(type.getRank()) : std::nullopt;
    perChannel |= static_cast<bool>(dim);
  }
  return perChannel ? 1 : 0;
}

/// The operand with that rank.
Value asExtra(PatternRewriter &rewriter, Location loc, Value operand,
              int64_t rank) {
  auto type = cast<RankedTensorType>(operand.getType());
  if (type.getRank() == rank)
    return operand;
  SmallVector<ReassociationIndices> groups(rank);
  if (rank)
    groups[0] = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
  return tensor::CollapseShapeOp::create(rewriter, loc, operand, groups);
}

struct FuseConsumer : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    if (op->getNumResults() != 1 ||
        op.getNumParallelLoops() != op.getNumLoops() ||
        !op.getIndexingMapsArray().back().isIdentity() ||
        op.payloadUsesValueFromOperand(op.getDpsInitOperand(0)) ||
        !llvm::all_of(op.getBody()->without_terminator(), isLanewise))
      return failure();
    // The last contraction in program order: the others are there already.
    OpOperand *fused = nullptr;
    for (OpOperand *input : op.getDpsInputOperands()) {
      Operation *producer = input->get().getDefiningOp();
      if (!producer ||
          !isa<nn::ConvOp, nn::MatmulOp, nn::PoolOp, nn::SoftmaxOp>(producer) ||
          !input->get().hasOneUse() || producer->getBlock() != op->getBlock() ||
          !op.getMatchingIndexingMap(input).isIdentity())
        continue;
      if (!fused || fused->get().getDefiningOp()->isBeforeInBlock(producer))
        fused = input;
    }
    if (!fused ||
        cast<RankedTensorType>(fused->get().getType()).getShape() !=
            cast<RankedTensorType>(op->getResult(0).getType()).getShape())
      return failure();
    return fuse(op, fused, rewriter);
  }

private:
  LogicalResult fuse(linalg::GenericOp op, OpOperand *fused,
                     PatternRewriter &rewriter) const {
    Operation *producer = fused->get().getDefiningOp();
    Location loc = rewriter.getFusedLoc({producer->getLoc(), op.getLoc()});
    // Nothing is made before it is known that all can be.
    SmallVector<std::pair<Value, int64_t>> extras;
    for (OpOperand *input : op.getDpsInputOperands()) {
      if (input == fused)
        continue;
      auto rank = rankAsExtra(input->get(), op.getMatchingIndexingMap(input));
      if (!rank)
        return failure();
      extras.emplace_back(input->get(), *rank);
    }
    SmallVector<Value> added;
    for (auto [operand, rank] : extras)
      added.push_back(asExtra(rewriter, op.getLoc(), operand, rank));
    // The same operation with more extras and a destination of its own.
    auto style = cast<DestinationStyleOpInterface>(producer);
    Value init = tensor::EmptyOp::create(
        rewriter, op.getLoc(),
        tensor::getMixedSizes(rewriter, op.getLoc(), style.getDpsInits()[0]),
        getElementTypeOrSelf(op->getResult(0).getType()));
    OperationState state(loc, producer->getName());
    state.addOperands(producer->getOperands().drop_back());
    state.addOperands(added);
    state.addOperands(init);
    state.addTypes(init.getType());
    state.addAttributes(producer->getAttrs());
    state.propertiesAttr = producer->getPropertiesAsAttribute();
    state.addRegion();
    Operation *result = rewriter.create(state);
    rewriter.inlineRegionBefore(producer->getRegion(0), result->getRegion(0),
                                result->getRegion(0).begin());
    appendBody(op, fused, result, rewriter);
    rewriter.replaceOp(op, result->getResults());
    rewriter.eraseOp(producer);
    return success();
  }

  /// Continues the epilogue of `result` with the body of `op`.
  void appendBody(linalg::GenericOp op, OpOperand *fused, Operation *result,
                  PatternRewriter &rewriter) const {
    Block &epilogue = result->getRegion(0).front();
    Operation *yield = epilogue.getTerminator();
    IRMapping mapping;
    for (OpOperand *input : op.getDpsInputOperands()) {
      BlockArgument argument = op.getMatchingBlockArgument(input);
      if (input == fused)
        mapping.map(argument, yield->getOperand(0));
      else
        mapping.map(argument,
                    epilogue.addArgument(argument.getType(), op.getLoc()));
    }
    rewriter.setInsertionPoint(yield);
    for (Operation &inner : op.getBody()->without_terminator())
      rewriter.clone(inner, mapping);
    Value stored =
        mapping.lookupOrDefault(op.getBody()->getTerminator()->getOperand(0));
    rewriter.modifyOpInPlace(yield, [&] { yield->setOperand(0, stored); });
  }
};

struct FuseEpilogues : ashlar::impl::FuseEpiloguesBase<FuseEpilogues> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseConsumer>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
