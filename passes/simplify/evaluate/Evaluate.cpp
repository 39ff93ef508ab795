#include "passes/simplify/evaluate/Evaluate.h"

using namespace mlir;
using namespace ashlar::onnx;

ElementsAttr Evaluation::of(Value operand) const {
  if (!operand)
    return {};
  for (auto [value, constant] : llvm::zip(op->getOperands(), operands))
    if (value == operand)
      return constant;
  return {};
}

std::optional<std::vector<int64_t>> Evaluation::integers(Value operand) const {
  ElementsAttr attr = of(operand);
  return attr ? integersOf(attr) : std::nullopt;
}

EvaluatorRegistry::EvaluatorRegistry() {
  registerArithmeticEvaluation(*this);
  registerCastEvaluation(*this);
  registerMovementEvaluation(*this);
  registerReductionEvaluation(*this);
  registerQuantizationEvaluation(*this);
}

const EvaluatorRegistry &EvaluatorRegistry::get() {
  static const EvaluatorRegistry registry;
  return registry;
}

SmallVector<ElementsAttr, 1>
ashlar::onnx::evaluate(Operation *op, ArrayRef<ElementsAttr> operands,
                       ArrayRef<RankedTensorType> resultTypes) {
  EvaluateFunction function =
      EvaluatorRegistry::get().find(op->getName().getStringRef());
  if (!function)
    return {};
  Evaluation evaluation{op, operands, resultTypes, {}};
  evaluation.results.resize(op->getNumResults());
  if (!function(evaluation))
    return {};
  return evaluation.results;
}

std::optional<SmallVector<double, 4>>
ashlar::onnx::floatsOf(ElementsAttr attr) {
  auto values = doublesOf(attr);
  if (!values)
    return std::nullopt;
  return SmallVector<double, 4>(values->begin(), values->end());
}
