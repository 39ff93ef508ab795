//===- PadChannels.cpp - channels that make tiles whole -------------------===//
#include "passes/layout/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"

#include "dialects/tile/TileDialect.h"
#include "passes/analysis/TransposeMatch.h"
#include "passes/layout/PanelPacking.h"

namespace ashlar {
#define GEN_PASS_DEF_PADCHANNELS
#include "passes/layout/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

/// True if a row of the filter ends within a group of reduction steps that a
/// tile multiplies at once, and the first channels of what lies behind would be
/// multiplied by zero: of infinity that makes NaN.
bool hasRaggedRows(nn::ConvOp conv) {
  Type element = getElementTypeOrSelf(conv.getInput().getType());
  if (!element.isBF16() || conv.getGroups() != 1 ||
      conv->hasAttr(nn::kLibraryAttrName) ||
      cast<ShapedType>(conv.getFilter().getType()).getRank() != 4)
    return false;
  FilterPanels panels = FilterPanels::of(conv);
  return panels.length % panels.form.group != 0;
}

/// `image` with zeros behind the others of an axis, by the padding that it has
/// or a new one.
Value withZeros(ImplicitLocOpBuilder &b, Value image, unsigned axis) {
  // Zeros are a plane in what is transposed, and the transpose is whole.
  if (auto transpose = matchTranspose(image)) {
    unsigned from = 0;
    while (transpose->map.getDimPosition(from) != axis)
      ++from;
    return makeTranspose(b, b.getLoc(), withZeros(b, transpose->source, from),
                         transpose->map);
  }
  auto type = cast<RankedTensorType>(image.getType());
  SmallVector<int64_t> low(type.getRank(), 0), high(type.getRank(), 0);
  high[axis] = 1;
  auto pad = image.getDefiningOp<tensor::PadOp>();
  bool isZero = pad && pad.getConstantPaddingValue() &&
                matchPattern(pad.getConstantPaddingValue(), m_AnyZeroFloat()) &&
                !ShapedType::isDynamicShape(pad.getStaticLow()) &&
                !ShapedType::isDynamicShape(pad.getStaticHigh());
  if (isZero) {
    image = pad.getSource();
    for (unsigned i = 0; i < low.size(); ++i) {
      low[i] = pad.getStaticLow()[i];
      high[i] += pad.getStaticHigh()[i];
    }
  }
  SmallVector<int64_t> shape = llvm::to_vector(type.getShape());
  ++shape[axis];
  Value zero =
      arith::ConstantOp::create(b, b.getZeroAttr(type.getElementType()));
  return tensor::PadOp::create(
      b, type.clone(shape), image, getAsIndexOpFoldResult(b.getContext(), low),
      getAsIndexOpFoldResult(b.getContext(), high), zero);
}

/// A filter in ONNX's order with a channel of zeros more.
ElementsAttr withChannel(const ConstantData &data, ArrayRef<int64_t> sizes) {
  Type element = data.attribute.getElementType();
  SmallVector<int64_t> shape = llvm::to_vector(sizes);
  ++shape[1];
  auto type = RankedTensorType::get(shape, element);
  return makeConstantData(type, "padded", [&](MutableArrayRef<char> raw) {
    int64_t bytes = element.getIntOrFloatBitWidth() / 8;
    int64_t place = sizes[2] * sizes[3] * bytes, from = sizes[1] * place;
    for (int64_t f = 0; f < sizes[0]; ++f)
      for (int64_t at = 0; at < from; at += bytes)
        std::memcpy(raw.data() + f * (from + place) + at,
                    data.bytes.data() + (data.isSplat ? 0 : f * from + at),
                    bytes);
  });
}

struct PadChannels : ashlar::impl::PadChannelsBase<PadChannels> {
  void runOnOperation() override {
    auto target =
        getOperation()->getAttrOfType<tile::TargetAttr>(tile::kTargetAttrName);
    if (!target || !target.getAmx())
      return;
    getOperation().walk([&](nn::ConvOp conv) {
      auto data = constantData(conv.getFilter());
      if (data && hasRaggedRows(conv))
        pad(conv, *data);
    });
  }

  void pad(nn::ConvOp conv, const ConstantData &data) {
    ImplicitLocOpBuilder b(conv.getLoc(), conv);
    SmallVector<int64_t> sizes = llvm::to_vector(conv.getFilterSizes());
    Value filter =
        arith::ConstantOp::create(b, cast<TypedAttr>(withChannel(data, sizes)));
    ++sizes[1];
    conv.setFilterSizes(sizes);
    conv.getFilterMutable().assign(filter);
    conv.getInputMutable().assign(withZeros(b, conv.getInput(), /*axis=*/3));
    ++paddedConvolutions;
  }
};

} // namespace
