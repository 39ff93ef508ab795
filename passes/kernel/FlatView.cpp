//===- FlatView.cpp - a buffer as one row of elements ---------------------===//
#include "passes/kernel/IndexArithmetic.h"

using namespace mlir;
using namespace ashlar;

FlatView FlatView::of(IndexArithmetic &b, Value buffer) {
  FlatView view;
  auto type = cast<MemRefType>(buffer.getType());
  auto metadata = memref::ExtractStridedMetadataOp::create(b, buffer);
  view.sizes = metadata.getConstifiedMixedSizes();
  view.strides = metadata.getConstifiedMixedStrides();
  view.offset = metadata.getConstifiedMixedOffset();
  // The size is of no use here: accesses are in bounds of the buffer itself.
  auto flatType =
      MemRefType::get({ShapedType::kDynamic}, type.getElementType());
  Value extent = arith::ConstantIndexOp::create(b, int64_t(1) << 40);
  view.flat = memref::ReinterpretCastOp::create(
      b, flatType, metadata.getBaseBuffer(), b.fixed(0),
      ArrayRef<OpFoldResult>{extent}, ArrayRef<OpFoldResult>{b.fixed(1)});
  return view;
}
