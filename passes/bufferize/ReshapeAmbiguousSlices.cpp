//===- ReshapeAmbiguousSlices.cpp - which unit axes a slice drops ---------===//
#include "passes/bufferize/Passes.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace ashlar {
#define GEN_PASS_DEF_RESHAPEAMBIGUOUSSLICES
#include "passes/bufferize/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

/// True where the slice drops some of its unit axes, and keeps others, and its
/// strides do not tell which: those of the tensor are not all known, or are not
/// the slice's.
template <typename SliceOp>
bool isAmbiguous(SliceOp slice, RankedTensorType whole) {
  size_t dropped = slice.getDroppedDims().count();
  bool hasOwnStrides = llvm::any_of(slice.getStaticStrides(),
                                    [](int64_t step) { return step != 1; });
  return dropped > 0 && (!whole.hasStaticShape() || hasOwnStrides) &&
         size_t(llvm::count(slice.getStaticSizes(), 1)) > dropped;
}

/// The axes of the slice that make each axis of the reduced tensor: dropped
/// ones with the one before, the first ones with the one behind.
SmallVector<ReassociationIndices>
groupAxes(const llvm::SmallBitVector &dropped) {
  SmallVector<ReassociationIndices> groups;
  ReassociationIndices leading;
  for (unsigned axis = 0; axis < dropped.size(); ++axis) {
    bool isFirst = groups.empty();
    if (!dropped.test(axis)) {
      groups.push_back(isFirst ? leading : ReassociationIndices());
      groups.back().push_back(axis);
    } else if (isFirst) {
      leading.push_back(axis);
    } else {
      groups.back().push_back(axis);
    }
  }
  return groups;
}

void reshape(tensor::InsertSliceOp insert) {
  OpBuilder b(insert);
  SmallVector<OpFoldResult> sizes = insert.getMixedSizes();
  SmallVector<int64_t> shape(insert.getStaticSizes());
  Value source = tensor::ExpandShapeOp::create(
      b, insert.getLoc(),
      RankedTensorType::get(shape, insert.getSourceType().getElementType()),
      insert.getSource(), groupAxes(insert.getDroppedDims()), sizes);
  insert.getSourceMutable().set(source);
}

void reshape(tensor::ExtractSliceOp extract) {
  OpBuilder b(extract);
  Value whole = tensor::ExtractSliceOp::create(
      b, extract.getLoc(), extract.getSource(), extract.getMixedOffsets(),
      extract.getMixedSizes(), extract.getMixedStrides());
  Value reduced = tensor::CollapseShapeOp::create(
      b, extract.getLoc(), extract.getType(), whole,
      groupAxes(extract.getDroppedDims()));
  extract.replaceAllUsesWith(reduced);
  extract.erase();
}

struct ReshapeAmbiguousSlices
    : ashlar::impl::ReshapeAmbiguousSlicesBase<ReshapeAmbiguousSlices> {
  void runOnOperation() override {
    SmallVector<Operation *> slices;
    getOperation().walk([&](Operation *op) {
      if (isa<tensor::InsertSliceOp, tensor::ExtractSliceOp>(op))
        slices.push_back(op);
    });
    for (Operation *op : slices) {
      auto insert = dyn_cast<tensor::InsertSliceOp>(op);
      auto extract = dyn_cast<tensor::ExtractSliceOp>(op);
      if (insert && isAmbiguous(insert, insert.getDestType()))
        reshape(insert);
      else if (extract && isAmbiguous(extract, extract.getSourceType()))
        reshape(extract);
    }
  }
};

} // namespace
