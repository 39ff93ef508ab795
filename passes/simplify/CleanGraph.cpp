#include "passes/simplify/Passes.h"

#include "dialects/onnx/OperatorSchema.h"
#include "passes/analysis/GraphPatterns.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_CLEANGRAPH
#include "passes/simplify/Passes.h.inc"

namespace {

// Replaces by a value of the very same type only: types carry what was inferred
// and declared.
LogicalResult forward(PatternRewriter &rewriter, Operation *op, Value value) {
  if (op->getResult(0).getType() != value.getType())
    return failure();
  rewriter.replaceOp(op, value);
  return success();
}

//===----------------------------------------------------------------------===//
// Operations that do nothing
//===----------------------------------------------------------------------===//

LogicalResult removeIdentity(IdentityOp op, PatternRewriter &rewriter) {
  return forward(rewriter, op, op.getInput());
}

LogicalResult removeCast(CastOp op, PatternRewriter &rewriter) {
  return forward(rewriter, op, op.getInput());
}

LogicalResult castLikeToCast(CastLikeOp op, PatternRewriter &rewriter) {
  auto type = cast<ShapedType>(op.getOutput().getType());
  int64_t code = int64_t(elementTypeToOnnx(type.getElementType()));
  rewriter.replaceOpWithNewOp<CastOp>(
      op, type, op.getInput(), op.getRoundModeAttr(), op.getSaturateAttr(),
      rewriter.getI64IntegerAttr(code));
  return success();
}

LogicalResult removeDropout(DropoutOp op, PatternRewriter &rewriter) {
  if (op.getTrainingMode()) {
    auto training = constantIntegers(op.getTrainingMode());
    auto ratio = op.getRatio() ? constantScalar(op.getRatio()) : 0.5;
    if (!training || training->size() != 1 ||
        (training->front() && !(ratio && *ratio == 0)))
      return failure();
  }
  if (op.getOutput().getType() != op.getData().getType())
    return failure();
  SmallVector<Value> values{op.getData()};
  if (Value mask = op.getMask()) {
    auto shapeType = RankedTensorType::get(
        {cast<RankedTensorType>(op.getData().getType()).getRank()},
        rewriter.getI64Type());
    Value shape =
        ShapeOp::create(rewriter, op.getLoc(), shapeType, op.getData());
    auto one = DenseElementsAttr::get(
        RankedTensorType::get({1}, rewriter.getI1Type()), true);
    values.push_back(ConstantOfShapeOp::create(rewriter, op.getLoc(),
                                               mask.getType(), shape, one));
  }
  rewriter.replaceOp(op, values);
  return success();
}

template <typename Op>
LogicalResult removeSingle(Op op, PatternRewriter &rewriter) {
  if (op->getNumOperands() != 1)
    return failure();
  return forward(rewriter, op, op->getOperand(0));
}

LogicalResult removePad(PadOp op, PatternRewriter &rewriter) {
  auto pads = constantIntegers(op.getPads());
  if (!pads || llvm::any_of(*pads, [](int64_t pad) { return pad != 0; }))
    return failure();
  return forward(rewriter, op, op.getData());
}

// A slice that is as large as its input, with steps of 1, is the input.
LogicalResult removeSlice(SliceOp op, PatternRewriter &rewriter) {
  auto steps = constantIntegers(op.getSteps());
  if (!hasStaticType(op.getData()) || (op.getSteps() && !steps) ||
      (steps && llvm::any_of(*steps, [](int64_t step) { return step != 1; })))
    return failure();
  return forward(rewriter, op, op.getData());
}

template <typename Op>
LogicalResult removeStaticCopy(Op op, PatternRewriter &rewriter) {
  if (!hasStaticType(op->getOperand(0)))
    return failure();
  return forward(rewriter, op, op->getOperand(0));
}

LogicalResult removeSplit(SplitOp op, PatternRewriter &rewriter) {
  if (op->getNumResults() != 1)
    return failure();
  return forward(rewriter, op, op.getInput());
}

//===----------------------------------------------------------------------===//
// Transpose, Reshape
//===----------------------------------------------------------------------===//

SmallVector<int64_t> permutationOf(TransposeOp op) {
  if (op.getPerm())
    return SmallVector<int64_t>(*op.getPerm());
  SmallVector<int64_t> perm;
  for (int64_t i = rankedType(op.getData()).getRank() - 1; i >= 0; --i)
    perm.push_back(i);
  return perm;
}

LogicalResult mergeTransposes(TransposeOp op, PatternRewriter &rewriter) {
  auto inner = op.getData().getDefiningOp<TransposeOp>();
  if (!inner || !rankedType(inner.getData()) || !rankedType(op.getData()))
    return failure();
  SmallVector<int64_t> perm;
  SmallVector<int64_t> first = permutationOf(inner);
  for (int64_t axis : permutationOf(op))
    perm.push_back(first[axis]);
  rewriter.replaceOpWithNewOp<TransposeOp>(op, op.getTransposed().getType(),
                                           inner.getData(),
                                           rewriter.getDenseI64ArrayAttr(perm));
  return success();
}

// Transpositions that leave the order of dims larger than 1 as it is.
LogicalResult simplifyTranspose(TransposeOp op, PatternRewriter &rewriter) {
  auto type = rankedType(op.getData());
  auto result = rankedType(op.getTransposed());
  if (!type || !result)
    return failure();
  SmallVector<int64_t> perm = permutationOf(op);
  if (llvm::is_sorted(perm))
    return forward(rewriter, op, op.getData());
  int64_t last = -1;
  for (int64_t axis : perm) {
    if (type.getDimSize(axis) == 1)
      continue;
    if (axis < last)
      return failure();
    last = axis;
  }
  if (result.getNumDynamicDims() > 1)
    return failure();
  rewriter.replaceOp(op,
                     makeReshape(rewriter, op.getLoc(), op.getData(), result));
  return success();
}

template <typename Op>
LogicalResult toReshape(Op op, PatternRewriter &rewriter) {
  auto result = rankedType(op->getResult(0));
  if (!result || !result.hasStaticShape())
    return failure();
  rewriter.replaceOp(
      op, makeReshape(rewriter, op.getLoc(), op->getOperand(0), result));
  return success();
}

bool isRenaming(Operation *op) {
  return isa_and_nonnull<ReshapeOp, SqueezeOp, UnsqueezeOp, FlattenOp>(op);
}

// The last reshape of a chain alone decides, when its target does not look at
// its input.
LogicalResult mergeReshapes(ReshapeOp op, PatternRewriter &rewriter) {
  auto result = rankedType(op.getReshaped());
  Operation *inner = op.getData().getDefiningOp();
  if (!result || result.getNumDynamicDims() > 1)
    return failure();
  if (isRenaming(inner) && rankedType(inner->getOperand(0)) &&
      !(result.getNumDynamicDims() == 1 &&
        llvm::is_contained(result.getShape(), 0))) {
    rewriter.replaceOp(
        op, makeReshape(rewriter, op.getLoc(), inner->getOperand(0), result));
    return success();
  }
  return failure();
}

LogicalResult removeReshape(ReshapeOp op, PatternRewriter &rewriter) {
  auto type = rankedType(op.getReshaped());
  if (!type || type.getNumDynamicDims() > 1)
    return failure();
  return forward(rewriter, op, op.getData());
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

// Casts, where a branch yields a type that differs from what the result was
// known to be.
Value adapt(PatternRewriter &rewriter, Location loc, Value value, Type type) {
  if (value.getType() == type)
    return value;
  return IdentityOp::create(rewriter, loc, type, value);
}

LogicalResult inlineIf(IfOp op, PatternRewriter &rewriter) {
  auto condition = constantIntegers(op.getCond());
  if (!condition || condition->size() != 1)
    return failure();
  Block &taken = condition->front() ? op.getThenBranch().front()
                                    : op.getElseBranch().front();
  Operation *terminator = taken.getTerminator();
  SmallVector<Value> results;
  rewriter.inlineBlockBefore(&taken, op);
  for (auto [value, result] :
       llvm::zip(terminator->getOperands(), op.getResults()))
    results.push_back(adapt(rewriter, op.getLoc(), value, result.getType()));
  rewriter.replaceOp(op, results);
  rewriter.eraseOp(terminator);
  return success();
}

// A loop that never runs gives its initial values and empty scan outputs.
LogicalResult removeLoop(LoopOp op, PatternRewriter &rewriter) {
  auto condition = constantIntegers(op.getCond());
  auto trips = constantIntegers(op.getM());
  bool never = (condition && condition->size() == 1 && !condition->front()) ||
               (trips && trips->size() == 1 && trips->front() <= 0);
  if (!never)
    return failure();
  SmallVector<Value> results;
  for (auto [index, result] : llvm::enumerate(op.getResults())) {
    if (index < op.getVInitial().size()) {
      results.push_back(adapt(rewriter, op.getLoc(), op.getVInitial()[index],
                              result.getType()));
      continue;
    }
    auto type = rankedType(result);
    if (!type)
      return failure();
    SmallVector<int64_t> shape(type.getShape());
    shape[0] = 0;
    for (int64_t &size : shape)
      size = ShapedType::isDynamic(size) ? 0 : size;
    auto empty = RankedTensorType::get(shape, type.getElementType());
    if (bytesOf(type.getElementType()) == 0)
      return failure();
    results.push_back(
        adapt(rewriter, op.getLoc(),
              makeConstant(rewriter, op.getLoc(),
                           std::move(ConstantBuilder(empty)).finish()),
              type));
  }
  rewriter.replaceOp(op, results);
  return success();
}

//===----------------------------------------------------------------------===//

struct CleanGraph : impl::CleanGraphBase<CleanGraph> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add(removeIdentity);
    patterns.add(removeCast);
    patterns.add(castLikeToCast);
    patterns.add(removeDropout);
    patterns.add(removeSingle<ConcatOp>);
    patterns.add(removeSingle<SumOp>);
    patterns.add(removeSingle<MeanOp>);
    patterns.add(removeSingle<MaxOp>);
    patterns.add(removeSingle<MinOp>);
    patterns.add(removePad);
    patterns.add(removeSlice);
    patterns.add(removeStaticCopy<ExpandOp>);
    patterns.add(removeStaticCopy<TileOp>);
    patterns.add(removeSplit);
    patterns.add(mergeTransposes);
    patterns.add(simplifyTranspose);
    patterns.add(toReshape<SqueezeOp>);
    patterns.add(toReshape<UnsqueezeOp>);
    patterns.add(toReshape<FlattenOp>);
    patterns.add(mergeReshapes);
    patterns.add(removeReshape);
    patterns.add(inlineIf);
    patterns.add(removeLoop);
    if (failed(applyRewrites(getOperation(), std::move(patterns))))
      getOperation()->emitWarning("graph cleaning did not come to an end");
  }
};

} // namespace
} // namespace ashlar
