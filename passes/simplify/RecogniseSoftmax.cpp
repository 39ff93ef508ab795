#include "passes/simplify/Passes.h"

#include "passes/simplify/PatternMatching.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_RECOGNISESOFTMAX
#include "passes/simplify/Passes.h.inc"

namespace {

// The one axis of a reduction that keeps it.
template <typename Op> std::optional<int64_t> singleAxis(Op op) {
  auto type = op ? rankedType(op.getData()) : RankedTensorType();
  auto axes = op ? constantIntegers(op.getAxes()) : std::nullopt;
  if (!type || !axes || axes->size() != 1 || !op.getKeepdims())
    return std::nullopt;
  return axes->front() < 0 ? axes->front() + type.getRank() : axes->front();
}

LogicalResult recognise(DivOp op, PatternRewriter &rewriter) {
  auto exp = op.getA().getDefiningOp<ExpOp>();
  auto sum = op.getB().getDefiningOp<ReduceSumOp>();
  auto axis = singleAxis(sum);
  if (!exp || !axis || sum.getData() != exp.getOutput())
    return failure();
  auto shifted = exp.getInput().getDefiningOp<SubOp>();
  auto maximum =
      shifted ? shifted.getB().getDefiningOp<ReduceMaxOp>() : ReduceMaxOp();
  if (!maximum || singleAxis(maximum) != axis ||
      maximum.getData() != shifted.getA() ||
      shifted.getA().getType() != op.getC().getType())
    return failure();
  rewriter.replaceOpWithNewOp<SoftmaxOp>(op, op.getC().getType(),
                                         shifted.getA(),
                                         rewriter.getI64IntegerAttr(*axis));
  return success();
}

struct RecogniseSoftmax : impl::RecogniseSoftmaxBase<RecogniseSoftmax> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add(recognise);
    (void)applyRewrites(getOperation(), std::move(patterns));
  }
};

} // namespace
} // namespace ashlar
