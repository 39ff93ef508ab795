// One step of the optimizers of ai.onnx.preview.training, for each of their
// tensors.
#include "passes/simplify/expand/GraphBuilder.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

// The tensors of an optimizer come in groups of equal length: values,
// gradients, then the state.
struct Tensors {
  Tensors(ValueRange inputs, unsigned groups)
      : inputs(inputs), count(inputs.size() / groups),
        valid(count > 0 && inputs.size() % groups == 0) {}
  Value get(unsigned group, unsigned index) const {
    return inputs[group * count + index];
  }
  ValueRange inputs;
  unsigned count;
  bool valid;
};

double number(APFloat value) { return value.convertToDouble(); }

Value regularized(GraphBuilder &g, Value x, Value gradient, double norm) {
  return norm == 0 ? gradient : g.add(g.mul(x, norm), gradient);
}

Value isLater(GraphBuilder &g, Value updates) {
  return g.compare<GreaterOp>(updates, g.scalarLike(updates, 0));
}

// Results in groups as well, as `step` gives them for one tensor.
template <typename Op, typename Step>
LogicalResult expandEach(Op op, unsigned groups, PatternRewriter &rewriter,
                         Step step) {
  Tensors tensors(op.getInputs(), groups);
  if (!tensors.valid || op->getNumResults() != (groups - 1) * tensors.count)
    return op.emitError() << "has " << op.getInputs().size() << " tensors and "
                          << op->getNumResults()
                          << " results, expected groups of " << groups;
  GraphBuilder g(rewriter, op.getLoc());
  SmallVector<Value> results(op->getNumResults());
  for (unsigned i = 0; i < tensors.count; ++i)
    for (auto [group, value] : llvm::enumerate(step(g, tensors, i)))
      results[group * tensors.count + i] = value;
  replaceResult(rewriter, op, results);
  return success();
}

LogicalResult expandAdagrad(TrainingAdagradOp op, PatternRewriter &rewriter) {
  return expandEach(
      op, 3, rewriter,
      [&](GraphBuilder &g, const Tensors &tensors, unsigned i) {
        Value x = tensors.get(0, i);
        Value updates = g.cast(op.getT(), g.element(op.getR()));
        Value rate = g.div(
            op.getR(), g.add(g.mul(updates, number(op.getDecayFactor())), 1.0));
        Value gradient = regularized(g, x, tensors.get(1, i),
                                     number(op.getNormCoefficient()));
        Value history = g.add(tensors.get(2, i), g.mul(gradient, gradient));
        Value adaptive =
            g.add(g.unary<SqrtOp>(history), number(op.getEpsilon()));
        Value step =
            g.div(g.mul(g.cast(rate, g.element(x)), gradient), adaptive);
        return SmallVector<Value>{g.sub(x, step), history};
      });
}

LogicalResult expandMomentum(TrainingMomentumOp op, PatternRewriter &rewriter) {
  return expandEach(
      op, 3, rewriter,
      [&](GraphBuilder &g, const Tensors &tensors, unsigned i) {
        Value x = tensors.get(0, i);
        Type element = g.element(x);
        double alpha = number(op.getAlpha());
        Value gradient = regularized(g, x, tensors.get(1, i),
                                     number(op.getNormCoefficient()));
        Value beta = g.select(isLater(g, op.getT()),
                              g.scalar(element, number(op.getBeta())),
                              g.scalar(element, 1.0));
        Value momentum =
            g.add(g.mul(tensors.get(2, i), alpha), g.mul(beta, gradient));
        Value direction = op.getMode() == "nesterov"
                              ? g.add(gradient, g.mul(momentum, alpha))
                              : momentum;
        Value rate = g.cast(op.getR(), element);
        return SmallVector<Value>{g.sub(x, g.mul(rate, direction)), momentum};
      });
}

LogicalResult expandAdam(TrainingAdamOp op, PatternRewriter &rewriter) {
  return expandEach(
      op, 4, rewriter,
      [&](GraphBuilder &g, const Tensors &tensors, unsigned i) {
        Value x = tensors.get(0, i);
        Type element = g.element(x);
        double alpha = number(op.getAlpha()), beta = number(op.getBeta());
        Value gradient = regularized(g, x, tensors.get(1, i),
                                     number(op.getNormCoefficient()));
        Value mean =
            g.add(g.mul(tensors.get(2, i), alpha), g.mul(gradient, 1 - alpha));
        Value square = g.add(g.mul(tensors.get(3, i), beta),
                             g.mul(g.mul(gradient, gradient), 1 - beta));
        Value root = g.add(g.unary<SqrtOp>(square), number(op.getEpsilon()));
        Value rate = g.cast(op.getR(), element);
        Value updates = g.cast(op.getT(), element);
        auto lacking = [&](double base) {
          Value power = g.binary<PowOp>(g.scalar(element, base), updates);
          return g.sub(g.scalar(element, 1.0), power);
        };
        Value corrected =
            g.div(g.mul(rate, g.unary<SqrtOp>(lacking(beta))), lacking(alpha));
        Value adjusted = g.select(isLater(g, op.getT()), corrected, rate);
        Value next = g.sub(x, g.div(g.mul(adjusted, mean), root));
        double keep = 1 - number(op.getNormCoefficientPost());
        return SmallVector<Value>{keep == 1 ? next : g.mul(next, keep), mean,
                                  square};
      });
}

} // namespace

void ashlar::onnx::populateTrainingExpansions(RewritePatternSet &patterns) {
  patterns.add(expandAdagrad);
  patterns.add(expandMomentum);
  patterns.add(expandAdam);
}
