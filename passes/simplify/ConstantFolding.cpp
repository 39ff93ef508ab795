#include "passes/simplify/ConstantFolding.h"

#include "passes/simplify/evaluate/Evaluate.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

// Folding may make the data section a little larger, never much.
constexpr int64_t maxGrowthBytes = 64 * 1024;

int64_t byteSize(ShapedType type) {
  return type.getNumElements() * int64_t(bytesOf(type.getElementType()));
}

// The constants that an operation works on: null for what is absent, nothing
// when one is no constant.
std::optional<SmallVector<ElementsAttr>> constantOperands(Operation *op) {
  SmallVector<ElementsAttr> operands;
  for (Value operand : op->getOperands()) {
    auto constant = operand.getDefiningOp<ConstantOp>();
    if (!constant)
      return std::nullopt;
    operands.push_back(constant.getValue());
  }
  return operands;
}

// Types of the results when all are static and not too large for what goes in.
std::optional<SmallVector<RankedTensorType>>
foldableResults(Operation *op, ArrayRef<ElementsAttr> operands) {
  int64_t in = 0, out = 0;
  for (ElementsAttr operand : operands)
    in += byteSize(cast<ShapedType>(operand.getType()));
  SmallVector<RankedTensorType> types;
  for (Type result : op->getResultTypes()) {
    auto type = dyn_cast<RankedTensorType>(result);
    if (!type || !type.hasStaticShape())
      return std::nullopt;
    types.push_back(type);
    out += byteSize(type);
  }
  if (out > in + maxGrowthBytes)
    return std::nullopt;
  return types;
}

} // namespace

bool ashlar::onnx::foldOperation(Operation *op) {
  auto operands = constantOperands(op);
  if (!operands)
    return false;
  auto types = foldableResults(op, *operands);
  if (!types)
    return false;
  auto results = evaluate(op, *operands, *types);
  if (results.empty())
    return false;
  OpBuilder builder(op);
  for (auto [value, constant] : llvm::zip(op->getResults(), results))
    value.replaceAllUsesWith(ConstantOp::create(
        builder, op->getLoc(), constant.getShapedType(), constant));
  // Constants that nothing else uses go with the operation.
  SmallVector<Operation *> producers;
  for (Value operand : op->getOperands())
    if (!llvm::is_contained(producers, operand.getDefiningOp()))
      producers.push_back(operand.getDefiningOp());
  op->erase();
  for (Operation *producer : producers)
    if (producer->use_empty())
      producer->erase();
  return true;
}

void ashlar::onnx::foldForward(Operation *root,
                               function_ref<bool(Operation *)> fold) {
  root->walk<WalkOrder::PreOrder>([&](Block *block) {
    for (Operation &op : llvm::make_early_inc_range(*block))
      fold(&op);
  });
}
