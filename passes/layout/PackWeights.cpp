//===- PackWeights.cpp - constant weights into panels ---------------------===//
#include "passes/layout/Passes.h"

#include "llvm/Support/MathExtras.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include "dialects/nn/NnDialect.h"
#include "passes/analysis/TransposeMatch.h"

namespace ashlar {
#define GEN_PASS_DEF_PACKWEIGHTS
#include "passes/layout/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

using nn::kPanelWidth;

/// f32 data of a constant.
struct ConstantData {
  ElementsAttr attribute;
  ArrayRef<float> values; // one for a splat
  bool isSplat = false;
  float at(int64_t index) const { return values[isSplat ? 0 : index]; }
};

std::optional<ConstantData> constantData(Value value) {
  // Reshapes do not move data.
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp>(
            op))
      break;
    value = op->getOperand(0);
  }
  auto constant = value.getDefiningOp<arith::ConstantOp>();
  auto elements =
      constant ? dyn_cast<ElementsAttr>(constant.getValue()) : ElementsAttr();
  if (!elements || !elements.getElementType().isF32())
    return std::nullopt;
  auto asFloats = [](ArrayRef<char> raw) {
    return ArrayRef<float>(reinterpret_cast<const float *>(raw.data()),
                           raw.size() / sizeof(float));
  };
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return std::nullopt;
    return ConstantData{elements, asFloats(blob->getData()), false};
  }
  auto dense = dyn_cast<DenseElementsAttr>(elements);
  if (!dense)
    return std::nullopt;
  return ConstantData{elements, asFloats(dense.getRawData()), dense.isSplat()};
}

/// A zeroed constant that `fill` writes.
ElementsAttr makeData(ArrayRef<int64_t> shape, MLIRContext *context,
                      llvm::function_ref<void(MutableArrayRef<float>)> fill) {
  auto type = RankedTensorType::get(shape, Float32Type::get(context));
  int64_t count = type.getNumElements();
  AsmResourceBlob blob =
      HeapAsmResourceBlob::allocate(count * sizeof(float), 64);
  MutableArrayRef<float> values(
      reinterpret_cast<float *>(blob.getMutableData().data()), count);
  std::fill(values.begin(), values.end(), 0.0f);
  fill(values);
  return DenseResourceElementsAttr::get(type, "packed", std::move(blob));
}

/// [F, C, R, S] to [groups, F/32, R, S*C, 32].
ElementsAttr packFilter(const ConstantData &data, ArrayRef<int64_t> sizes,
                        int64_t groups, MLIRContext *context) {
  int64_t outputs = sizes[0] / groups, depth = sizes[1], rows = sizes[2],
          columns = sizes[3];
  int64_t panels = llvm::divideCeil(outputs, kPanelWidth);
  return makeData(
      {groups, panels, rows, columns * depth, kPanelWidth}, context,
      [&](MutableArrayRef<float> packed) {
        for (int64_t f = 0; f < sizes[0]; ++f) {
          int64_t group = f / outputs, inGroup = f % outputs;
          int64_t panel = group * panels + inGroup / kPanelWidth;
          for (int64_t c = 0; c < depth; ++c)
            for (int64_t r = 0; r < rows; ++r)
              for (int64_t s = 0; s < columns; ++s)
                packed[((panel * rows + r) * columns * depth + s * depth + c) *
                           kPanelWidth +
                       inGroup % kPanelWidth] =
                    data.at(((f * depth + c) * rows + r) * columns + s);
        }
      });
}

/// [C, 1, R, S] to [R, S, C].
ElementsAttr packDepthwise(const ConstantData &data, ArrayRef<int64_t> sizes,
                           MLIRContext *context) {
  int64_t channels = sizes[0], places = sizes[2] * sizes[3];
  return makeData({sizes[2], sizes[3], channels}, context,
                  [&](MutableArrayRef<float> packed) {
                    for (int64_t c = 0; c < channels; ++c)
                      for (int64_t place = 0; place < places; ++place)
                        packed[place * channels + c] =
                            data.at(c * places + place);
                  });
}

/// [K, N] (or [N, K], `transposed`) to [N/32, K, 32].
ElementsAttr packMatrix(const ConstantData &data, int64_t reduction,
                        int64_t columns, bool transposed,
                        MLIRContext *context) {
  int64_t panels = llvm::divideCeil(columns, kPanelWidth);
  return makeData(
      {panels, reduction, kPanelWidth}, context,
      [&](MutableArrayRef<float> packed) {
        for (int64_t panel = 0; panel < panels; ++panel) {
          int64_t width = std::min(kPanelWidth, columns - panel * kPanelWidth);
          for (int64_t k = 0; k < reduction; ++k)
            for (int64_t lane = 0; lane < width; ++lane) {
              int64_t n = panel * kPanelWidth + lane;
              packed[(panel * reduction + k) * kPanelWidth + lane] =
                  data.at(transposed ? n * reduction + k : k * columns + n);
            }
        }
      });
}

bool isDepthwise(nn::ConvOp conv) {
  int64_t groups = conv.getGroups();
  return conv.getFilterSizes()[1] == 1 && conv.getFilterSizes()[0] == groups &&
         groups > 1;
}

