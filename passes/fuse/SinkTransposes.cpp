//===- SinkTransposes.cpp - transposes behind what has no layout ----------===//
#include "passes/fuse/Passes.h"

#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include "passes/analysis/TransposeMatch.h"

namespace ashlar {
#define GEN_PASS_DEF_SINKTRANSPOSES
#include "passes/fuse/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

bool isTranspose(Operation *op) {
  return op->getNumResults() == 1 && matchTranspose(op->getResult(0));
}

/// A permutation as places: result[i] = permutation[i].
SmallVector<int64_t> placesOf(AffineMap map) {
  SmallVector<int64_t> places;
  for (AffineExpr expression : map.getResults())
    places.push_back(cast<AffineDimExpr>(expression).getPosition());
  return places;
}

/// transpose(transpose(x)) is one transpose, or none.
struct ComposeTransposes : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    if (op->getNumResults() != 1)
      return failure();
    auto outer = matchTranspose(op->getResult(0));
    auto inner = outer ? matchTranspose(outer->source) : std::nullopt;
    if (!inner)
      return failure();
    Value direct = makeTranspose(rewriter, op.getLoc(), inner->source,
                                 inner->map.compose(outer->map));
    if (direct.getType() != op->getResult(0).getType())
      direct = tensor::CastOp::create(rewriter, op.getLoc(),
                                      op->getResult(0).getType(), direct);
    rewriter.replaceOp(op, direct);
    return success();
  }
};

/// A transpose that only moves axes of size 1 is a reshape.
struct TransposeOfUnits : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    if (op->getNumResults() != 1)
      return failure();
    auto match = matchTranspose(op->getResult(0));
    if (!match)
      return failure();
    auto source = cast<RankedTensorType>(match->source.getType());
    auto result = cast<RankedTensorType>(op->getResult(0).getType());
    // Axes of more than one element keep their order.
    SmallVector<int64_t> places = placesOf(match->map);
    int64_t last = -1;
    for (auto [axis, place] : llvm::enumerate(places)) {
      if (source.getDimSize(axis) == 1)
        continue;
      if (place < last)
        return failure();
      last = place;
    }
    // Through the shape without units.
    auto group = [](RankedTensorType type) {
      SmallVector<ReassociationIndices> groups;
      ReassociationIndices leading;
      for (int64_t axis = 0; axis < type.getRank(); ++axis) {
        leading.push_back(axis);
        if (type.getDimSize(axis) == 1)
          continue;
        groups.push_back(leading);
        leading.clear();
      }
      if (!groups.empty())
        groups.back().append(leading);
      return groups;
    };
    SmallVector<int64_t> core;
    for (int64_t size : source.getShape())
      if (size != 1)
        core.push_back(size);
    if (llvm::count(core, ShapedType::kDynamic) > 0 &&
        !result.hasStaticShape() && core.empty())
      return failure();
    auto coreType = RankedTensorType::get(core, source.getElementType());
    Value collapsed = match->source;
    if (coreType != source)
      collapsed = tensor::CollapseShapeOp::create(
          rewriter, op.getLoc(), coreType, collapsed, group(source));
    if (coreType != result) {
      SmallVector<OpFoldResult> sizes;
      SmallVector<OpFoldResult> own =
          tensor::getMixedSizes(rewriter, op.getLoc(), match->source);
      sizes.resize(own.size());
      for (auto [axis, place] : llvm::enumerate(places))
        sizes[place] = own[axis];
      collapsed = tensor::ExpandShapeOp::create(
          rewriter, op.getLoc(), result, collapsed, group(result), sizes);
    }
    rewriter.replaceOp(op, collapsed);
    return success();
  }
};

