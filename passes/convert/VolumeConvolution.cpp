//===- VolumeConvolution.cpp - Conv on three spatial axes -----------------===//
//
// Float convolutions of volumes as convolutions of images: the slices of a
// window, one behind the other, are channels of an image of their own for every
// place along the depth. A window without height and width needs no copy: depth
// is the height of an image, and a slice its width.
//
//===----------------------------------------------------------------------===//
#include "dialects/onnx/OnnxOps.h"
#include "passes/analysis/ConstantData.h"
#include "passes/convert/Families.h"
#include "passes/convert/ImageConvolution.h"
#include "passes/convert/ReducedPrecision.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace ashlar;

using Sizes = TensorBuilder::Sizes;

// The slices [N, places, H, W, C] that tap `tap` of the depth meets.
static Value slicesOf(TensorBuilder &b, Value padded, const ImageWindow &window,
                      OpFoldResult places, int64_t tap) {
  Sizes sizes = b.dims(padded);
  sizes[1] = places;
  return tensor::ExtractSliceOp::create(
      b, padded, b.sizes({0, tap * window.dilations[0], 0, 0, 0}), sizes,
      b.sizes({1, window.strides[0], 1, 1, 1}));
}

// Images [N * places, H, W, C * taps] with the channels of a group together,
// and in it those of a tap.
static Value stackSlices(TensorBuilder &b, Value padded,
                         const ImageWindow &window, OpFoldResult places,
                         int64_t groups) {
  int64_t taps = window.size[0];
  Sizes sizes = b.dims(padded);
  OpFoldResult channels = b.sizeDiv(sizes[4], b.size(groups));
  Sizes part = {sizes[0],       places,    sizes[2], sizes[3],
                b.size(groups), b.size(1), channels};
  Sizes whole = part;
  whole[5] = b.size(taps);
  Value stack = b.empty(whole, elementType(padded));
  for (int64_t tap = 0; tap < taps; ++tap) {
    Sizes offsets(7, b.size(0));
    offsets[5] = b.size(tap);
    Value slices = b.reshape(slicesOf(b, padded, window, places, tap), part);
    stack = tensor::InsertSliceOp::create(b, slices, stack, offsets, part,
                                          Sizes(7, b.size(1)));
  }
  return b.reshape(stack, {b.sizeMul(sizes[0], places), sizes[2], sizes[3],
                           b.sizeMul(sizes[4], b.size(taps))});
}

// [F, C, D, R, S] to [F, D * C, R, S]; of a constant when compiling.
static Value stackTaps(TensorBuilder &b, Value filter) {
  auto type = cast<RankedTensorType>(filter.getType());
  ArrayRef<int64_t> from = type.getShape();
  SmallVector<int64_t> to = {from[0], from[1] * from[2], from[3], from[4]};
  auto data = constantData(filter);
  if (!data || data->isSplat)
    return b.reshape(b.transpose(filter, {0, 2, 1, 3, 4}), b.sizes(to));
  size_t area = from[3] * from[4] * type.getElementTypeBitWidth() / 8;
  auto copy = [&](MutableArrayRef<char> bytes) {
    char *next = bytes.data();
    for (int64_t f = 0; f < from[0]; ++f)
      for (int64_t d = 0; d < from[2]; ++d)
        for (int64_t c = 0; c < from[1]; ++c, next += area)
          std::memcpy(next,
                      data->bytes.data() +
                          ((f * from[1] + c) * from[2] + d) * area,
                      area);
  };
  return arith::ConstantOp::create(
      b,
      cast<TypedAttr>(makeConstantData(
          RankedTensorType::get(to, type.getElementType()), "stacked", copy)));
}

namespace {
struct VolumeConvolution {
  TensorBuilder &b;
  Value padded, filter, bias; // filter: [F, C / groups, D, R, S]
  ImageWindow window;
  int64_t groups;
  bool bf16;
  SmallVector<int64_t> filterSizes =
      llvm::to_vector(cast<RankedTensorType>(filter.getType()).getShape());

