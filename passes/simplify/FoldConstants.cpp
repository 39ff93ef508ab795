#include "passes/simplify/Passes.h"

#include "passes/simplify/ConstantFolding.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_FOLDCONSTANTS
#include "passes/simplify/Passes.h.inc"

namespace {

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

struct FoldConstants : impl::FoldConstantsBase<FoldConstants> {
  void runOnOperation() override {
    foldForward(getOperation(), [](Operation *op) {
      return foldShape(op) || (isCandidate(op) && foldOperation(op));
    });
  }
};

} // namespace
} // namespace ashlar
