#include "passes/simplify/Passes.h"

#include "passes/simplify/PatternMatching.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_RECOGNISERMSNORM
#include "passes/simplify/Passes.h.inc"

namespace {

template <typename Op>
LogicalResult recognise(Op op, PatternRewriter &rewriter) {
  Value value = op->getResult(0);
  auto division = matchDivisionByRoot(value);
  if (!division)
    return failure();
  int64_t axes = 0;
  Value squares = matchTrailingMean(division->mean, axes);
  Value x = division->numerator;
  auto type = rankedType(x);
  if (!squares || matchSquare(squares) != x || !type ||
      type != value.getType() || !type.getElementType().isF32())
    return failure();
  // A scale that follows at once is the operator's own.
  Operation *last = op;
  Value scale;
  if (value.hasOneUse())
    if (auto product = dyn_cast<MulOp>(*value.user_begin())) {
      Value other = product.getA() == value ? product.getB() : product.getA();
      if (other != value && scalesTrailing(other, type, axes) &&
          product.getC().getType() == type) {
        scale = other;
        last = product;
      }
    }
  if (!scale)
    scale = makeOnes(rewriter, op.getLoc(), type, axes);
  if (!scale)
    return failure();
  rewriter.setInsertionPoint(last);
  SmallVector<Value> operands{x, scale};
  SmallVector<NamedAttribute> attributes{
      rewriter.getNamedAttr("axis", rewriter.getI64IntegerAttr(-axes)),
      rewriter.getNamedAttr(
          "epsilon", rewriter.getF32FloatAttr(float(division->epsilon)))};
  rewriter.replaceOpWithNewOp<RMSNormalizationOp>(last, TypeRange{type},
                                                  operands, attributes);
  return success();
}

struct RecogniseRmsNorm : impl::RecogniseRmsNormBase<RecogniseRmsNorm> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add(recognise<DivOp>);
    patterns.add(recognise<MulOp>);
    (void)applyRewrites(getOperation(), std::move(patterns));
  }
};

} // namespace
} // namespace ashlar