  bool isAlongDepth() const {
    return filterSizes[3] == 1 && filterSizes[4] == 1 &&
           window.strides[1] == 1 && window.strides[2] == 1;
  }
  OpFoldResult places() const {
    ImageWindow unpadded = window;
    unpadded.padBegin.assign(3, 0);
    unpadded.padEnd.assign(3, 0);
    return unpadded.outputSize(b, b.dim(padded, 1), 0);
  }

  /// As kernels multiply it.
  Value multiplied(Value factor) const {
    return bf16 ? roundToBf16(b, factor) : toF32(b, factor);
  }
  Value alongDepth() const;
  Value ofStackedSlices() const;

private:
  Value convolve(Value image, Value filter, ArrayRef<int64_t> axes) const;
};
} // namespace

// A convolution of an NHWC image whose axes are those of the window, -1 for one
// without taps.
Value VolumeConvolution::convolve(Value image, Value imageFilter,
                                  ArrayRef<int64_t> axes) const {
  ImageConvolution convolution;
  convolution.groups = groups;
  convolution.filterSizes =
      llvm::to_vector(cast<RankedTensorType>(imageFilter.getType()).getShape());
  for (auto [place, axis] : llvm::enumerate(axes)) {
    convolution.window.size.push_back(convolution.filterSizes[place + 2]);
    convolution.window.strides.push_back(axis < 0 ? 1 : window.strides[axis]);
    convolution.window.dilations.push_back(axis < 0 ? 1
                                                    : window.dilations[axis]);
  }
  return convolution.makeWithBias(b, image, imageFilter, bias)->getResult(0);
}

Value VolumeConvolution::alongDepth() const {
  Sizes sizes = b.dims(padded);
  Value image = b.reshape(
      padded, {sizes[0], sizes[1], b.sizeMul(sizes[2], sizes[3]), sizes[4]});
  Value imageFilter = multiplied(b.reshape(
      filter, b.sizes({filterSizes[0], filterSizes[1], filterSizes[2], 1})));
  Value result = convolve(image, imageFilter, {0, -1});
  return b.reshape(result, {sizes[0], b.dim(result, 1), sizes[2], sizes[3],
                            b.size(filterSizes[0])});
}

Value VolumeConvolution::ofStackedSlices() const {
  OpFoldResult depth = places();
  Value image = stackSlices(b, padded, window, depth, groups);
  Value result = convolve(image, multiplied(stackTaps(b, filter)), {1, 2});
  return b.reshape(result, {b.dim(padded, 0), depth, b.dim(result, 1),
                            b.dim(result, 2), b.size(filterSizes[0])});
}

static Lowered lowerConv(onnx::ConvOp op, onnx::ConvOp::Adaptor in,
                         TensorBuilder &b) {
  auto type = cast<RankedTensorType>(in.getX().getType()),
       filterType = cast<RankedTensorType>(in.getW().getType());
  if (type.getRank() != 5 || !isImageFloat(type.getElementType()) ||
      !filterType.hasStaticShape())
    return b.unsupported("on the fast path for volumes");
  ImageWindow window = ImageWindow::make(filterType.getShape().drop_front(2),
                                         op.getStrides(), op.getDilations());
  Sizes sizes = b.dims(in.getX());
  if (failed(window.resolvePads(op.getAutoPad(), op.getPads(),
                                ArrayRef(sizes).drop_front(2))))
    return b.unsupported("with automatic padding of an unknown size");
  VolumeConvolution convolution{b,
                                Value(),
                                in.getW(),
                                in.getB() ? toF32(b, in.getB()) : Value(),
                                window,
                                int64_t(op.getGroup()),
                                isMarkedBf16(op)};
  Value volume = toNhwc(b, convolution.multiplied(in.getX()));
  convolution.padded =
      padSpatial(b, volume, window, b.zero(elementType(volume)));
  Value result = convolution.isAlongDepth() ? convolution.alongDepth()
                                            : convolution.ofStackedSlices();
  return fromF32(b, fromNhwc(b, result, 5), type.getElementType());
}

void ashlar::populateVolumeConvolutionPatterns(
    const OnnxTypeConverter &converter, RewritePatternSet &patterns) {
  addLowering<onnx::ConvOp>(converter, patterns, lowerConv, /*benefit=*/2);
}
