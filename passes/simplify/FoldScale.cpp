#include "passes/simplify/Passes.h"

#include "passes/simplify/WeightScaling.h"

#include <cmath>

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_FOLDSCALE
#include "passes/simplify/Passes.h.inc"

namespace {

// A constant that has one number for each channel (axis 1) of a tensor, or one
// for all, spread over the channels.
std::optional<std::vector<double>> perChannel(Value constant,
                                              RankedTensorType type) {
  ElementsAttr attr = constantOf(constant);
  if (!attr || type.getRank() < 2 || type.isDynamicDim(1))
    return std::nullopt;
  auto shape = cast<ShapedType>(attr.getType()).getShape();
  int64_t rank = type.getRank(), offset = rank - int64_t(shape.size());
  if (offset < 0)
    return std::nullopt;
  for (auto [i, size] : llvm::enumerate(shape))
    if (size != 1 && int64_t(i) + offset != 1)
      return std::nullopt;
  auto values = doublesOf(attr);
  if (!values)
    return std::nullopt;
  if (values->size() == 1)
    values->resize(type.getDimSize(1), values->front());
  if (int64_t(values->size()) != type.getDimSize(1))
    return std::nullopt;
  return values;
}

template <typename Op>
LogicalResult foldScale(Op op, PatternRewriter &rewriter) {
  // The constant may stand on either side of a sum or product.
  constexpr bool commutes =
      std::is_same_v<Op, AddOp> || std::is_same_v<Op, MulOp>;
  Value data = op.getA(), constant = op.getB();
  if (commutes && constantOf(data))
    std::swap(data, constant);
  auto type = rankedType(data);
  if (!type || type != op.getC().getType() || !type.getElementType().isF32() ||
      !isa_and_nonnull<ConvOp, ConvTransposeOp>(data.getDefiningOp()))
    return failure();
  auto values = perChannel(constant, type);
  if (!values)
    return failure();
  ChannelAffine affine;
  affine.scale.assign(values->size(), 1.0);
  affine.shift.assign(values->size(), 0.0);
  for (auto [index, value] : llvm::enumerate(*values)) {
    if (std::is_same_v<Op, MulOp>)
      affine.scale[index] = value;
    else if (std::is_same_v<Op, DivOp>)
      affine.scale[index] = 1 / value;
    else
      affine.shift[index] = std::is_same_v<Op, AddOp> ? value : -value;
  }
  if (llvm::any_of(affine.scale, [](double s) { return !std::isfinite(s); }))
    return failure();
  return scaleOutput(data, affine, op, rewriter);
}

struct FoldScale : impl::FoldScaleBase<FoldScale> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add(foldScale<AddOp>);
    patterns.add(foldScale<SubOp>);
    patterns.add(foldScale<MulOp>);
    patterns.add(foldScale<DivOp>);
    (void)applyRewrites(getOperation(), std::move(patterns));
  }
};

} // namespace
} // namespace ashlar
