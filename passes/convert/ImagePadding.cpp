//===- ImagePadding.cpp - windows over images -----------------------------===//
#include "passes/convert/ImagePadding.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace ashlar;

static SmallVector<int64_t> valuesOr(ImageWindow::Ints values, size_t count,
                                     int64_t otherwise) {
  if (values && !values->empty())
    return llvm::to_vector(*values);
  return SmallVector<int64_t>(count, otherwise);
}

ImageWindow ImageWindow::make(ArrayRef<int64_t> size, Ints strides,
                              Ints dilations) {
  ImageWindow window;
  window.size = llvm::to_vector(size);
  window.strides = valuesOr(strides, size.size(), 1);
  window.dilations = valuesOr(dilations, size.size(), 1);
  return window;
}

LogicalResult ImageWindow::resolvePads(StringRef autoPad, Ints pads,
                                       ArrayRef<OpFoldResult> spatial) {
  size_t axes = size.size();
  padBegin.assign(axes, 0);
  padEnd.assign(axes, 0);
  if (autoPad == "VALID")
    return success();
  if (autoPad != "SAME_UPPER" && autoPad != "SAME_LOWER") {
    if (pads && !pads->empty())
      for (size_t axis = 0; axis < axes; ++axis) {
        padBegin[axis] = (*pads)[axis];
        padEnd[axis] = (*pads)[axis + axes];
        if (padBegin[axis] < 0 || padEnd[axis] < 0)
          return failure();
      }
    return success();
  }
  for (size_t axis = 0; axis < axes; ++axis) {
    int64_t reach = (size[axis] - 1) * dilations[axis] + 1;
    std::optional<int64_t> input = getConstantIntValue(spatial[axis]);
    // With stride 1 the sum does not depend on the size.
    if (!input && strides[axis] != 1)
      return failure();
    int64_t total = reach - 1;
    if (input) {
      int64_t output = (*input + strides[axis] - 1) / strides[axis];
      total =
          std::max<int64_t>((output - 1) * strides[axis] + reach - *input, 0);
    }
    padBegin[axis] = autoPad == "SAME_UPPER" ? total / 2 : total - total / 2;
    padEnd[axis] = total - padBegin[axis];
  }
  return success();
}

OpFoldResult ImageWindow::outputSize(TensorBuilder &b, OpFoldResult input,
                                     unsigned axis) const {
  int64_t reach = (size[axis] - 1) * dilations[axis] + 1;
  OpFoldResult room =
      b.sizeAdd(input, b.size(padBegin[axis] + padEnd[axis] - reach));
  if (reach > 1)
    b.requireNotNegative(room, "the window is larger than the padded input");
  // Signed: an image that is too small has no huge number of outputs before the
  // requirement is met, and an empty one under a window of 1 has none.
  OpFoldResult stride = b.size(strides[axis]);
  return getAsOpFoldResult(b.div(b.value(b.sizeAdd(room, stride)),
                                 b.value(stride), /*isUnsigned=*/false));
}

bool ImageWindow::isPadded() const {
  auto isZero = [](int64_t pad) { return pad == 0; };
  return !llvm::all_of(padBegin, isZero) || !llvm::all_of(padEnd, isZero);
}

Value ashlar::toNhwc(TensorBuilder &b, Value image) {
  int64_t rank = cast<RankedTensorType>(image.getType()).getRank();
  if (rank == 3)
    image = b.unsqueeze(image, {2});
  if (rank == 5)
    return b.transpose(image, {0, 2, 3, 4, 1});
  return b.transpose(image, {0, 2, 3, 1});
}

Value ashlar::fromNhwc(TensorBuilder &b, Value image, int64_t rank) {
  if (rank == 5)
    return b.transpose(image, {0, 4, 1, 2, 3});
  Value result = b.transpose(image, {0, 3, 1, 2});
  return rank == 3 ? b.squeeze(result, {2}) : result;
}

Value ashlar::padSpatial(TensorBuilder &b, Value image,
                         const ImageWindow &window, Value value) {
  if (!window.isPadded())
    return image;
  TensorBuilder::Sizes sizes = b.dims(image), low(sizes.size(), b.size(0)),
                       high = low;
  for (auto [axis, pads] :
       llvm::enumerate(llvm::zip(window.padBegin, window.padEnd))) {
    auto [begin, end] = pads;
    low[axis + 1] = b.size(begin);
    high[axis + 1] = b.size(end);
    sizes[axis + 1] = b.sizeAdd(sizes[axis + 1], b.size(begin + end));
  }
  return tensor::PadOp::create(b, b.tensorType(sizes, elementType(image)),
                               image, low, high, value);
}
