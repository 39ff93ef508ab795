// Global pools are reductions over the spatial axes.
#include "passes/simplify/expand/GraphBuilder.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

std::optional<SmallVector<int64_t>> spatialAxes(Value x) {
  auto type = rankedType(x);
  if (!type || type.getRank() < 3)
    return std::nullopt;
  SmallVector<int64_t> axes;
  for (int64_t i = 2; i < type.getRank(); ++i)
    axes.push_back(i);
  return axes;
}

template <typename Pool, typename Reduction>
LogicalResult expandPool(Pool op, PatternRewriter &rewriter) {
  auto axes = spatialAxes(op.getX());
  if (!axes)
    return failure();
  GraphBuilder g(rewriter, op.getLoc());
  replaceResult(rewriter, op, g.reduce<Reduction>(op.getX(), *axes));
  return success();
}

LogicalResult expandLpPool(GlobalLpPoolOp op, PatternRewriter &rewriter) {
  auto axes = spatialAxes(op.getX());
  if (!axes)
    return failure();
  GraphBuilder g(rewriter, op.getLoc());
  int64_t p = op.getP();
  Value x = op.getX(), result;
  if (p == 1)
    result = g.reduce<ReduceL1Op>(x, *axes);
  else if (p == 2)
    result = g.reduce<ReduceL2Op>(x, *axes);
  else
    result = g.binary<PowOp>(
        g.reduce<ReduceSumOp>(
            g.binary<PowOp>(g.unary<AbsOp>(x), g.scalarLike(x, double(p))),
            *axes),
        g.scalarLike(x, 1.0 / double(p)));
  replaceResult(rewriter, op, result);
  return success();
}

} // namespace

void ashlar::onnx::populatePoolingExpansions(RewritePatternSet &patterns) {
  patterns.add(expandPool<GlobalAveragePoolOp, ReduceMeanOp>);
  patterns.add(expandPool<GlobalMaxPoolOp, ReduceMaxOp>);
  patterns.add(expandLpPool);
}
