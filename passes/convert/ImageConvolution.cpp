//===- ImageConvolution.cpp - Conv on one or two spatial axes -------------===//
//
// The fast way for float convolutions: nn.conv on NHWC images. Transposes
// around it are sunk and cancelled by the fuse stage. What fails here goes to
// the general lowering.
//
//===----------------------------------------------------------------------===//
#include "passes/convert/ImageConvolution.h"

#include "dialects/onnx/OnnxOps.h"
#include "passes/analysis/ConstantData.h"
#include "passes/convert/Families.h"
#include "passes/convert/ReducedPrecision.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace ashlar;

namespace {

SmallVector<int64_t> valuesOr(std::optional<ArrayRef<int64_t>> values,
                              size_t count, int64_t otherwise) {
  if (values && !values->empty())
    return llvm::to_vector(*values);
  return SmallVector<int64_t>(count, otherwise);
}

bool isFloat(Type type) {
  return type.isF32() || type.isF16() || type.isBF16();
}

} // namespace

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
  size_t axes = rank - 2;
  window.size = llvm::to_vector(filterType.getShape().drop_front(2));
  window.strides = valuesOr(strides, axes, 1);
  window.dilations = valuesOr(dilations, axes, 1);
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
  return padNhwc(b, toNhwc(b, input), window, padding);
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

