//===- PanelPacking.cpp - constants in panels -----------------------------===//
#include "passes/layout/PanelPacking.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace ashlar;

namespace {

/// Copies elements of `size` bytes from constant data to a packed constant.
class ElementCopy {
public:
  ElementCopy(const ConstantData &data, MutableArrayRef<char> packed,
              int64_t size)
      : data(data), packed(packed), size(size) {}

  void operator()(int64_t to, int64_t from) {
    std::memcpy(packed.data() + to * size,
                data.bytes.data() + (data.isSplat ? 0 : from * size), size);
  }

private:
  const ConstantData &data;
  MutableArrayRef<char> packed;
  int64_t size;
};

/// Index in a panel of `length` steps.
int64_t inPanel(const nn::PanelForm &form, int64_t step, int64_t lane) {
  return (step / form.group * form.width + lane) * form.group +
         step % form.group;
}

} // namespace

bool ashlar::isDepthwise(nn::ConvOp conv) {
  int64_t groups = conv.getGroups();
  return conv.getFilterSizes()[1] == 1 && conv.getFilterSizes()[0] == groups &&
         groups > 1;
}

FilterPanels FilterPanels::of(nn::ConvOp conv) {
  ArrayRef<int64_t> sizes = conv.getFilterSizes();
  FilterPanels p;
  p.form = nn::PanelForm::of(getElementTypeOrSelf(conv.getInput().getType()));
  p.groups = conv.getGroups();
  p.outputs = sizes[0] / p.groups;
  p.depth = sizes[1];
  p.rows = sizes[2];
  p.columns = sizes[3];
  constexpr int64_t kBlockBytes = 64;
  p.joined = p.form.group == 1 || p.columns == 1 ||
             (conv.getDilations()[1] == 1 && p.groups == 1 &&
              p.depth * p.form.bytes % kBlockBytes != 0);
  p.runs = p.joined ? p.rows : p.rows * p.columns;
  p.length = p.joined ? p.columns * p.depth : p.depth;
  p.padded = p.form.paddedLength(p.length);
  p.panels = llvm::divideCeil(p.outputs, p.form.width);
  return p;
}

SmallVector<int64_t> FilterPanels::shape() const {
  SmallVector<int64_t> sizes{groups, panels, runs, padded / form.group,
                             form.width};
  if (form.group > 1)
    sizes.push_back(form.group);
  return sizes;
}

ElementsAttr ashlar::packFilter(const ConstantData &data, const FilterPanels &p,
                                Type element) {
  auto type = RankedTensorType::get(p.shape(), element);
  return makeConstantData(type, "packed", [&](MutableArrayRef<char> raw) {
    ElementCopy copy(data, raw, p.form.bytes);
    int64_t panelSize = p.runs * p.padded * p.form.width;
    for (int64_t f = 0; f < p.groups * p.outputs; ++f) {
      int64_t group = f / p.outputs, inGroup = f % p.outputs;
      int64_t panel = group * p.panels + inGroup / p.form.width;
      for (int64_t c = 0; c < p.depth; ++c)
        for (int64_t r = 0; r < p.rows; ++r)
          for (int64_t s = 0; s < p.columns; ++s) {
            int64_t run = p.joined ? r : r * p.columns + s;
            int64_t step = run * p.padded + (p.joined ? s * p.depth : 0) + c;
            copy(panel * panelSize +
                     inPanel(p.form, step, inGroup % p.form.width),
                 ((f * p.depth + c) * p.rows + r) * p.columns + s);
          }
    }
  });
}

SmallVector<int64_t> ashlar::depthwiseShape(ArrayRef<int64_t> sizes,
                                            Type element) {
  nn::PanelForm form = nn::PanelForm::of(element);
  if (!element.isInteger(8))
    return {sizes[2], sizes[3], sizes[0]};
  return {int64_t(sizes[2] * llvm::divideCeil(sizes[3], form.group)),
          int64_t(llvm::alignTo(sizes[0], form.width)), form.group};
}

ElementsAttr ashlar::packDepthwise(const ConstantData &data,
                                   ArrayRef<int64_t> sizes, Type element) {
  SmallVector<int64_t> shape = depthwiseShape(sizes, element);
  int64_t columns = sizes[3], places = sizes[2] * columns;
  auto type = RankedTensorType::get(shape, element);
  return makeConstantData(type, "packed", [&](MutableArrayRef<char> raw) {
    ElementCopy copy(data, raw, element.getIntOrFloatBitWidth() / 8);
    int64_t group = element.isInteger(8) ? shape[2] : 1;
    int64_t width = element.isInteger(8) ? shape[1] : shape[2];
    int64_t groups = llvm::divideCeil(columns, group);
    for (int64_t c = 0; c < sizes[0]; ++c)
      for (int64_t place = 0; place < places; ++place) {
        int64_t r = place / columns, s = place % columns;
        copy(((r * groups + s / group) * width + c) * group + s % group,
             c * places + place);
      }
  });
}

ElementsAttr ashlar::packMatrix(const ConstantData &data, int64_t reduction,
                                int64_t columns, bool transposed,
                                Type element) {
  nn::PanelForm form = nn::PanelForm::of(element);
  int64_t panels = llvm::divideCeil(columns, form.width);
  int64_t padded = form.paddedLength(reduction);
  SmallVector<int64_t> shape{panels, padded / form.group, form.width};
  if (form.group > 1)
    shape.push_back(form.group);
  auto type = RankedTensorType::get(shape, element);
  return makeConstantData(type, "packed", [&](MutableArrayRef<char> raw) {
    ElementCopy copy(data, raw, form.bytes);
    for (int64_t n = 0; n < columns; ++n)
      for (int64_t k = 0; k < reduction; ++k)
        copy(n / form.width * padded * form.width +
                 inPanel(form, k, n % form.width),
             transposed ? n * reduction + k : k * columns + n);
  });
}
