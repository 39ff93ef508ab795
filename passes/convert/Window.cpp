#include "passes/convert/Window.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace ashlar {

Window::Window(Emitter &e, Value input, const WindowAttributes &attributes)
    : kernel(attributes.kernel),
      strides(orDefault(attributes.strides, kernel.size(), 1)),
      dilations(orDefault(attributes.dilations, kernel.size(), 1)), e(e) {
  SmallVector<int64_t> pads = orDefault(attributes.pads, 2 * rank(), 0);
  if (attributes.autoPad == "VALID")
    pads.assign(2 * rank(), 0);
  for (int64_t axis = 0; axis < rank(); ++axis) {
    sizes.push_back(e.sizeOf(input, axis + 2));
    if (attributes.autoPad.starts_with("SAME"))
      placeSame(axis, attributes.autoPad == "SAME_UPPER");
    else
      placeByPads(axis, pads, attributes.ceilMode);
  }
}

void Window::placeByPads(int64_t axis, ArrayRef<int64_t> pads, bool ceilMode) {
  int64_t before = pads[axis], after = pads[axis + rank()];
  low.push_back(e.at(before));
  high.push_back(e.at(after));
  outside |= before != 0 || after != 0 || ceilMode;
  Scalar stride = e.at(strides[axis]);
  Scalar slack = sizes[axis] + (before + after - extent(axis));
  if (!slack.constant())
    e.require(slack >= 0, DataError::Shape,
              "the window is larger than the padded input");
  if (!ceilMode) {
    positions.push_back(strides[axis] == 1 ? slack + 1
                                           : floorDiv(slack, stride) + 1);
    return;
  }
  // The last window must not start behind the input.
  Scalar count = ceilDiv(slack, stride) + 1;
  Scalar startsBehind = (count - 1) * strides[axis] >= sizes[axis] + before;
  positions.push_back(select(startsBehind, count - 1, count));
}

void Window::placeSame(int64_t axis, bool upper) {
  outside = true;
  Scalar count = ceilDiv(sizes[axis], e.at(strides[axis]));
  Scalar total =
      max((count - 1) * strides[axis] + extent(axis) - sizes[axis], e.at(0));
  Scalar smaller = floorDiv(total, e.at(2)), larger = total - smaller;
  low.push_back(upper ? smaller : larger);
  high.push_back(upper ? larger : smaller);
  positions.push_back(count);
}

Emitter::Scalars Window::resultSizes(Value input) const {
  Emitter::Scalars result = {e.sizeOf(input, 0), e.sizeOf(input, 1)};
  result.append(positions);
  return result;
}

Value Window::pad(Value input, Scalar value) const {
  if (!outside)
    return input;
  auto type = cast<RankedTensorType>(input.getType());
  TensorBuilder::Sizes padded = {e.dim(input, 0), e.dim(input, 1)},
                       taken = padded, to(2, e.size(0));
  for (int64_t axis = 0; axis < rank(); ++axis) {
    // Windows may end before the input does; with ceil_mode they may end behind
    // its padding.
    Scalar covered = (positions[axis] - 1) * strides[axis] + extent(axis);
    Scalar kept = min(sizes[axis], covered - low[axis]);
    if (low[axis].constant() && sizes[axis].constant() == std::nullopt &&
        extent(axis) == 1)
      kept = max(kept, e.at(0));
    padded.push_back(e.fold(covered));
    taken.push_back(e.fold(kept));
    to.push_back(e.fold(low[axis]));
  }
  TensorBuilder::Sizes steps(to.size(), e.size(1)), from(to.size(), e.size(0));
  Value filled = e.filled(padded, value.value());
  if (e.tensorType(taken, type.getElementType()) != type ||
      !type.hasStaticShape())
    input = tensor::ExtractSliceOp::create(e, input, from, taken, steps);
  return tensor::InsertSliceOp::create(e, input, filled, to, taken, steps);
}

Scalar Window::countInside(ArrayRef<Scalar> position, bool includePads) const {
  Scalar count = e.at(1);
  for (int64_t axis = 0; axis < rank(); ++axis) {
    Scalar start = position[axis] * strides[axis] - low[axis],
           dilation = e.at(dilations[axis]);
    Scalar begin = includePads ? e.at(0) - low[axis] : e.at(0);
    Scalar end = includePads ? sizes[axis] + high[axis] : sizes[axis];
    Scalar first = max(ceilDiv(begin - start, dilation), e.at(0));
    Scalar last = min(ceilDiv(end - start, dilation), e.at(kernel[axis]));
    count = count * (last - first);
  }
  return count;
}

} // namespace ashlar
