//===- IntegerImageConvolution.cpp - ConvInteger on images ----------------===//
//
// The fast way for integer convolutions: nn.conv of bytes. With zero points x0
// and w0, over the n places of a window,
//   sum (x - x0)(w - w0) = sum x w - x0 (sum w - n w0) - w0 sum x,
// where sum w is a constant for each channel, and sum x one number a pixel (and
// group). Padding is x0. What fails here goes to the general lowering.
//
//===----------------------------------------------------------------------===//
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/Families.h"
#include "passes/convert/ImageConvolution.h"
#include "passes/convert/ReducedPrecision.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace ashlar;

namespace {

Value toI32(TensorBuilder &b, Value bytes) {
  return b.map(b.getI32Type(), bytes,
               [](TensorBuilder &inner, ValueRange x) -> Value {
                 return arith::ExtUIOp::create(inner, inner.getI32Type(), x[0]);
               });
}

/// Sums of slices of `tensor` that lie `dilation` apart along `axis`, each of
/// `count` elements, `stride` apart.
Value sumSlices(TensorBuilder &b, Value tensor, int64_t axis, int64_t slices,
                int64_t dilation, int64_t stride, OpFoldResult count) {
  TensorBuilder::Sizes sizes = b.dims(tensor);
  size_t rank = sizes.size();
  sizes[axis] = count;
  TensorBuilder::Sizes offsets(rank, b.size(0)), strides(rank, b.size(1));
  strides[axis] = b.size(stride);
  SmallVector<Value> parts;
  for (int64_t slice = 0; slice < slices; ++slice) {
    offsets[axis] = b.size(slice * dilation);
    parts.push_back(
        tensor::ExtractSliceOp::create(b, tensor, offsets, sizes, strides));
  }
  return b.map(b.getI32Type(), parts, [](TensorBuilder &inner, ValueRange x) {
    Value sum = x.front();
    for (Value part : x.drop_front())
      sum = inner.add(sum, part);
    return sum;
  });
}

/// What lies under each window of a padded image of unsigned bytes, summed:
/// one number a pixel of the result, or a channel where there are groups.
Value sumWindows(TensorBuilder &b, Value image,
                 const ImageConvolution &convolution) {
  TensorBuilder::Sizes sizes = b.dims(image);
  int64_t groups = convolution.groups;
  Value sums;
  if (groups == 1) {
    sums = sumBytes(b, image, {3}, /*isUnsigned=*/true, /*keepDims=*/false);
  } else if (convolution.filterSizes[1] == 1) {
    sums = toI32(b, image);
  } else {
    sums =
        sumBytes(b,
                 b.reshape(image, {sizes[0], sizes[1], sizes[2], b.size(groups),
                                   b.size(convolution.filterSizes[1])}),
                 {4}, /*isUnsigned=*/true, /*keepDims=*/false);
  }
  ImageWindow unpadded = convolution.window;
  unpadded.padBegin.assign(2, 0);
  unpadded.padEnd.assign(2, 0);
  for (unsigned axis : {0, 1})
    sums = sumSlices(b, sums, axis + 1, unpadded.size[axis],
                     unpadded.dilations[axis], unpadded.strides[axis],
                     unpadded.outputSize(b, sizes[axis + 1], axis));
  if (groups == 1)
    return b.unsqueeze(sums, {3});
  int64_t outputs = convolution.filterSizes[0];
  if (outputs == groups)
    return sums;
  // Every output channel of a group has the group's sums.
  TensorBuilder::Sizes wide = b.dims(sums);
  wide.push_back(b.size(outputs / groups));
  Value spread = b.broadcastTo(b.unsqueeze(sums, {4}), wide);
  wide.pop_back();
  wide.back() = b.size(outputs);
  return b.reshape(spread, wide);
}

/// nn.conv of bytes, the terms of the zero points taken from the accumulator in
/// its epilogue.
nn::ConvOp convolve(TensorBuilder &b, const ImageConvolution &convolution,
                    Value image, Value inputZero,
                    const QuantizedTensor &filter) {
  Value weights = convolution.filterOf(b, filter.tensor);
  SmallVector<Value> extras;
  if (inputZero)
    extras = {inputZero, sumBytes(b, weights, {1, 2, 3}, /*isUnsigned=*/false,
                                  /*keepDims=*/false)};
  if (filter.zeroPoint)
    extras.append({filter.zeroPoint, sumWindows(b, image, convolution)});
  nn::ConvOp conv = convolution.make(b, image, weights, extras);

  Block &block = conv.getEpilogue().front();
  OpBuilder atBegin = OpBuilder::atBlockBegin(&block);
  TensorBuilder inner(b.getLoc(), atBegin);
  ValueRange given = block.getArguments();
  Value sum = given.front();
  if (inputZero) {
    Value ofChannel = given[2];
    if (filter.zeroPoint) {
      int64_t places = 1;
      for (int64_t size : ArrayRef(convolution.filterSizes).drop_front())
        places *= size;
      ofChannel = inner.sub(
          ofChannel,
          inner.mul(given[3], inner.integer(inner.getI32Type(), places)));
    }
    sum = inner.sub(sum, inner.mul(ofChannel, given[1]));
  }
  if (filter.zeroPoint)
    sum = inner.sub(sum, inner.mul(given.back(), given.drop_back().back()));
  block.getTerminator()->setOperand(0, sum);
  return conv;
}

Lowered lowerConvInteger(onnx::ConvIntegerOp op,
                         onnx::ConvIntegerOp::Adaptor in, TensorBuilder &b) {
  ImageConvolution convolution;
  if (failed(convolution.describe(b, op, in.getX(), in.getW())))
    return failure();
  if (!isSingleZeroPoint(in.getXZeroPoint()))
    return b.unsupported(
        "on the fast path with several zero points of the input");
  QuantizedTensor filter =
      withSignedness(b, in.getW(), in.getWZeroPoint(),
                     elementType(op.getW().getType()), /*wanted=*/false);
  QuantizedTensor input =
      withSignedness(b, in.getX(), in.getXZeroPoint(),
                     elementType(op.getX().getType()), /*wanted=*/true);
  Value padding;
  if (input.known)
    padding = b.integer(b.getI8Type(), static_cast<int8_t>(*input.known));
  else
    padding =
        arith::TruncIOp::create(b, b.getI8Type(), b.toScalar(input.zeroPoint));
  nn::ConvOp conv =
      convolve(b, convolution, convolution.imageOf(b, input.tensor, padding),
               input.zeroPoint, filter);
  return fromNhwc(b, conv->getResult(0), convolution.rank);
}

} // namespace

void ashlar::populateIntegerImageConvolutionPatterns(
    const OnnxTypeConverter &converter, RewritePatternSet &patterns) {
  addLowering<onnx::ConvIntegerOp>(converter, patterns, lowerConvInteger,
                                   /*benefit=*/2);
}
