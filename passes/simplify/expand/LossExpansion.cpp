// NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss.
#include "passes/simplify/expand/GraphBuilder.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

// The loss of log-probabilities [N, C, d...] at labels [N, d...].
Value likelihoodLoss(GraphBuilder &g, Value logits, Value labels, Value weight,
                     std::optional<int64_t> ignored, StringRef reduction) {
  Type element = g.element(logits);
  Value target = g.cast(labels, g.builder.getI64Type());
  Value counts; // boolean: labels that count
  if (ignored) {
    Value equal = g.compare<EqualOp>(target, g.integer(*ignored));
    counts = g.make<NotOp>(g.builder.getI1Type(), {equal});
    target = g.select(equal, g.integer(0), target);
  }
  Value picked = g.squeeze(
      g.make<GatherElementsOp>(element, {logits, g.unsqueeze(target, 1)},
                               {g.attr("axis", 1)}),
      1);
  Value loss = g.unary<NegOp>(picked), factor;
  if (weight)
    factor = g.gather(weight, target, 0);
  if (counts) {
    Value zero = g.scalar(element, 0.0);
    factor = factor ? g.select(counts, factor, zero) : g.cast(counts, element);
    // Not a product: an ignored label may have an infinite loss.
    loss = g.select(counts, loss, zero);
  }
  if (factor)
    loss = g.mul(loss, factor);
  if (reduction == "none")
    return loss;
  auto sumAll = [&](Value x) {
    return g.make<ReduceSumOp>(element, {x}, {g.attr("keepdims", 0)});
  };
  if (reduction == "sum")
    return sumAll(loss);
  if (!factor)
    return g.make<ReduceMeanOp>(element, {loss}, {g.attr("keepdims", 0)});
  return g.div(sumAll(loss), sumAll(factor));
}

std::optional<int64_t> toInt(std::optional<uint64_t> value) {
  if (!value)
    return std::nullopt;
  return int64_t(*value);
}

LogicalResult expandLikelihood(NegativeLogLikelihoodLossOp op,
                               PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  replaceResult(rewriter, op,
                likelihoodLoss(g, op.getInput(), op.getTarget(), op.getWeight(),
                               toInt(op.getIgnoreIndex()), op.getReduction()));
  return success();
}

LogicalResult expandCrossEntropy(SoftmaxCrossEntropyLossOp op,
                                 PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  Value logits = g.make<LogSoftmaxOp>(g.element(op.getScores()),
                                      {op.getScores()}, {g.attr("axis", 1)});
  SmallVector<Value> results{
      likelihoodLoss(g, logits, op.getLabels(), op.getWeights(),
                     toInt(op.getIgnoreIndex()), op.getReduction())};
  if (op.getLogProb())
    results.push_back(logits);
  replaceResult(rewriter, op, results);
  return success();
}

} // namespace

void ashlar::onnx::populateLossExpansions(RewritePatternSet &patterns) {
  patterns.add(expandLikelihood);
  patterns.add(expandCrossEntropy);
}
