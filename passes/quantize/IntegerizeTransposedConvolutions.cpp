#include "passes/quantize/Passes.h"

#include "passes/quantize/IntegerSums.h"
#include "passes/quantize/IntegerWeights.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_INTEGERIZETRANSPOSEDCONVOLUTIONS
#include "passes/quantize/Passes.h.inc"

namespace {

bool areAll(std::optional<ArrayRef<int64_t>> values, int64_t expected) {
  return !values ||
         llvm::all_of(*values, [&](int64_t v) { return v == expected; });
}

// Whether every input pixel makes a block of output pixels of its own.
bool blocksAreDisjoint(ConvTransposeOp op, RankedTensorType filter) {
  SmallVector<int64_t> strides = op.getStrides()
                                     ? llvm::to_vector(*op.getStrides())
                                     : SmallVector<int64_t>(2, 1);
  return op.getGroup() == 1 && !op.getOutputShape() &&
         llvm::equal(strides, filter.getShape().drop_front(2)) &&
         areAll(op.getPads(), 0) && areAll(op.getOutputPadding(), 0) &&
         areAll(op.getDilations(), 1) &&
         (op.getAutoPad() == "NOTSET" || op.getAutoPad() == "VALID");
}

// Builds movements of tensors of one element type and known shapes.
struct Mover {
  OpBuilder &builder;
  Location loc;

  Value reshape(Value x, ArrayRef<int64_t> shape) {
    Type element = cast<ShapedType>(x.getType()).getElementType();
    return makeReshape(builder, loc, x, RankedTensorType::get(shape, element));
  }
  Value transpose(Value x, ArrayRef<int64_t> perm) {
    auto type = rankedType(x);
    SmallVector<int64_t> shape;
    for (int64_t axis : perm)
      shape.push_back(type.getDimSize(axis));
    return TransposeOp::create(
        builder, loc, RankedTensorType::get(shape, type.getElementType()), x,
        builder.getDenseI64ArrayAttr(perm));
  }
};

// [C, F, R, S] bytes as [C, R * S * F].
Value blockMatrix(Mover mover, Value filter) {
  auto type = rankedType(filter);
  ElementsAttr attr = constantOf(filter);
  auto source = ConstantTensor::read(attr);
  int64_t channels = type.getDimSize(0), outputs = type.getDimSize(1),
          window = type.getDimSize(2) * type.getDimSize(3);
  ConstantBuilder matrix(RankedTensorType::get({channels, window * outputs},
                                               type.getElementType()));
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t f = 0; f < outputs; ++f)
      for (int64_t w = 0; w < window; ++w)
        matrix.data<int8_t>()[(c * window + w) * outputs + f] =
            source->data<int8_t>()[(c * outputs + f) * window + w];
  return makeConstant(mover.builder, mover.loc, std::move(matrix).finish());
}

template <typename T>
std::vector<T> repeated(ArrayRef<T> values, int64_t times) {
  std::vector<T> result;
  for (int64_t i = 0; i < times; ++i)
    result.insert(result.end(), values.begin(), values.end());
  return result;
}

// A constant bias for every column of the block matrix, of the same kind; null
// if it is no constant.
Value repeatBias(Mover mover, Value bias, int64_t times) {
  OpBuilder &builder = mover.builder;
  auto quantized = matchDequantized(bias);
  ElementsAttr attr = constantOf(quantized ? quantized->integers() : bias);
  if (!attr)
    return {};
  auto type = RankedTensorType::get({attr.getNumElements() * times},
                                    attr.getElementType());
  if (!quantized) {
    auto values = doublesOf(attr);
    return makeConstant(
        builder, mover.loc,
        constantOfDoubles(type, repeated(ArrayRef(*values), times)));
  }
  auto values = integersOf(attr);
  Value integers = makeConstant(
      builder, mover.loc,
      constantOfIntegers(type, repeated(ArrayRef(*values), times)));
  QuantizationParameters parameters = quantized->parameters;
  if (!parameters.isPerTensor()) {
    parameters.scales = repeated(ArrayRef(parameters.scales), times);
    parameters.zeroPoints = repeated(ArrayRef(parameters.zeroPoints), times);
  }
  return makeDequantize(builder, mover.loc, integers, parameters);
}

LogicalResult integerize(ConvTransposeOp op, PatternRewriter &rewriter) {
  auto x = matchDequantized(op.getX());
  auto type = rankedType(op.getX()), filter = rankedType(op.getW());
  if (!x || !x->parameters.isByte() || !x->parameters.isPerTensor() ||
      !type.hasStaticShape() || type.getRank() != 4 ||
      !filter.hasStaticShape() || !blocksAreDisjoint(op, filter))
    return failure();
  auto w = integerWeights(rewriter, op.getW(), 1);
  if (!w || w->zeroPoint)
    return failure();
  Mover mover{rewriter, op.getLoc()};
  int64_t batch = type.getDimSize(0), channels = type.getDimSize(1),
          height = type.getDimSize(2), width = type.getDimSize(3),
          outputs = filter.getDimSize(1), rows = filter.getDimSize(2),
          columns = filter.getDimSize(3), window = rows * columns;
  Value bias;
  if (op.getB() && !(bias = repeatBias(mover, op.getB(), window)))
    return failure();
  Value lines = mover.reshape(mover.transpose(x->integers(), {0, 2, 3, 1}),
                              {batch * height * width, channels});
  IntegerSums product;
  product.sums = makeMatMulInteger(
      rewriter, op.getLoc(), {batch * height * width, window * outputs}, lines,
      blockMatrix(mover, w->integers), Value(), Value());
  if (int64_t zero = x->parameters.zeroPoints.front())
    product.offsets = repeated(ArrayRef(w->offsets(zero)), window);
  for (double scale : w->scales)
    product.scales.push_back(scale * x->parameters.scales.front());
  if (product.scales.size() > 1)
    product.scales = repeated(ArrayRef(product.scales), window);
  product.axis = 1;
  Value real = product.toReal(rewriter, op.getLoc(), bias);
  Value blocks =
      mover.reshape(real, {batch, height, width, rows, columns, outputs});
  Value image = mover.reshape(mover.transpose(blocks, {0, 1, 3, 2, 4, 5}),
                              {batch, height * rows, width * columns, outputs});
  rewriter.replaceOp(op, mover.transpose(image, {0, 3, 1, 2}));
  return success();
}

struct IntegerizeTransposedConvolutions
    : impl::IntegerizeTransposedConvolutionsBase<
          IntegerizeTransposedConvolutions> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add(integerize);
    if (failed(applyRewrites(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace ashlar