/// elementwise(transpose(x), ...) -> transpose(elementwise(x, ...)).
struct SinkThroughElementwise : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    if (op->getNumResults() != 1 || op.hasIndexSemantics() ||
        op.getNumParallelLoops() != op.getNumLoops() || isTranspose(op) ||
        !op.getIndexingMapsArray().back().isIdentity() ||
        !op.getDpsInits()[0].getDefiningOp<tensor::EmptyOp>())
      return failure();
    AffineMap map;
    for (OpOperand *input : op.getDpsInputOperands()) {
      AffineMap access = op.getMatchingIndexingMap(input);
      if (access.getNumResults() != op.getNumLoops() || !access.isPermutation())
        continue;
      auto match = matchTranspose(input->get());
      if (!access.isIdentity() || !match || (map && map != match->map))
        return failure();
      map = match->map;
    }
    if (!map)
      return failure();
    // New loops run over the axes of x: old loops in terms of new ones.
    AffineMap toOld = inversePermutation(map);
    SmallVector<Value> inputs;
    SmallVector<AffineMap> maps;
    for (OpOperand *input : op.getDpsInputOperands()) {
      AffineMap access = op.getMatchingIndexingMap(input);
      auto match =
          access.isIdentity() ? matchTranspose(input->get()) : std::nullopt;
      inputs.push_back(match ? match->source : input->get());
      maps.push_back(match ? rewriter.getMultiDimIdentityMap(op.getNumLoops())
                           : access.compose(toOld));
    }
    maps.push_back(rewriter.getMultiDimIdentityMap(op.getNumLoops()));
    SmallVector<OpFoldResult> own =
        tensor::getMixedSizes(rewriter, op.getLoc(), op.getDpsInits()[0]);
    SmallVector<OpFoldResult> sizes;
    for (int64_t place : placesOf(map))
      sizes.push_back(own[place]);
    Type element = getElementTypeOrSelf(op->getResult(0).getType());
    Value empty =
        tensor::EmptyOp::create(rewriter, op.getLoc(), sizes, element);
    auto sunk = linalg::GenericOp::create(
        rewriter, op.getLoc(), TypeRange{empty.getType()}, inputs,
        ValueRange{empty}, maps, op.getIteratorTypesArray());
    rewriter.cloneRegionBefore(op.getRegion(), sunk.getRegion(),
                               sunk.getRegion().begin());
    Value result =
        makeTranspose(rewriter, op.getLoc(), sunk->getResult(0), map);
    if (result.getType() != op->getResult(0).getType())
      result = tensor::CastOp::create(rewriter, op.getLoc(),
                                      op->getResult(0).getType(), result);
    rewriter.replaceOp(op, result);
    return success();
  }
};

/// pad(transpose(x)) -> transpose(pad(x)).
struct SinkThroughPad : OpRewritePattern<tensor::PadOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tensor::PadOp op,
                                PatternRewriter &rewriter) const override {
    auto match = matchTranspose(op.getSource());
    Value value = op.getConstantPaddingValue();
    if (!match || !value)
      return failure();
    SmallVector<OpFoldResult> low, high;
    SmallVector<int64_t> shape;
    for (int64_t place : placesOf(match->map)) {
      low.push_back(op.getMixedLowPad()[place]);
      high.push_back(op.getMixedHighPad()[place]);
      shape.push_back(op.getResultType().getDimSize(place));
    }
    auto type = op.getResultType().clone(shape);
    Value padded = tensor::PadOp::create(rewriter, op.getLoc(), type,
                                         match->source, low, high, value);
    Value result = makeTranspose(rewriter, op.getLoc(), padded, match->map);
    rewriter.replaceOpWithNewOp<tensor::CastOp>(op, op.getResultType(), result);
    return success();
  }
};

/// concat(transpose(x), transpose(y)) -> transpose(concat(x, y)).
struct SinkThroughConcat : OpRewritePattern<tensor::ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tensor::ConcatOp op,
                                PatternRewriter &rewriter) const override {
    AffineMap map;
    SmallVector<Value> sources;
    for (Value input : op.getInputs()) {
      auto match = matchTranspose(input);
      if (!match || (map && map != match->map))
        return failure();
      map = match->map;
      sources.push_back(match->source);
    }
    SmallVector<int64_t> places = placesOf(map);
    int64_t axis =
        llvm::find(places, static_cast<int64_t>(op.getDim())) - places.begin();
    Value joined =
        tensor::ConcatOp::create(rewriter, op.getLoc(), axis, sources);
    Value result = makeTranspose(rewriter, op.getLoc(), joined, map);
    rewriter.replaceOpWithNewOp<tensor::CastOp>(op, op.getResultType(), result);
    return success();
  }
};