/// Packs a filter that is known only when the model runs.
Value packFilterAtRunTime(nn::ConvOp conv) {
  ImplicitLocOpBuilder b(conv.getLoc(), conv);
  ArrayRef<int64_t> sizes = conv.getFilterSizes();
  bool depthwise = isDepthwise(conv);
  int64_t groups = conv.getGroups();
  int64_t outputs = sizes[0] / groups, depth = sizes[1];
  SmallVector<int64_t> shape{sizes[2], sizes[3], sizes[0]};
  if (!depthwise)
    shape = {groups, int64_t(llvm::divideCeil(outputs, kPanelWidth)), sizes[2],
             sizes[3] * depth, kPanelWidth};
  Value empty = tensor::EmptyOp::create(b, shape, b.getF32Type());
  auto identity = b.getMultiDimIdentityMap(shape.size());
  auto body = [&](OpBuilder &builder, Location loc, ValueRange) {
    ImplicitLocOpBuilder inner(loc, builder);
    auto index = [&](int64_t axis) -> Value {
      return linalg::IndexOp::create(inner, axis);
    };
    auto constant = [&](int64_t value) -> Value {
      return arith::ConstantIndexOp::create(inner, value);
    };
    if (depthwise) {
      Value element = tensor::ExtractOp::create(
          inner, conv.getFilter(),
          ValueRange{index(2), constant(0), index(0), index(1)});
      linalg::YieldOp::create(inner, element);
      return;
    }
    Value inGroup = arith::AddIOp::create(
        inner, arith::MulIOp::create(inner, index(1), constant(kPanelWidth)),
        index(4));
    Value exists = arith::CmpIOp::create(inner, arith::CmpIPredicate::ult,
                                         inGroup, constant(outputs));
    Value safe = arith::MinUIOp::create(inner, inGroup, constant(outputs - 1));
    Value output = arith::AddIOp::create(
        inner, arith::MulIOp::create(inner, index(0), constant(outputs)), safe);
    Value column = arith::DivUIOp::create(inner, index(3), constant(depth));
    Value channel = arith::RemUIOp::create(inner, index(3), constant(depth));
    Value element = tensor::ExtractOp::create(
        inner, conv.getFilter(), ValueRange{output, channel, index(2), column});
    Value zero = arith::ConstantOp::create(inner, inner.getF32FloatAttr(0));
    linalg::YieldOp::create(
        inner,
        arith::SelectOp::create(inner, exists, element, zero).getResult());
  };
  return linalg::GenericOp::create(
             b, TypeRange{empty.getType()}, ValueRange(), ValueRange{empty},
             ArrayRef<AffineMap>{identity},
             SmallVector<utils::IteratorType>(shape.size(),
                                              utils::IteratorType::parallel),
             body)
      .getResult(0);
}

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
      packedBytes += place->second.getNumElements() * sizeof(float);
    }
    return place->second;
  }

  Value makeConstant(Operation *before, ElementsAttr data) {
    OpBuilder builder(before);
    return arith::ConstantOp::create(builder, before->getLoc(),
                                     cast<TypedAttr>(data));
  }

  void packConv(nn::ConvOp conv) {
    if (cast<ShapedType>(conv.getFilter().getType()).getRank() != 4)
      return;
    auto data = constantData(conv.getFilter());
    if (!data) {
      conv.getFilterMutable().assign(packFilterAtRunTime(conv));
      return;
    }
    ArrayRef<int64_t> sizes = conv.getFilterSizes();
    std::string form = "filter";
    llvm::raw_string_ostream stream(form);
    llvm::interleave(sizes, stream, "x");
    stream << "/" << conv.getGroups();
    ElementsAttr result = packOnce(*data, form, [&] {
      return isDepthwise(conv)
                 ? packDepthwise(*data, sizes, &getContext())
                 : packFilter(*data, sizes, conv.getGroups(), &getContext());
    });
    conv.getFilterMutable().assign(makeConstant(conv, result));
  }

  void packMatmul(nn::MatmulOp matmul) {
    auto type = cast<RankedTensorType>(matmul.getRhs().getType());
    if (matmul.getPacked() || type.getRank() != 2 || !type.hasStaticShape())
      return;
    Value source = matmul.getRhs();
    auto transpose = matchTranspose(source);
    if (transpose)
      source = transpose->source;
    auto data = constantData(source);
    if (!data)
      return;
    int64_t reduction = type.getDimSize(0), columns = type.getDimSize(1);
    std::string form = (Twine("matrix") + Twine(reduction) + "x" +
                        Twine(columns) + (transpose ? "t" : ""))
                           .str();
    ElementsAttr result = packOnce(*data, form, [&] {
      return packMatrix(*data, reduction, columns, transpose.has_value(),
                        &getContext());
    });
    matmul.getRhsMutable().assign(makeConstant(matmul, result));
    matmul.setPacked(true);
  }

  DenseMap<std::pair<Attribute, StringAttr>, ElementsAttr> packed;
};

} // namespace
