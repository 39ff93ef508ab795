//===- SinkReshapes.cpp - reshapes behind what is elementwise -------------===//
#include "passes/fuse/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

#include "dialects/nn/NnDialect.h"

namespace ashlar {
#define GEN_PASS_DEF_SINKRESHAPES
#include "passes/fuse/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

using Groups = SmallVector<ReassociationIndices>;

/// One result of an access map: the loop that it follows, or nothing for a
/// constant 0.
std::optional<unsigned> loopOf(AffineExpr expression) {
  auto dim = dyn_cast<AffineDimExpr>(expression);
  return dim ? std::optional(dim.getPosition()) : std::nullopt;
}

/// An operand of an elementwise operation whose loops are merged by groups.
class CollapsedOperand {
public:
  /// Finds out how to read `operand`; `isPossible` is false for accesses other
  /// than loops in order and zeros.
  CollapsedOperand(Value operand, AffineMap access, const Groups &groups)
      : operand(operand), access(access) {
    unsigned axis = 0, rank = access.getNumResults();
    for (auto [number, group] : llvm::enumerate(groups)) {
      ReassociationIndices own;
      unsigned followed = 0;
      // The operand's axes for this group, zeros among them.
      while (axis < rank) {
        auto loop = loopOf(access.getResult(axis));
        bool zero = !loop && isa<AffineConstantExpr>(access.getResult(axis));
        if (!loop && !zero)
          return;
        if (loop && (*loop < group.front() || *loop > group.back()))
          break;
        // Zeros fill up the group, not more.
        if (zero && own.size() == group.size())
          break;
        if (loop && !own.empty() &&
            (own.size() == group.size() || *loop != group[own.size()]))
          return;
        followed += loop.has_value();
        own.push_back(axis++);
      }
      if (followed != 0 && followed != group.size())
        return;
      if (own.empty())
        continue;
      axes.push_back(own);
      loops.push_back(followed ? std::optional<unsigned>(number)
                               : std::nullopt);
    }
    isPossible = axis == rank;
  }

  bool isPossible = false;

  /// The operand with its axes merged.
  Value build(OpBuilder &builder, Location loc) const {
    if (llvm::all_of(axes, [](const auto &own) { return own.size() == 1; }))
      return operand;
    auto reshape = operand.getDefiningOp<tensor::ExpandShapeOp>();
    if (reshape && reshape.getReassociationIndices() == axes)
      return reshape.getSrc();
    return tensor::CollapseShapeOp::create(builder, loc, operand, axes);
  }
  AffineMap map(MLIRContext *context, unsigned loopCount) const {
    SmallVector<AffineExpr> results;
    for (std::optional<unsigned> loop : loops)
      results.push_back(loop ? getAffineDimExpr(*loop, context)
                             : getAffineConstantExpr(0, context));
    return AffineMap::get(loopCount, 0, results, context);
  }

private:
  Value operand;
  AffineMap access;
  Groups axes;
  SmallVector<std::optional<unsigned>> loops;
};

/// The reshape of a contraction's result that an operand is read through, where
/// the contraction could take the operation as epilogue but for it.
tensor::ExpandShapeOp reshapeOf(linalg::GenericOp op, OpOperand *input) {
  auto reshape = input->get().getDefiningOp<tensor::ExpandShapeOp>();
  if (!reshape || !op.getMatchingIndexingMap(input).isIdentity())
    return {};
  // Through elementwise operations in between, which were merged before.
  Operation *producer = reshape.getSrc().getDefiningOp();
  while (producer) {
    if (isa<nn::ConvOp, nn::MatmulOp, nn::PoolOp>(producer))
      return reshape;
    auto generic = dyn_cast<linalg::GenericOp>(producer);
    if (!generic || generic.getNumParallelLoops() != generic.getNumLoops() ||
        generic.getNumDpsInputs() == 0)
      return {};
    producer = generic.getDpsInputs().front().getDefiningOp();
  }
  return {};
}

/// Spreads an operand that has size 1 for some of the loops that are merged
/// with others which it follows.
Value spread(OpBuilder &rewriter, Location loc, linalg::GenericOp op,
             OpOperand *input) {
  AffineMap access = op.getMatchingIndexingMap(input);
  auto type = cast<RankedTensorType>(input->get().getType());
  auto result = cast<RankedTensorType>(op->getResult(0).getType());
  if (access.getNumResults() != op.getNumLoops() || !result.hasStaticShape())
    return {};
  // All axes but the last are spread: what is small stays small.
  SmallVector<int64_t> shape(result.getShape());
  unsigned last = op.getNumLoops() - 1;
  for (unsigned axis = 0; axis <= last; ++axis) {
    auto loop = loopOf(access.getResult(axis));
    if (loop ? *loop != axis : type.getDimSize(axis) != 1)
      return {};
  }
  // Trailing axes of size 1 that make a group of their own need not be spread.
  for (unsigned axis = 1; axis <= last; ++axis)
    if (!loopOf(access.getResult(axis)) && axis + 1 >= last)
      shape[axis] = 1;
  int64_t elements = 1, own = type.getNumElements();
  for (int64_t size : shape)
    elements *= size;
  if (elements > result.getNumElements() / 8 || elements == own)
    return {};
  Value empty =
      tensor::EmptyOp::create(rewriter, loc, shape, type.getElementType());
  AffineMap identity = rewriter.getMultiDimIdentityMap(last + 1);
  SmallVector<utils::IteratorType> iterators(last + 1,
                                             utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             rewriter, loc, TypeRange{empty.getType()},
             ValueRange{input->get()}, ValueRange{empty},
             ArrayRef<AffineMap>{access, identity}, iterators,
             [](OpBuilder &b, Location inner, ValueRange values) {
               linalg::YieldOp::create(b, inner, values.front());
             })
      .getResult(0);
}

/// elementwise(expand(x), ...) -> expand(elementwise(x, collapse(...)))
class Sinker {
public:
  explicit Sinker(MLIRContext *context) : rewriter(context) {}

