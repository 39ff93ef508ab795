//===- ConstantParts.cpp - constants cut and joined -----------------------===//
#include "compiler/quantization/ConstantParts.h"

#include <algorithm>

using namespace ashlar::quantization;

// An axis as rows of `inner` elements that follow each other, `outer` times.
static void countAround(llvm::ArrayRef<int64_t> shape, int64_t axis,
                        int64_t &outer, int64_t &inner) {
  outer = inner = 1;
  for (int64_t size : shape.take_front(axis))
    outer *= size;
  for (int64_t size : shape.drop_front(axis + 1))
    inner *= size;
}

static FloatTensor cut(const FloatTensor &tensor, int64_t axis, int64_t start,
                       int64_t end) {
  int64_t outer, inner, size = tensor.shape[axis];
  countAround(tensor.shape, axis, outer, inner);
  FloatTensor result{tensor.shape, {}};
  result.shape[axis] = end - start;
  for (int64_t i = 0; i != outer; ++i)
    result.values.insert(result.values.end(),
                         tensor.values.begin() + (i * size + start) * inner,
                         tensor.values.begin() + (i * size + end) * inner);
  return result;
}

std::optional<FloatTensor>
ashlar::quantization::sliced(FloatTensor tensor, const SliceBounds &bounds) {
  int64_t rank = int64_t(tensor.shape.size());
  if (bounds.starts.size() != bounds.ends.size() ||
      (!bounds.axes.empty() && bounds.axes.size() != bounds.starts.size()))
    return std::nullopt;
  for (size_t i = 0; i != bounds.starts.size(); ++i) {
    int64_t axis = bounds.axes.empty() ? int64_t(i) : bounds.axes[i];
    axis += axis < 0 ? rank : 0;
    if (axis < 0 || axis >= rank)
      return std::nullopt;
    // Places count from the end where negative, and end where the axis does.
    int64_t size = tensor.shape[axis];
    auto place = [&](int64_t at) {
      return std::clamp<int64_t>(at < 0 ? at + size : at, 0, size);
    };
    int64_t start = place(bounds.starts[i]), end = place(bounds.ends[i]);
    tensor = cut(tensor, axis, start, std::max(start, end));
  }
  return tensor;
}

std::optional<FloatTensor>
ashlar::quantization::joined(llvm::ArrayRef<FloatTensor> parts, int64_t axis) {
  if (parts.empty())
    return std::nullopt;
  FloatTensor result{parts[0].shape, {}};
  int64_t rank = int64_t(result.shape.size());
  axis += axis < 0 ? rank : 0;
  if (axis < 0 || axis >= rank)
    return std::nullopt;
  result.shape[axis] = 0;
  for (const FloatTensor &part : parts) {
    std::vector<int64_t> shape = part.shape;
    if (int64_t(shape.size()) != rank)
      return std::nullopt;
    result.shape[axis] += shape[axis];
    shape[axis] = result.shape[axis];
    if (shape != result.shape)
      return std::nullopt;
  }
  int64_t outer, inner;
  countAround(result.shape, axis, outer, inner);
  for (int64_t i = 0; i != outer; ++i)
    for (const FloatTensor &part : parts) {
      int64_t row = part.shape[axis] * inner;
      result.values.insert(result.values.end(), part.values.begin() + i * row,
                           part.values.begin() + (i + 1) * row);
    }
  return result;
}