namespace {

/// Adds the first extra operand to the accumulator.
void addBias(nn::ConvOp conv) {
  Block &block = conv.getEpilogue().front();
  OpBuilder inner = OpBuilder::atBlockBegin(&block);
  Value sum = arith::AddFOp::create(inner, conv.getLoc(), block.getArgument(0),
                                    block.getArgument(1));
  block.getTerminator()->setOperand(0, sum);
}

Lowered lowerConv(onnx::ConvOp op, onnx::ConvOp::Adaptor in, TensorBuilder &b) {
  Type type = elementType(in.getX());
  if (!isFloat(type))
    return b.unsupported("on the fast path with these elements");
  ImageConvolution convolution;
  if (failed(convolution.describe(b, op, in.getX(), in.getW())))
    return failure();
  bool bf16 = isMarkedBf16(op);
  Value input = bf16 ? roundToBf16(b, in.getX()) : toF32(b, in.getX());
  Value filter = bf16 ? roundToBf16(b, in.getW()) : toF32(b, in.getW());
  Value image = convolution.imageOf(b, input, b.zero(elementType(input)));
  SmallVector<Value> extras;
  if (in.getB())
    extras.push_back(toF32(b, in.getB()));
  nn::ConvOp conv =
      convolution.make(b, image, convolution.filterOf(b, filter), extras);
  if (in.getB())
    addBias(conv);
  return fromF32(b, fromNhwc(b, conv->getResult(0), convolution.rank), type);
}

/// One pixel of every block that a ConvTranspose filter [C, F, R, S] makes, as
/// a filter [F, C, 1, 1].
Value filterOfPixel(TensorBuilder &b, const ConstantData &data,
                    ArrayRef<int64_t> sizes, int64_t pixel) {
  int64_t channels = sizes[0], outputs = sizes[1], area = sizes[2] * sizes[3];
  auto type = RankedTensorType::get({outputs, channels, 1, 1}, b.getF32Type());
  ElementsAttr filter =
      makeConstantData(type, "pixel", [&](MutableArrayRef<char> raw) {
        auto *values = reinterpret_cast<float *>(raw.data());
        for (int64_t f = 0; f < outputs; ++f)
          for (int64_t c = 0; c < channels; ++c)
            values[f * channels + c] =
                data.at<float>((c * outputs + f) * area + pixel);
      });
  return arith::ConstantOp::create(b, cast<TypedAttr>(filter));
}

/// A ConvTranspose whose windows do not overlap, with a constant filter: one
/// 1x1 convolution for each pixel of a block, stored with gaps, where the next
/// operation reads it.
Value convolveToBlocks(TensorBuilder &b, Value image, const ConstantData &data,
                       ArrayRef<int64_t> filterSizes, Value bias, bool bf16) {
  int64_t outputs = filterSizes[1], rows = filterSizes[2],
          columns = filterSizes[3];
  ImageConvolution convolution;
  convolution.window.size = convolution.window.strides =
      convolution.window.dilations = {1, 1};
  convolution.window.padBegin = convolution.window.padEnd = {0, 0};
  convolution.filterSizes = {outputs, filterSizes[0], 1, 1};
  TensorBuilder::Sizes part = b.dims(image), whole = part;
  part[3] = whole[3] = b.size(outputs);
  whole[1] = b.sizeMul(part[1], b.size(rows));
  whole[2] = b.sizeMul(part[2], b.size(columns));
  Value result = b.empty(whole, b.getF32Type());
  for (int64_t pixel = 0; pixel < rows * columns; ++pixel) {
    Value filter = filterOfPixel(b, data, filterSizes, pixel);
    SmallVector<Value> extras;
    if (bias)
      extras.push_back(bias);
    nn::ConvOp conv = convolution.make(
        b, image, bf16 ? roundToBf16(b, filter) : filter, extras);
    if (bias)
      addBias(conv);
    result = tensor::InsertSliceOp::create(
        b, conv->getResult(0), result,
        b.sizes({0, pixel / columns, pixel % columns, 0}), part,
        b.sizes({1, rows, columns, 1}));
  }
  return result;
}

/// ConvTranspose whose windows do not overlap (stride as large as the filter,
/// no padding): every input pixel makes an S x S block of output pixels. Where
/// the filter is not constant, one matrix product and a rearrangement.
Lowered lowerConvTranspose(onnx::ConvTransposeOp op,
                           onnx::ConvTransposeOp::Adaptor in,
                           TensorBuilder &b) {
  auto type = cast<RankedTensorType>(in.getX().getType());
  auto filterType = cast<RankedTensorType>(in.getW().getType());
  auto isValue = [](int64_t value) {
    return [value](int64_t other) { return other == value; };
  };
  SmallVector<int64_t> strides = valuesOr(op.getStrides(), 2, 1);
  SmallVector<int64_t> pads = valuesOr(op.getPads(), 4, 0);
  SmallVector<int64_t> extra = valuesOr(op.getOutputPadding(), 2, 0);
  SmallVector<int64_t> dilations = valuesOr(op.getDilations(), 2, 1);
  if (type.getRank() != 4 || !type.getElementType().isF32() ||
      !filterType.hasStaticShape() || op.getGroup() != 1 ||
      !llvm::equal(strides, filterType.getShape().drop_front(2)) ||
      !llvm::all_of(pads, isValue(0)) || !llvm::all_of(extra, isValue(0)) ||
      !llvm::all_of(dilations, isValue(1)) || op.getOutputShape() ||
      (op.getAutoPad() != "NOTSET" && op.getAutoPad() != "VALID"))
    return b.unsupported("on the fast path with overlapping windows");
  int64_t channels = filterType.getDimSize(0),
          outputs = filterType.getDimSize(1);
  int64_t rows = strides[0], columns = strides[1];
  bool bf16 = isMarkedBf16(op);
  if (auto data = constantData(in.getW())) {
    Value image = toNhwc(b, bf16 ? roundToBf16(b, in.getX()) : in.getX());
    return fromNhwc(b,
                    convolveToBlocks(b, image, *data, filterType.getShape(),
                                     in.getB(), bf16),
                    4);
  }
  // [C, F, R, S] -> [C, R, S, F] -> [C, R*S*F]
  Value matrix = b.reshape(b.transpose(in.getW(), {0, 2, 3, 1}),
                           b.sizes({channels, rows * columns * outputs}));
  Value image = toNhwc(b, in.getX());
  TensorBuilder::Sizes sizes = b.dims(image);
  OpFoldResult pixels = b.product(ArrayRef(sizes).take_front(3));
  Value lines = b.reshape(image, {pixels, b.size(channels)});
  Value init =
      b.empty({pixels, b.size(rows * columns * outputs)}, b.getF32Type());
  auto product = nn::MatmulOp::create(b, TypeRange{init.getType()}, lines,
                                      matrix, ValueRange(), init, UnitAttr());
  nn::addTrivialEpilogue(b, product.getEpilogue(), b.getLoc(), b.getF32Type(),
                         {});
  Value blocks = b.reshape(product->getResult(0),
                           {sizes[0], sizes[1], sizes[2], b.size(rows),
                            b.size(columns), b.size(outputs)});
  Value ordered = b.transpose(blocks, {0, 1, 3, 2, 4, 5});
  Value result = b.reshape(
      ordered, {sizes[0], b.sizeMul(sizes[1], b.size(rows)),
                b.sizeMul(sizes[2], b.size(columns)), b.size(outputs)});
  if (in.getB())
    result = b.map(b.getF32Type(), {result, in.getB()},
                   [](TensorBuilder &inner, ValueRange x) {
                     return inner.add(x[0], x[1]);
                   });
  return fromNhwc(b, result, 4);
}

} // namespace

void ashlar::populateImageConvolutionPatterns(
    const OnnxTypeConverter &converter, RewritePatternSet &patterns) {
  addLowering<onnx::ConvOp>(converter, patterns, lowerConv, /*benefit=*/2);
  addLowering<onnx::ConvTransposeOp>(converter, patterns, lowerConvTranspose,
                                     /*benefit=*/2);
}
