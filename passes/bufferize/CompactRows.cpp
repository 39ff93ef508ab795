//===- CompactRows.cpp - operands of contractions in adjacent rows --------===//
#include "passes/bufferize/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include "dialects/nn/NnDialect.h"

namespace ashlar {
#define GEN_PASS_DEF_COMPACTROWS
#include "passes/bufferize/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

/// True where the slice takes the whole of an axis.
bool takesWhole(tensor::ExtractSliceOp slice, int64_t axis) {
  int64_t size = slice.getStaticSizes()[axis];
  return !ShapedType::isDynamic(size) &&
         size == slice.getSourceType().getDimSize(axis) &&
         slice.getStaticStrides()[axis] == 1;
}

/// True where the elements of the value, as a view of what it is made from, lie
/// one after the other. False also where that is not known.
bool isCompact(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto slice = dyn_cast_or_null<tensor::ExtractSliceOp>(op)) {
    // Only the first axis that is more than one element long may be cut.
    bool cut = false;
    for (auto [axis, size] : llvm::enumerate(slice.getStaticSizes())) {
      if (cut && !takesWhole(slice, axis))
        return false;
      if (size != 1) {
        cut = true;
        if (slice.getStaticStrides()[axis] != 1)
          return false;
      }
    }
    return isCompact(slice.getSource());
  }
  if (isa_and_nonnull<tensor::CollapseShapeOp, tensor::ExpandShapeOp,
                      tensor::CastOp>(op))
    return isCompact(op->getOperand(0));
  return true;
}

/// True where neighbours along the last axis are neighbours in memory.
bool hasCompactRows(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto slice = dyn_cast_or_null<tensor::ExtractSliceOp>(op)) {
    int64_t last = slice.getSourceType().getRank() - 1;
    bool dropped = slice.getDroppedDims().test(last);
    if (dropped)
      return isCompact(value);
    return slice.getStaticStrides()[last] == 1 &&
           hasCompactRows(slice.getSource());
  }
  if (auto cast = dyn_cast_or_null<tensor::CastOp>(op))
    return hasCompactRows(cast.getSource());
  return isCompact(value);
}

struct CompactRows : ashlar::impl::CompactRowsBase<CompactRows> {
  void runOnOperation() override {
    getOperation().walk([](Operation *op) {
      if (!isa<nn::MatmulOp, nn::ConvOp, nn::PoolOp>(op))
        return;
      // The left side of a matrix product is read element by element: gaps
      // cost it nothing.
      unsigned first = isa<nn::MatmulOp>(op) ? 1 : 0;
      unsigned end = isa<nn::PoolOp>(op) ? 1 : 2;
      for (OpOperand &operand :
           op->getOpOperands().take_front(end).drop_front(first)) {
        auto type = dyn_cast<RankedTensorType>(operand.get().getType());
        if (!type || hasCompactRows(operand.get()))
          continue;
        OpBuilder builder(op);
        operand.set(bufferization::AllocTensorOp::create(
            builder, op->getLoc(), type, ValueRange(), operand.get()));
      }
    });
  }
};

} // namespace
