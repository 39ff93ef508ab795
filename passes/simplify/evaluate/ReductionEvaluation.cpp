// Reductions of small integer constants, exactly.
#include "dialects/onnx/OnnxOps.h"
#include "passes/simplify/evaluate/Evaluate.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

// Calls function(result index, operand index) for every element of the operand.
template <typename Function>
void forEachReduced(ArrayRef<int64_t> shape, ArrayRef<int64_t> axes,
                    Function function) {
  SmallVector<int64_t> strides(shape.size(), 0);
  int64_t stride = 1, total = 1;
  for (int64_t i = int64_t(shape.size()) - 1; i >= 0; --i) {
    total *= shape[i];
    if (llvm::is_contained(axes, i))
      continue;
    strides[i] = stride;
    stride *= shape[i];
  }
  for (int64_t at = 0; at < total; ++at) {
    int64_t rest = at, to = 0;
    for (int64_t i = int64_t(shape.size()) - 1; i >= 0; --i) {
      to += rest % shape[i] * strides[i];
      rest /= shape[i];
    }
    function(to, at);
  }
}

template <typename Op, typename Function>
bool reduceIntegers(Evaluation &evaluation, int64_t initial,
                    Function function) {
  auto op = cast<Op>(evaluation.op);
  auto values = evaluation.integers(op.getData());
  auto listed = evaluation.integers(op.getAxes());
  auto shape = cast<ShapedType>(evaluation.operands[0].getType()).getShape();
  Type element = evaluation.resultTypes[0].getElementType();
  if (!values || values->empty() || (op.getAxes() && !listed) ||
      !(element.isSignlessInteger(64) || element.isSignlessInteger(32)))
    return false;
  SmallVector<int64_t> axes;
  if (listed)
    for (int64_t axis : *listed)
      axes.push_back(axis < 0 ? axis + shape.size() : axis);
  if (axes.empty()) {
    if (op.getNoopWithEmptyAxes())
      return false;
    for (size_t i = 0; i < shape.size(); ++i)
      axes.push_back(i);
  }
  SmallVector<int64_t> results(evaluation.resultTypes[0].getNumElements(),
                               initial);
  forEachReduced(shape, axes, [&](int64_t to, int64_t at) {
    results[to] = function(results[to], (*values)[at]);
  });
  evaluation.results[0] =
      constantOfIntegers(evaluation.resultTypes[0], results);
  return true;
}

int64_t wrappingAdd(int64_t a, int64_t b) {
  return int64_t(uint64_t(a) + uint64_t(b));
}
int64_t wrappingMultiply(int64_t a, int64_t b) {
  return int64_t(uint64_t(a) * uint64_t(b));
}

bool evaluateSum(Evaluation &evaluation) {
  return reduceIntegers<ReduceSumOp>(evaluation, 0, wrappingAdd);
}
bool evaluateProd(Evaluation &evaluation) {
  return reduceIntegers<ReduceProdOp>(evaluation, 1, wrappingMultiply);
}
bool evaluateMax(Evaluation &evaluation) {
  return reduceIntegers<ReduceMaxOp>(
      evaluation, std::numeric_limits<int64_t>::min(),
      [](int64_t a, int64_t b) { return std::max(a, b); });
}
bool evaluateMin(Evaluation &evaluation) {
  return reduceIntegers<ReduceMinOp>(
      evaluation, std::numeric_limits<int64_t>::max(),
      [](int64_t a, int64_t b) { return std::min(a, b); });
}

} // namespace

void ashlar::onnx::registerReductionEvaluation(EvaluatorRegistry &registry) {
  registry.add<ReduceSumOp>(evaluateSum);
  registry.add<ReduceProdOp>(evaluateProd);
  registry.add<ReduceMaxOp>(evaluateMax);
  registry.add<ReduceMinOp>(evaluateMin);
}