/// The same for a tensor put together by insertions: transposes of all parts
/// become one of the whole.
struct SinkThroughInsertions : OpRewritePattern<tensor::InsertSliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tensor::InsertSliceOp op,
                                PatternRewriter &rewriter) const override {
    if (op->hasOneUse())
      if (auto next = dyn_cast<tensor::InsertSliceOp>(*op->user_begin());
          next && next.getDest() == op.getResult())
        return failure(); // the last insertion speaks for all
    AffineMap map;
    SmallVector<tensor::InsertSliceOp> row;
    Value dest = op.getResult();
    while (auto insert = dest.getDefiningOp<tensor::InsertSliceOp>()) {
      auto match = matchTranspose(insert.getSource());
      if (!match || (map && map != match->map) ||
          insert.getSourceType().getRank() != insert.getType().getRank() ||
          (insert != op && !insert->hasOneUse()))
        return failure();
      map = match->map;
      row.push_back(insert);
      dest = insert.getDest();
    }
    auto empty = dest.getDefiningOp<tensor::EmptyOp>();
    if (!empty)
      return failure();
    auto arrange = [&](SmallVector<OpFoldResult> values) {
      SmallVector<OpFoldResult> arranged;
      for (int64_t place : placesOf(map))
        arranged.push_back(values[place]);
      return arranged;
    };
    Value joined = tensor::EmptyOp::create(rewriter, op.getLoc(),
                                           arrange(empty.getMixedSizes()),
                                           empty.getType().getElementType());
    for (tensor::InsertSliceOp insert : llvm::reverse(row))
      joined = tensor::InsertSliceOp::create(
          rewriter, insert.getLoc(), matchTranspose(insert.getSource())->source,
          joined, arrange(insert.getMixedOffsets()),
          arrange(insert.getMixedSizes()), arrange(insert.getMixedStrides()));
    Value result = makeTranspose(rewriter, op.getLoc(), joined, map);
    rewriter.replaceOpWithNewOp<tensor::CastOp>(op, op.getType(), result);
    return success();
  }
};

/// slice(transpose(x)) -> transpose(slice(x)).
struct SinkThroughSlice : OpRewritePattern<tensor::ExtractSliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tensor::ExtractSliceOp op,
                                PatternRewriter &rewriter) const override {
    auto match = matchTranspose(op.getSource());
    if (!match || op.getType().getRank() != op.getSourceType().getRank())
      return failure();
    SmallVector<OpFoldResult> offsets, sizes, strides;
    for (int64_t place : placesOf(match->map)) {
      offsets.push_back(op.getMixedOffsets()[place]);
      sizes.push_back(op.getMixedSizes()[place]);
      strides.push_back(op.getMixedStrides()[place]);
    }
    Value slice = tensor::ExtractSliceOp::create(
        rewriter, op.getLoc(), match->source, offsets, sizes, strides);
    Value result = makeTranspose(rewriter, op.getLoc(), slice, match->map);
    rewriter.replaceOpWithNewOp<tensor::CastOp>(op, op.getType(), result);
    return success();
  }
};

/// A reduction reads what was transposed in its own order, with the loops in
/// the order of memory.
struct ReduceTransposed : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getNumReductionLoops() == 0 || op.getNumDpsInputs() != 1 ||
        op.hasIndexSemantics())
      return failure();
    OpOperand *input = op.getDpsInputOperand(0);
    AffineMap access = op.getMatchingIndexingMap(input);
    auto match = matchTranspose(input->get());
    if (!match || !access.isIdentity())
      return failure();
    AffineMap direct = match->map;
    SmallVector<unsigned> order;
    for (int64_t place : placesOf(direct))
      order.push_back(place);
    rewriter.modifyOpInPlace(op, [&] {
      input->set(match->source);
      SmallVector<AffineMap> maps = op.getIndexingMapsArray();
      maps[0] = direct;
      op.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
    });
    auto interchanged = linalg::interchangeGenericOp(rewriter, op, order);
    return success(succeeded(interchanged));
  }
};

struct SinkTransposes : ashlar::impl::SinkTransposesBase<SinkTransposes> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ComposeTransposes, TransposeOfUnits, SinkThroughElementwise,
                 SinkThroughPad, SinkThroughConcat, SinkThroughInsertions,
                 SinkThroughSlice, ReduceTransposed>(&getContext());
    tensor::CastOp::getCanonicalizationPatterns(patterns, &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
