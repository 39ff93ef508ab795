#include "passes/simplify/Passes.h"

#include "passes/simplify/PatternMatching.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_RECOGNISELAYERNORM
#include "passes/simplify/Passes.h.inc"

namespace {

struct Normalized {
  Value x;
  int64_t axes = 0; // how many trailing ones
  double epsilon;
};

// x - mean(x)
Value matchCentred(Value value, int64_t &axes) {
  auto op = value.getDefiningOp<SubOp>();
  if (!op || matchTrailingMean(op.getB(), axes) != op.getA())
    return {};
  return op.getA();
}

std::optional<Normalized> matchNormalized(Value value) {
  auto division = matchDivisionByRoot(value);
  if (!division)
    return std::nullopt;
  Normalized match;
  match.epsilon = division->epsilon;
  match.x = matchCentred(division->numerator, match.axes);
  Value squares =
      match.x ? matchTrailingMean(division->mean, match.axes) : Value();
  Value root = squares ? matchSquare(squares) : Value();
  if (!root || (root != division->numerator &&
                matchCentred(root, match.axes) != match.x))
    return std::nullopt;
  return match;
}

// The sole user of a value when it combines it with something that scales the
// trailing axes.
template <typename Op>
Op followedBy(Value value, RankedTensorType type, int64_t axes, Value &other) {
  if (!value.hasOneUse())
    return {};
  auto op = dyn_cast<Op>(*value.user_begin());
  if (!op)
    return {};
  other = op.getA() == value ? op.getB() : op.getA();
  return other != value && scalesTrailing(other, type, axes) ? op : Op();
}

template <typename Op>
LogicalResult recognise(Op op, PatternRewriter &rewriter) {
  Value value = op->getResult(0);
  auto match = matchNormalized(value);
  auto type = match ? rankedType(match->x) : RankedTensorType();
  if (!type || type != value.getType() || !type.getElementType().isF32())
    return failure();
  Value scale, shift;
  Operation *last = op;
  if (auto product = followedBy<MulOp>(value, type, match->axes, scale)) {
    last = product;
    if (auto sum = followedBy<AddOp>(product.getC(), type, match->axes, shift))
      last = sum;
    else
      shift = {};
  } else {
    scale = makeOnes(rewriter, op.getLoc(), type, match->axes);
    if (!scale)
      return failure();
  }
  if (last->getResult(0).getType() != type)
    return failure();
  rewriter.setInsertionPoint(last);
  SmallVector<Value> operands{match->x, scale};
  if (shift)
    operands.push_back(shift);
  SmallVector<NamedAttribute> attributes{
      rewriter.getNamedAttr("axis", rewriter.getI64IntegerAttr(-match->axes)),
      rewriter.getNamedAttr("epsilon",
                            rewriter.getF32FloatAttr(float(match->epsilon))),
      rewriter.getNamedAttr("resultSegmentSizes",
                            rewriter.getDenseI32ArrayAttr({1, 0, 0}))};
  rewriter.replaceOpWithNewOp<LayerNormalizationOp>(last, TypeRange{type},
                                                    operands, attributes);
  return success();
}

struct RecogniseLayerNorm : impl::RecogniseLayerNormBase<RecogniseLayerNorm> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add(recognise<DivOp>);
    patterns.add(recognise<MulOp>);
    (void)applyRewrites(getOperation(), std::move(patterns));
  }
};

} // namespace
} // namespace ashlar
