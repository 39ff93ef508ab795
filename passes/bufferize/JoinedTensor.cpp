//===- JoinedTensor.cpp - tensors put together from parts -----------------===//
#include "passes/bufferize/JoinedTensor.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

using namespace mlir;
using namespace ashlar;

namespace {

SmallVector<JoinedPart> partsOf(Value joined, SmallVector<OpFoldResult> &sizes);

/// Parts that are put together themselves, for nothing else, in place of what
/// they make.
SmallVector<JoinedPart> withoutNesting(ArrayRef<JoinedPart> parts) {
  SmallVector<JoinedPart> flat;
  for (const JoinedPart &part : parts) {
    SmallVector<OpFoldResult> sizes;
    SmallVector<JoinedPart> inner;
    bool sameRank =
        size_t(cast<RankedTensorType>(part.source.getType()).getRank()) ==
        part.offsets.size();
    if (part.source.hasOneUse() && sameRank)
      inner = partsOf(part.source, sizes);
    auto isStatic = [](ArrayRef<OpFoldResult> values) {
      return getConstantIntValues(values).has_value();
    };
    bool known = isStatic(part.offsets) && isStatic(part.strides) &&
                 llvm::all_of(inner, [&](const JoinedPart &piece) {
                   return isStatic(piece.offsets) && isStatic(piece.strides);
                 });
    if (inner.empty() || !known) {
      flat.push_back(part);
      continue;
    }
    Builder b(part.source.getContext());
    for (JoinedPart &piece : inner) {
      for (unsigned axis = 0; axis < piece.offsets.size(); ++axis) {
        int64_t stride = *getConstantIntValue(part.strides[axis]);
        piece.offsets[axis] =
            b.getIndexAttr(*getConstantIntValue(part.offsets[axis]) +
                           *getConstantIntValue(piece.offsets[axis]) * stride);
        piece.strides[axis] =
            b.getIndexAttr(*getConstantIntValue(piece.strides[axis]) * stride);
      }
      flat.push_back(piece);
    }
  }
  return flat;
}

/// The parts of a row of insertions into a fresh tensor, first one first.
/// Empty if it is none. `sizes` become those of the fresh tensor.
SmallVector<JoinedPart> partsOf(Value joined,
                                SmallVector<OpFoldResult> &sizes) {
  SmallVector<JoinedPart> parts;
  while (auto insert = joined.getDefiningOp<tensor::InsertSliceOp>()) {
    parts.push_back({insert.getSource(), insert.getMixedOffsets(),
                     insert.getMixedSizes(), insert.getMixedStrides()});
    joined = insert.getDest();
    if (!joined.hasOneUse() && !joined.getDefiningOp<tensor::EmptyOp>())
      return {};
  }
  auto empty = joined.getDefiningOp<tensor::EmptyOp>();
  if (!empty)
    return {};
  sizes = empty.getMixedSizes();
  std::reverse(parts.begin(), parts.end());
  return withoutNesting(parts);
}

} // namespace

bool ashlar::isLastInsertion(tensor::InsertSliceOp insert) {
  return !insert->hasOneUse() ||
         !isa<tensor::InsertSliceOp>(*insert->user_begin());
}

bool ashlar::areDisjoint(const JoinedPart &a, const JoinedPart &b) {
  for (unsigned axis = 0; axis < a.offsets.size(); ++axis) {
    auto of =
        [&](const JoinedPart &part) -> std::optional<std::array<int64_t, 3>> {
      auto offset = getConstantIntValue(part.offsets[axis]);
      auto size = getConstantIntValue(part.sizes[axis]);
      auto stride = getConstantIntValue(part.strides[axis]);
      if (!offset || !size || !stride || *size < 1)
        return std::nullopt;
      return std::array<int64_t, 3>{*offset, *offset + (*size - 1) * *stride,
                                    *stride};
    };
    auto x = of(a), y = of(b);
    if (!x || !y)
      continue;
    if ((*x)[1] < (*y)[0] || (*y)[1] < (*x)[0])
      return true;
    int64_t stride = (*x)[2];
    if (stride == (*y)[2] && ((*x)[0] - (*y)[0]) % stride != 0)
      return true;
  }
  return false;
}

std::optional<JoinedTensor> ashlar::joinOf(tensor::InsertSliceOp last) {
  JoinedTensor join{last, nullptr, {}, {}};
  join.parts = partsOf(last.getResult(), join.sizes);
  if (join.parts.empty())
    return std::nullopt;
  return join;
}

std::optional<JoinedTensor> ashlar::joinOf(tensor::PadOp pad) {
  auto isPad = [](int64_t size) {
    return !ShapedType::isDynamic(size) && size >= 0;
  };
  if (!llvm::all_of(pad.getStaticLow(), isPad) ||
      !llvm::all_of(pad.getStaticHigh(), isPad) ||
      !pad.getConstantPaddingValue())
    return std::nullopt;
  ImplicitLocOpBuilder b(pad.getLoc(), pad);
  JoinedTensor join{pad, pad, {}, {}};
  SmallVector<OpFoldResult> inner;
  if (pad.getSource().hasOneUse())
    join.parts = partsOf(pad.getSource(), inner);
  if (join.parts.empty()) {
    Value source = pad.getSource();
    // The sizes that its own destination was made with, where there is one.
    auto style = source.getDefiningOp<DestinationStyleOpInterface>();
    auto empty = style && style.getNumDpsInits() == 1
                     ? style.getDpsInits()[0].getDefiningOp<tensor::EmptyOp>()
                     : nullptr;
    inner = empty ? empty.getMixedSizes()
                  : tensor::getMixedSizes(b, pad.getLoc(), source);
    join.parts.push_back(
        {source, SmallVector<OpFoldResult>(inner.size(), b.getIndexAttr(0)),
         inner, SmallVector<OpFoldResult>(inner.size(), b.getIndexAttr(1))});
  }
  AffineExpr d;
  bindDims(b.getContext(), d);
  auto add = [&](OpFoldResult value, int64_t number) {
    OpBuilder::InsertionGuard guard(b);
    if (auto operand = dyn_cast<Value>(value); operand && number)
      b.setInsertionPointAfterValue(operand);
    return affine::makeComposedFoldedAffineApply(b, b.getLoc(), d + number,
                                                 {value});
  };
  for (unsigned axis = 0; axis < inner.size(); ++axis) {
    int64_t low = pad.getStaticLow()[axis], high = pad.getStaticHigh()[axis];
    join.sizes.push_back(add(inner[axis], low + high));
    for (JoinedPart &part : join.parts)
      part.offsets[axis] = add(part.offsets[axis], low);
  }
  return join;
}
