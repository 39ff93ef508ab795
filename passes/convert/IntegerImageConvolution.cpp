//===- IntegerImageConvolution.cpp - ConvInteger on images ----------------===//
//
// The fast way for integer convolutions: nn.conv of bytes. With x0 the zero
// point of the input, sum (x - x0) w = sum x w - x0 sum w: the last sum is a
// constant for each channel. What fails here goes to the general lowering.
//
//===----------------------------------------------------------------------===//
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/Families.h"
#include "passes/convert/ImageConvolution.h"
#include "passes/convert/ReducedPrecision.h"

using namespace mlir;
using namespace ashlar;

namespace {

/// acc - zeroPoint * weightSum, in the epilogue.
void subtractZeroPoint(TensorBuilder &b, nn::ConvOp conv) {
  Block &block = conv.getEpilogue().front();
  OpBuilder inner = OpBuilder::atBlockBegin(&block);
  Value product = arith::MulIOp::create(inner, b.getLoc(), block.getArgument(1),
                                        block.getArgument(2));
  Value sum =
      arith::SubIOp::create(inner, b.getLoc(), block.getArgument(0), product);
  block.getTerminator()->setOperand(0, sum);
}

Lowered lowerConvInteger(onnx::ConvIntegerOp op,
                         onnx::ConvIntegerOp::Adaptor in, TensorBuilder &b) {
  ImageConvolution convolution;
  if (failed(convolution.describe(b, op, in.getX(), in.getW())))
    return failure();
  for (Value zeroPoint : {in.getXZeroPoint(), in.getWZeroPoint()})
    if (!isSingleZeroPoint(zeroPoint))
      return b.unsupported("on the fast path with several zero points");
  QuantizedTensor filter =
      withSignedness(b, in.getW(), in.getWZeroPoint(),
                     elementType(op.getW().getType()), /*wanted=*/false);
  if (filter.known != 0)
    return b.unsupported("on the fast path with a zero point of the weights");
  QuantizedTensor input =
      withSignedness(b, in.getX(), in.getXZeroPoint(),
                     elementType(op.getX().getType()), /*wanted=*/true);
  Value padding;
  if (input.known)
    padding = b.integer(b.getI8Type(), static_cast<int8_t>(*input.known));
  else
    padding =
        arith::TruncIOp::create(b, b.getI8Type(), b.toScalar(input.zeroPoint));
  Value image = convolution.imageOf(b, input.tensor, padding);
  Value weights = convolution.filterOf(b, filter.tensor);
  SmallVector<Value> extras;
  if (input.zeroPoint)
    extras = {sumBytes(b, weights, {1, 2, 3}, /*isUnsigned=*/false,
                       /*keepDims=*/false),
              input.zeroPoint};
  nn::ConvOp conv = convolution.make(b, image, weights, extras);
  if (input.zeroPoint)
    subtractZeroPoint(b, conv);
  return fromNhwc(b, conv->getResult(0), convolution.rank);
}

} // namespace

void ashlar::populateIntegerImageConvolutionPatterns(
    const OnnxTypeConverter &converter, RewritePatternSet &patterns) {
  addLowering<onnx::ConvIntegerOp>(converter, patterns, lowerConvInteger,
                                   /*benefit=*/2);
}
