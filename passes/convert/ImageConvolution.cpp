//===- ImageConvolution.cpp - Conv on one or two spatial axes -------------===//
//
// The fast way for float convolutions: nn.conv on NHWC images. Transposes
// around it are sunk and cancelled by the fuse stage. What fails here goes to
// the general lowering.
//
//===----------------------------------------------------------------------===//
#include "passes/convert/ImageConvolution.h"

#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/Families.h"
#include "passes/convert/ReducedPrecision.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace ashlar;

bool ashlar::isImageFloat(Type type) {
  return type.isF32() || type.isF16() || type.isBF16();
}

LogicalResult ImageConvolution::describe(TensorBuilder &b, Ints strides,
                                         Ints dilations, Ints pads,
                                         StringRef autoPad, Value input,
                                         Value filter) {
  auto filterType = cast<RankedTensorType>(filter.getType());
  rank = cast<RankedTensorType>(input.getType()).getRank();
  if (rank != 3 && rank != 4)
    return b.unsupported("on the fast path with this rank");
  if (!filterType.hasStaticShape())
    return b.unsupported("with a filter of unknown size");
  window = ImageWindow::make(filterType.getShape().drop_front(2), strides,
                             dilations);
  TensorBuilder::Sizes sizes = b.dims(input);
  if (failed(window.resolvePads(autoPad, pads, ArrayRef(sizes).drop_front(2))))
    return b.unsupported("with automatic padding of an unknown size");
  filterSizes = llvm::to_vector(filterType.getShape());
  if (rank == 3) {
    // One more spatial axis of size 1 in front of the one there is.
    filterSizes.insert(filterSizes.begin() + 2, 1);
    for (auto [values, value] :
         {std::pair(&window.size, 1), std::pair(&window.strides, 1),
          std::pair(&window.dilations, 1), std::pair(&window.padBegin, 0),
          std::pair(&window.padEnd, 0)})
      values->insert(values->begin(), value);
  }
  return success();
}

Value ImageConvolution::filterOf(TensorBuilder &b, Value filter) const {
  return rank == 3 ? b.unsqueeze(filter, {2}) : filter;
}

Value ImageConvolution::imageOf(TensorBuilder &b, Value input,
                                Value padding) const {
  return padSpatial(b, toNhwc(b, input), window, padding);
}

nn::ConvOp ImageConvolution::make(TensorBuilder &b, Value image, Value filter,
                                  ValueRange extras) const {
  TensorBuilder::Sizes sizes = b.dims(image);
  // Padding is in the image already.
  ImageWindow unpadded = window;
  unpadded.padBegin.assign(2, 0);
  unpadded.padEnd.assign(2, 0);
  Type accumulator = nn::accumulatorType(elementType(image));
  Value init =
      b.empty({sizes[0], unpadded.outputSize(b, sizes[1], 0),
               unpadded.outputSize(b, sizes[2], 1), b.size(filterSizes[0])},
              accumulator);
  auto conv = nn::ConvOp::create(b, TypeRange{init.getType()}, image, filter,
                                 extras, init, window.strides, window.dilations,
                                 groups, filterSizes);
  nn::addTrivialEpilogue(b, conv.getEpilogue(), b.getLoc(), accumulator,
                         extras);
  return conv;
}

nn::ConvOp ImageConvolution::makeWithBias(TensorBuilder &b, Value image,
                                          Value filter, Value bias) const {
  nn::ConvOp conv =
      make(b, image, filter, bias ? ValueRange(bias) : ValueRange());
  if (!bias)
    return conv;
  Block &block = conv.getEpilogue().front();
  OpBuilder inner = OpBuilder::atBlockBegin(&block);
  Value sum = arith::AddFOp::create(inner, conv.getLoc(), block.getArgument(0),
                                    block.getArgument(1));
  block.getTerminator()->setOperand(0, sum);
  return conv;
}

namespace {

Lowered lowerConv(onnx::ConvOp op, onnx::ConvOp::Adaptor in, TensorBuilder &b) {
  Type type = elementType(in.getX());
  if (!isImageFloat(type))
    return b.unsupported("on the fast path with these elements");
  ImageConvolution convolution;
  if (failed(convolution.describe(b, op, in.getX(), in.getW())))
    return failure();
  bool bf16 = isMarkedBf16(op);
  Value input = bf16 ? roundToBf16(b, in.getX()) : toF32(b, in.getX());
  Value filter = bf16 ? roundToBf16(b, in.getW()) : toF32(b, in.getW());
  Value image = convolution.imageOf(b, input, b.zero(elementType(input)));
  Value bias = in.getB() ? toF32(b, in.getB()) : Value();
  nn::ConvOp conv =
      convolution.makeWithBias(b, image, convolution.filterOf(b, filter), bias);
  return fromF32(b, fromNhwc(b, conv->getResult(0), convolution.rank), type);
}

} // namespace

void ashlar::populateImageConvolutionPatterns(
    const OnnxTypeConverter &converter, RewritePatternSet &patterns) {
  addLowering<onnx::ConvOp>(converter, patterns, lowerConv, /*benefit=*/2);
}
