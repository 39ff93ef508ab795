//===- PackWeights.cpp - constant weights into panels ---------------------===//
#include "passes/layout/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include "passes/analysis/TransposeMatch.h"
#include "passes/layout/PanelPacking.h"

namespace ashlar {
#define GEN_PASS_DEF_PACKWEIGHTS
#include "passes/layout/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

struct PackWeights : ashlar::impl::PackWeightsBase<PackWeights> {
  void runOnOperation() override {
    getOperation().walk([&](nn::ConvOp conv) { packConv(conv); });
    getOperation().walk([&](nn::MatmulOp matmul) { packMatmul(matmul); });
  }

  /// The same data in the same form is packed once.
  ElementsAttr packOnce(const ConstantData &data, const Twine &form,
                        llvm::function_ref<ElementsAttr()> pack) {
    auto key = std::make_pair(Attribute(data.attribute),
                              StringAttr::get(&getContext(), form));
    auto [place, isNew] = packed.try_emplace(key);
    if (isNew) {
      place->second = pack();
      packedBytes += place->second.getNumElements() *
                     place->second.getElementType().getIntOrFloatBitWidth() / 8;
    }
    return place->second;
  }

  Value makeConstant(Operation *before, ElementsAttr data) {
    OpBuilder builder(before);
    return arith::ConstantOp::create(builder, before->getLoc(),
                                     cast<TypedAttr>(data));
  }

  void packConv(nn::ConvOp conv) {
    if (conv->hasAttr(nn::kLibraryAttrName) ||
        cast<ShapedType>(conv.getFilter().getType()).getRank() != 4)
      return;
    auto data = constantData(conv.getFilter());
    if (!data) {
      conv.getFilterMutable().assign(packFilterAtRunTime(conv));
      return;
    }
    Type element = data->attribute.getElementType();
    ArrayRef<int64_t> sizes = conv.getFilterSizes();
    FilterPanels panels = FilterPanels::of(conv);
    std::string form = "filter";
    llvm::raw_string_ostream stream(form);
    llvm::interleave(sizes, stream, "x");
    stream << "/" << conv.getGroups() << (panels.joined ? "" : "/places");
    ElementsAttr result = packOnce(*data, form, [&] {
      return isDepthwise(conv) ? packDepthwise(*data, sizes, element)
                               : packFilter(*data, panels, element);
    });
    conv.getFilterMutable().assign(makeConstant(conv, result));
  }

  void packMatmul(nn::MatmulOp matmul) {
    auto type = cast<RankedTensorType>(matmul.getRhs().getType());
    if (matmul.getPacked() || matmul->hasAttr(nn::kLibraryAttrName))
      return;
    Value source = matmul.getRhs();
    auto transpose = matchTranspose(source);
    if (transpose)
      source = transpose->source;
    auto data = constantData(source);
    if (!data || type.getRank() != 2 || !type.hasStaticShape()) {
      // f32 is read row by row as it is.
      if (nn::PanelForm::of(type.getElementType()).group > 1) {
        matmul.getRhsMutable().assign(packMatrixAtRunTime(matmul));
        matmul.setPacked(true);
      }
      return;
    }
    int64_t reduction = type.getDimSize(0), columns = type.getDimSize(1);
    std::string form = (Twine("matrix") + Twine(reduction) + "x" +
                        Twine(columns) + (transpose ? "t" : ""))
                           .str();
    ElementsAttr result = packOnce(*data, form, [&] {
      return packMatrix(*data, reduction, columns, transpose.has_value(),
                        type.getElementType());
    });
    matmul.getRhsMutable().assign(makeConstant(matmul, result));
    matmul.setPacked(true);
  }

  DenseMap<std::pair<Attribute, StringAttr>, ElementsAttr> packed;
};

} // namespace
