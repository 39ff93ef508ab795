//===- SeparateInits.cpp - no two results start in one buffer -------------===//
#include "passes/bufferize/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

namespace ashlar {
#define GEN_PASS_DEF_SEPARATEINITS
#include "passes/bufferize/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

/// The result that is `use`'s tensor written in place; null for a use that only
/// reads.
Value resultInPlaceOf(OpOperand &use) {
  if (auto loop = dyn_cast<LoopLikeOpInterface>(use.getOwner()))
    for (OpOperand &init : loop.getInitsMutable())
      if (&init == &use)
        return loop.getTiedLoopResult(&use);
  auto op = dyn_cast<DestinationStyleOpInterface>(use.getOwner());
  return op && op.isDpsInit(&use) && op->getNumResults()
             ? op.getTiedOpResult(&use)
             : Value();
}

/// Gives every use that writes `value` in place a value of its own, but the
/// last.
void cloneForEachWriter(Operation *op) {
  SmallVector<OpOperand *> writers;
  for (OpOperand &use : op->getResult(0).getUses())
    if (resultInPlaceOf(use))
      writers.push_back(&use);
  if (op->getResult(0).hasOneUse() || writers.empty())
    return;
  for (OpOperand *use : writers) {
    OpBuilder builder(use->getOwner());
    use->set(builder.clone(*op)->getResult(0));
  }
  if (op->use_empty())
    op->erase();
}

/// Whether something is written in place that has other uses too.
bool isShared(Value value) {
  Value next;
  for (OpOperand &use : value.getUses())
    if (Value result = resultInPlaceOf(use))
      next = result;
  return next && (!value.hasOneUse() || isShared(next));
}

struct SeparateInits : ashlar::impl::SeparateInitsBase<SeparateInits> {
  void runOnOperation() override {
    SmallVector<linalg::FillOp> fills;
    getOperation().walk([&](linalg::FillOp op) {
      if (op->getNumResults() == 1)
        fills.push_back(op);
    });
    for (linalg::FillOp op : fills)
      cloneForEachWriter(op);
    SmallVector<tensor::EmptyOp> empties;
    getOperation().walk([&](tensor::EmptyOp op) { empties.push_back(op); });
    for (tensor::EmptyOp op : empties)
      cloneForEachWriter(op);
    empties.clear();
    getOperation().walk([&](tensor::EmptyOp op) { empties.push_back(op); });
    for (tensor::EmptyOp op : empties) {
      if (!isShared(op.getResult()))
        continue;
      OpBuilder builder(op);
      Value own = bufferization::AllocTensorOp::create(
          builder, op.getLoc(), op.getType(), op.getDynamicSizes());
      op.replaceAllUsesWith(own);
      op.erase();
    }
  }
};

} // namespace
