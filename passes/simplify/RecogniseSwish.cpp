#include "passes/simplify/Passes.h"

#include "passes/simplify/PatternMatching.h"

#include <cmath>

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_RECOGNISESWISH
#include "passes/simplify/Passes.h.inc"

namespace {

bool near(double value, double expected) {
  return std::fabs(value - expected) <= 2e-6 * std::fabs(expected);
}

// clip(x + 3, 0, 6), or relu6 as min(max(...)).
bool isClippedShift(Value factor, Value x) {
  auto clip = factor.getDefiningOp<ClipOp>();
  return clip && clip.getMin() && clip.getMax() &&
         constantScalar(clip.getMin()) == 0.0 &&
         constantScalar(clip.getMax()) == 6.0 &&
         matchPlus(clip.getInput(), 3) == x;
}

bool isHardSigmoid(Value factor, Value x) {
  auto op = factor.getDefiningOp<HardSigmoidOp>();
  return op && op.getX() == x &&
         near(op.getAlpha().convertToDouble(), 1.0 / 6) &&
         near(op.getBeta().convertToDouble(), 0.5);
}

bool isMishFactor(Value factor, Value x) {
  auto tanh = factor.getDefiningOp<TanhOp>();
  auto softplus =
      tanh ? tanh.getInput().getDefiningOp<SoftplusOp>() : SoftplusOp();
  return softplus && softplus.getX() == x;
}

// The product of x and another factor as one operation; null when it is none of
// these.
Value replacement(PatternRewriter &rewriter, Operation *op, Value x,
                  Value factor, double constant) {
  Location loc = op->getLoc();
  Type type = x.getType();
  if (constant == 1) {
    if (auto sigmoid = factor.getDefiningOp<SigmoidOp>())
      if (auto alpha = multipleOf(sigmoid.getX(), x))
        return SwishOp::create(rewriter, loc, type, x,
                               rewriter.getF32FloatAttr(float(*alpha)));
    if (isHardSigmoid(factor, x))
      return HardSwishOp::create(rewriter, loc, type, x);
    if (isMishFactor(factor, x))
      return MishOp::create(rewriter, loc, type, x);
  }
  if (near(constant, 1.0 / 6) && isClippedShift(factor, x))
    return HardSwishOp::create(rewriter, loc, type, x);
  return {};
}

template <typename Op>
LogicalResult recognise(Op op, PatternRewriter &rewriter) {
  Factors factors = factorsOf(op->getResult(0));
  if (factors.values.size() != 2)
    return failure();
  for (auto [x, factor] : {std::pair{factors.values[0], factors.values[1]},
                           std::pair{factors.values[1], factors.values[0]}}) {
    if (x.getType() != op->getResult(0).getType())
      continue;
    if (Value value = replacement(rewriter, op, x, factor, factors.constant)) {
      rewriter.replaceOp(op, value);
      return success();
    }
  }
  return failure();
}

struct RecogniseSwish : impl::RecogniseSwishBase<RecogniseSwish> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add(recognise<MulOp>);
    patterns.add(recognise<DivOp>);
    (void)applyRewrites(getOperation(), std::move(patterns));
  }
};

} // namespace
} // namespace ashlar
