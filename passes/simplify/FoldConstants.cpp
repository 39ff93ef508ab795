#include "passes/simplify/Passes.h"

#include "dialects/onnx/OnnxOps.h"
#include "passes/simplify/evaluate/Evaluate.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_FOLDCONSTANTS
#define GEN_PASS_DEF_FOLDDEQUANTIZEDWEIGHTS
#include "passes/simplify/Passes.h.inc"

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

// Executes one operation on constants and puts the results in its place.
bool foldOperation(Operation *op) {
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

bool isCandidate(Operation *op) {
  return op->getNumRegions() == 0 && op->getNumResults() > 0 &&
         op->getNumOperands() > 0 &&
         isa_and_nonnull<OnnxDialect>(op->getDialect()) && isPure(op) &&
         !isa<DequantizeLinearOp>(op);
}

// Sizes of a tensor whose type is static need no tensor.
bool foldShape(Operation *op) {
  auto shape = dyn_cast<ShapeOp>(op);
  auto size = dyn_cast<SizeOp>(op);
  if (!shape && !size)
    return false;
  auto type = dyn_cast<RankedTensorType>(op->getOperand(0).getType());
  auto result = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!type || !type.hasStaticShape() || !result || !result.hasStaticShape())
    return false;
  SmallVector<int64_t> values;
  if (size) {
    values.push_back(type.getNumElements());
  } else {
    int64_t rank = type.getRank(), start = shape.getStart();
    start = std::max<int64_t>(0, start < 0 ? start + rank : start);
    for (int64_t i = 0; i < result.getNumElements(); ++i)
      values.push_back(type.getDimSize(start + i));
  }
  OpBuilder builder(op);
  op->getResult(0).replaceAllUsesWith(ConstantOp::create(
      builder, op->getLoc(), result, constantOfIntegers(result, values)));
  op->erase();
  return true;
}

// Forward through the blocks: each operation sees what those before it became.
template <typename Predicate>
void foldAll(Operation *root, Predicate candidate) {
  root->walk<WalkOrder::PreOrder>([&](Block *block) {
    for (Operation &op : llvm::make_early_inc_range(*block))
      if (!foldShape(&op) && candidate(&op))
        foldOperation(&op);
  });
}

struct FoldConstants : impl::FoldConstantsBase<FoldConstants> {
  void runOnOperation() override { foldAll(getOperation(), isCandidate); }
};

struct FoldDequantizedWeights
    : impl::FoldDequantizedWeightsBase<FoldDequantizedWeights> {
  void runOnOperation() override {
    foldAll(getOperation(),
            [](Operation *op) { return isa<DequantizeLinearOp>(op); });
  }
};

} // namespace
} // namespace ashlar
