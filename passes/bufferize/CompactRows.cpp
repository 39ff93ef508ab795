//===- CompactRows.cpp - tensors of kernels in adjacent rows --------------===//
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

/// True where what is inserted has neighbours along its last axis as neighbours
/// in the destination; `reshaped` where that axis is not the source's last.
bool insertsCompactRows(tensor::InsertSliceOp insert, bool reshaped) {
  auto type = insert.getDestType();
  int64_t last = type.getRank() - 1;
  if (!reshaped && !insert.getDroppedDims().test(last))
    return insert.getStaticStrides()[last] == 1;
  while (last > 0 && insert.getStaticSizes()[last] == 1 &&
         type.getDimSize(last) == 1)
    --last;
  return last < 0 || (insert.getStaticSizes()[last] != 1 &&
                      insert.getStaticStrides()[last] == 1);
}

/// True where a tensor may be written in place, wherever it is inserted.
bool fitsItsUses(Value value, bool reshaped) {
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    if (isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp>(user))
      return fitsItsUses(user->getResult(0), true);
    if (isa<tensor::CastOp>(user))
      return fitsItsUses(user->getResult(0), reshaped);
    auto insert = dyn_cast<tensor::InsertSliceOp>(user);
    return !insert || insert.getSource() != value ||
           insertsCompactRows(insert, reshaped);
  });
}

/// Gives a kernel a destination of its own, from which its result is copied,
/// where it would have to write rows with gaps.
void compactDestination(DestinationStyleOpInterface op) {
  OpOperand &init = *op.getDpsInitOperand(0);
  auto type = dyn_cast<RankedTensorType>(init.get().getType());
  if (!type || (hasCompactRows(init.get()) &&
                fitsItsUses(op->getResult(0), /*reshaped=*/false)))
    return;
  OpBuilder builder(op);
  SmallVector<Value> sizes;
  for (int64_t axis = 0; axis < type.getRank(); ++axis)
    if (type.isDynamicDim(axis))
      sizes.push_back(
          builder.createOrFold<tensor::DimOp>(op.getLoc(), init.get(), axis));
  // No tensor.empty: the place it is inserted at would take its place.
  init.set(
      bufferization::AllocTensorOp::create(builder, op.getLoc(), type, sizes));
}

struct CompactRows : ashlar::impl::CompactRowsBase<CompactRows> {
  void runOnOperation() override {
    getOperation().walk([](Operation *op) {
      if (isa<nn::MatmulOp, nn::ConvOp, nn::PoolOp, nn::SoftmaxOp,
              nn::WinogradOp>(op))
        compactDestination(cast<DestinationStyleOpInterface>(op));
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