  void visit(linalg::GenericOp op) {
    if (op->getNumResults() != 1 || op.hasIndexSemantics() ||
        op.getNumParallelLoops() != op.getNumLoops() ||
        !op.getIndexingMapsArray().back().isIdentity() ||
        !op.getDpsInits()[0].getDefiningOp<tensor::EmptyOp>())
      return;
    for (OpOperand *input : op.getDpsInputOperands())
      if (tensor::ExpandShapeOp reshape = reshapeOf(op, input))
        return sink(op, reshape);
  }

private:
  void sink(linalg::GenericOp op, tensor::ExpandShapeOp reshape) {
    Groups groups = reshape.getReassociationIndices();
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    if (type.getShape() != reshape.getResultType().getShape())
      return;
    rewriter.setInsertionPoint(op);
    SmallVector<CollapsedOperand> operands;
    for (OpOperand *input : op.getDpsInputOperands()) {
      CollapsedOperand operand(input->get(), op.getMatchingIndexingMap(input),
                               groups);
      if (!operand.isPossible) {
        Value whole = spread(rewriter, op.getLoc(), op, input);
        if (!whole)
          return;
        replaceInput(op, input, whole);
        operand =
            CollapsedOperand(whole, op.getMatchingIndexingMap(input), groups);
        if (!operand.isPossible)
          return;
      }
      operands.push_back(std::move(operand));
    }
    merge(op, reshape, operands);
  }

  void merge(linalg::GenericOp op, tensor::ExpandShapeOp reshape,
             ArrayRef<CollapsedOperand> operands) {
    Groups groups = reshape.getReassociationIndices();
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    SmallVector<Value> inputs;
    SmallVector<AffineMap> maps;
    for (const CollapsedOperand &operand : operands) {
      inputs.push_back(operand.build(rewriter, op.getLoc()));
      maps.push_back(operand.map(op.getContext(), groups.size()));
    }
    maps.push_back(rewriter.getMultiDimIdentityMap(groups.size()));
    Value init = tensor::EmptyOp::create(
        rewriter, op.getLoc(),
        tensor::getMixedSizes(rewriter, op.getLoc(), reshape.getSrc()),
        type.getElementType());
    SmallVector<utils::IteratorType> iterators(groups.size(),
                                               utils::IteratorType::parallel);
    auto merged = linalg::GenericOp::create(rewriter, op.getLoc(),
                                            TypeRange{init.getType()}, inputs,
                                            ValueRange{init}, maps, iterators);
    rewriter.cloneRegionBefore(op.getRegion(), merged.getRegion(),
                               merged.getRegion().begin());
    rewriter.replaceOpWithNewOp<tensor::ExpandShapeOp>(
        op, type, merged->getResult(0), groups, reshape.getMixedOutputShape());
  }

  /// Reads a spread operand instead: of its own size where that is 1.
  static void replaceInput(linalg::GenericOp op, OpOperand *input,
                           Value whole) {
    auto type = cast<RankedTensorType>(whole.getType());
    SmallVector<AffineExpr> results;
    auto loops = cast<RankedTensorType>(op->getResult(0).getType());
    for (int64_t axis = 0; axis < type.getRank(); ++axis)
      results.push_back(type.getDimSize(axis) == 1 &&
                                loops.getDimSize(axis) != 1
                            ? getAffineConstantExpr(0, op.getContext())
                            : getAffineDimExpr(axis, op.getContext()));
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    maps[input->getOperandNumber()] =
        AffineMap::get(op.getNumLoops(), 0, results, op.getContext());
    input->set(whole);
    op.setIndexingMapsAttr(
        Builder(op.getContext()).getAffineMapArrayAttr(maps));
  }

  IRRewriter rewriter;
};

struct SinkReshapes : ashlar::impl::SinkReshapesBase<SinkReshapes> {
  void runOnOperation() override {
    // In program order: what an operation reads was sunk before.
    SmallVector<linalg::GenericOp> operations;
    getOperation().walk(
        [&](linalg::GenericOp op) { operations.push_back(op); });
    Sinker sinker(&getContext());
    for (linalg::GenericOp op : operations)
      sinker.visit(op);
  }
};

} // namespace
