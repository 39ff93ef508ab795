// Shapes of reductions, arg-reductions, TopK, cumulative operators.
#include "dialects/onnx/OnnxOps.h"
#include "passes/simplify/ShapeRegistry.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

Shape reduced(ArrayRef<DimExpr> dims, ArrayRef<int64_t> axes, bool keep) {
  Shape result;
  for (auto [axis, dim] : llvm::enumerate(dims)) {
    if (!llvm::is_contained(axes, int64_t(axis)))
      result.push_back(dim);
    else if (keep)
      result.push_back(1);
  }
  return result;
}

template <typename Op> LogicalResult inferReduce(Op op, OpShapes &shapes) {
  Value data = op.getData();
  Type element = shapes.element(data);
  if (!shapes.ranked(data))
    return shapes.resultUnranked(op.getReduced(), element);
  int64_t rank = shapes.rank(data);
  auto listed = shapes.integers(op.getAxes());
  if (op.getAxes() && !listed) {
    // The axes are data: with keepdims the rank is known, without it only when
    // their number is.
    auto count = shapes.length(op.getAxes());
    if (op.getKeepdims())
      return shapes.result(op.getReduced(), element, shapes.unknownDims(rank));
    if (count && *count > 0)
      return shapes.result(op.getReduced(), element,
                           shapes.unknownDims(rank - *count));
    return shapes.resultUnranked(op.getReduced(), element);
  }
  if (!listed || listed->empty()) {
    if (op.getNoopWithEmptyAxes())
      return shapes.result(op.getReduced(), element, shapes.dims(data));
    listed.emplace();
    for (int64_t axis = 0; axis < rank; ++axis)
      listed->push_back(axis);
  }
  auto axes = shapes.axes(*listed, rank);
  if (failed(axes))
    return failure();
  return shapes.result(op.getReduced(), element,
                       reduced(shapes.dims(data), *axes, op.getKeepdims()));
}

template <typename Op> LogicalResult inferArg(Op op, OpShapes &shapes) {
  Value data = op.getData();
  Type element = IntegerType::get(op.getContext(), 64);
  if (!shapes.ranked(data))
    return shapes.resultUnranked(op.getReduced(), element);
  auto axis = shapes.axis(op.getAxis(), shapes.rank(data));
  if (failed(axis))
    return failure();
  return shapes.result(op.getReduced(), element,
                       reduced(shapes.dims(data), *axis, op.getKeepdims()));
}

LogicalResult inferTopK(TopKOp op, OpShapes &shapes) {
  Type index = IntegerType::get(op.getContext(), 64);
  Type element = shapes.element(op.getX());
  if (!shapes.ranked(op.getX())) {
    (void)shapes.resultUnranked(op.getIndices(), index);
    return shapes.resultUnranked(op.getValues(), element);
  }
  auto axis = shapes.axis(op.getAxis(), shapes.rank(op.getX()));
  if (failed(axis))
    return failure();
  Shape dims(shapes.dims(op.getX()));
  auto k = shapes.elements(op.getK());
  DimExpr count = k && k->size() == 1 ? (*k)[0] : shapes.unknown();
  auto have = dims[*axis].constant(), want = count.constant();
  if (have && want && *want > *have)
    return shapes.error() << "k is " << *want << ", expected at most " << *have;
  dims[*axis] = count;
  if (failed(shapes.result(op.getValues(), element, dims)))
    return failure();
  return shapes.result(op.getIndices(), index, dims);
}

template <typename Op> LogicalResult inferCumulative(Op op, OpShapes &shapes) {
  auto axis = shapes.integers(op.getAxis());
  if (axis && axis->size() == 1 && shapes.ranked(op.getX()) &&
      failed(shapes.axis((*axis)[0], shapes.rank(op.getX()))))
    return failure();
  return shapes.resultShapedLike(op.getY(), shapes.element(op.getX()),
                                 op.getX());
}

// The axis of Softmax and its kin changes nothing in the shape, but must exist.
template <typename Op> LogicalResult inferAlongAxis(Op op, OpShapes &shapes) {
  Value input = op.getInput();
  if (shapes.ranked(input) && shapes.rank(input) > 0 &&
      failed(shapes.axis(op.getAxis(), shapes.rank(input))))
    return failure();
  return shapes.resultShapedLike(op->getResult(0), shapes.element(input),
                                 input);
}

} // namespace

void ashlar::onnx::registerReductionShapes(ShapeRegistry &registry) {
  registry.add<ReduceL1Op, inferReduce>();
  registry.add<ReduceL2Op, inferReduce>();
  registry.add<ReduceLogSumOp, inferReduce>();
  registry.add<ReduceLogSumExpOp, inferReduce>();
  registry.add<ReduceMaxOp, inferReduce>();
  registry.add<ReduceMeanOp, inferReduce>();
  registry.add<ReduceMinOp, inferReduce>();
  registry.add<ReduceProdOp, inferReduce>();
  registry.add<ReduceSumOp, inferReduce>();
  registry.add<ReduceSumSquareOp, inferReduce>();
  registry.add<ArgMaxOp, inferArg>();
  registry.add<ArgMinOp, inferArg>();
  registry.add<TopKOp, inferTopK>();
  registry.add<CumSumOp, inferCumulative>();
  registry.add<CumProdOp, inferCumulative>();
  registry.add<SoftmaxOp, inferAlongAxis>();
  registry.add<LogSoftmaxOp, inferAlongAxis>();
  registry.add<HardmaxOp, inferAlongAxis>();
  registry.add<LpNormalizationOp, inferAlongAxis>();
}
