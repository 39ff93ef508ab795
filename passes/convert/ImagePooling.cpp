//===- ImagePooling.cpp - MaxPool and AveragePool on images ---------------===//
//
// The fast way for pools over two axes of floats, or maxima of bytes: nn.pool
// on NHWC images, f16 and bf16 widened to f32. What fails here goes to the
// general lowering.
//
//===----------------------------------------------------------------------===//
#include "dialects/nn/NnDialect.h"
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/Families.h"
#include "passes/convert/ImagePadding.h"
#include "passes/convert/OnnxLowering.h"
#include "passes/convert/ReducedPrecision.h"

using namespace mlir;
using namespace ashlar;

namespace {

bool isPooledFloat(Type type) {
  return type.isF32() || type.isF16() || type.isBF16();
}

/// The window of a pool. Rounding up adds padding at the end, if the last
/// window still begins inside the image or its padding at the beginning.
template <typename OpTy>
LogicalResult describeWindow(OpTy op, TensorBuilder &b, Value image,
                             ImageWindow &window) {
  auto type = cast<RankedTensorType>(image.getType());
  if (type.getRank() != 4)
    return failure();
  window.size = llvm::to_vector(op.getKernelShape());
  auto orOnes = [](std::optional<ArrayRef<int64_t>> values) {
    return values && !values->empty() ? llvm::to_vector(*values)
                                      : SmallVector<int64_t>(2, 1);
  };
  window.strides = orOnes(op.getStrides());
  window.dilations = orOnes(op.getDilations());
  TensorBuilder::Sizes sizes = b.dims(image);
  if (failed(window.resolvePads(op.getAutoPad(), op.getPads(),
                                ArrayRef(sizes).drop_front(2))))
    return failure();
  return success();
}

LogicalResult roundUp(ImageWindow &window, RankedTensorType type) {
  for (unsigned axis = 0; axis < 2; ++axis) {
    if (type.isDynamicDim(axis + 2))
      return failure();
    int64_t input = type.getDimSize(axis + 2);
    int64_t reach = (window.size[axis] - 1) * window.dilations[axis] + 1;
    int64_t room = input + window.padBegin[axis] + window.padEnd[axis] - reach;
    int64_t stride = window.strides[axis];
    int64_t last = (room + stride - 1) / stride;
    if (last * stride >= input + window.padBegin[axis])
      --last;
    window.padEnd[axis] += std::max<int64_t>(last * stride - room, 0);
  }
  return success();
}

Value makePool(TensorBuilder &b, Value image, const ImageWindow &window,
               StringRef kind, bool signedBytes = false) {
  TensorBuilder::Sizes sizes = b.dims(image);
  Type element = elementType(image);
  ImageWindow unpadded = window;
  unpadded.padBegin.assign(2, 0);
  unpadded.padEnd.assign(2, 0);
  Value init = b.empty({sizes[0], unpadded.outputSize(b, sizes[1], 0),
                        unpadded.outputSize(b, sizes[2], 1), sizes[3]},
                       element);
  auto pool = nn::PoolOp::create(b, TypeRange{init.getType()}, image,
                                 ValueRange(), init, kind, window.size,
                                 window.strides, window.dilations, signedBytes);
  nn::addTrivialEpilogue(b, pool.getEpilogue(), b.getLoc(), element, {});
  return pool->getResult(0);
}

Lowered lowerMaxPool(onnx::MaxPoolOp op, onnx::MaxPoolOp::Adaptor in,
                     TensorBuilder &b) {
  ImageWindow window;
  Type given = elementType(in.getX());
  if ((!isPooledFloat(given) && !given.isInteger(8)) ||
      op->getNumResults() != 1 ||
      failed(describeWindow(op, b, in.getX(), window)))
    return b.unsupported("on the fast path with these attributes");
  if (op.getCeilMode() &&
      failed(roundUp(window, cast<RankedTensorType>(in.getX().getType()))))
    return b.unsupported("rounding up an unknown size");
  bool isUnsigned = ashlar::isUnsigned(op.getX().getType());
  Value input = given.isInteger(8) ? in.getX() : toF32(b, in.getX());
  Value image = padNhwc(b, toNhwc(b, input), window,
                        b.lowest(elementType(input), isUnsigned));
  bool signedBytes = given.isInteger(8) && !isUnsigned;
  Value pooled = fromNhwc(b, makePool(b, image, window, "max", signedBytes), 4);
  return given.isInteger(8) ? pooled : fromF32(b, pooled, given);
}

/// How many elements of the image, or of its declared padding, lie under each
/// output pixel's window along one axis.
SmallVector<int64_t> countUnder(const ImageWindow &declared, int64_t input,
                                int64_t outputs, unsigned axis,
                                bool includePad) {
  int64_t begin = includePad ? -declared.padBegin[axis] : 0;
  int64_t end = input + (includePad ? declared.padEnd[axis] : 0);
  SmallVector<int64_t> counts;
  for (int64_t output = 0; output < outputs; ++output) {
    int64_t first = output * declared.strides[axis] - declared.padBegin[axis];
    int64_t count = 0;
    for (int64_t place = 0; place < declared.size[axis]; ++place) {
      int64_t at = first + place * declared.dilations[axis];
      count += at >= begin && at < end;
    }
    counts.push_back(count);
  }
  return counts;
}

Lowered lowerAveragePool(onnx::AveragePoolOp op,
                         onnx::AveragePoolOp::Adaptor in, TensorBuilder &b) {
  ImageWindow declared;
  auto type = cast<RankedTensorType>(in.getX().getType());
  if (!isPooledFloat(type.getElementType()) ||
      failed(describeWindow(op, b, in.getX(), declared)))
    return b.unsupported("on the fast path with these attributes");
  ImageWindow window = declared;
  if (op.getCeilMode() && failed(roundUp(window, type)))
    return b.unsupported("rounding up an unknown size");
  bool uniform = !window.isPadded();
  if (!uniform && (type.isDynamicDim(2) || type.isDynamicDim(3)))
    return b.unsupported("with padding of an unknown size");
  Type f32 = b.getF32Type();
  Value image = padNhwc(b, toNhwc(b, toF32(b, in.getX())), window, b.zero(f32));
  Value sum = makePool(b, image, window, "sum");
  SmallVector<Value> inputs{sum};
  double area = window.size[0] * window.size[1];
  if (!uniform) {
    auto sumType = cast<RankedTensorType>(sum.getType());
    bool include = op.getCountIncludePad();
    SmallVector<float> counts;
    for (int64_t row : countUnder(declared, type.getDimSize(2),
                                  sumType.getDimSize(1), 0, include))
      for (int64_t column : countUnder(declared, type.getDimSize(3),
                                       sumType.getDimSize(2), 1, include))
        counts.push_back(row * column);
    auto countType = RankedTensorType::get(
        {sumType.getDimSize(1), sumType.getDimSize(2), 1}, f32);
    inputs.push_back(arith::ConstantOp::create(
        b, DenseElementsAttr::get(countType, ArrayRef<float>(counts))));
  }
  Value average = b.map(f32, inputs, [&](TensorBuilder &inner, ValueRange x) {
    return inner.div(x[0], uniform ? inner.scalar(f32, area) : x[1]);
  });
  return fromF32(b, fromNhwc(b, average, 4), type.getElementType());
}

} // namespace

void ashlar::populateImagePoolingPatterns(const OnnxTypeConverter &converter,
                                          RewritePatternSet &patterns) {
  addLowering<onnx::MaxPoolOp>(converter, patterns, lowerMaxPool,
                               /*benefit=*/2);
  addLowering<onnx::AveragePoolOp>(converter, patterns, lowerAveragePool,
                                   /*benefit=*/2);
}
