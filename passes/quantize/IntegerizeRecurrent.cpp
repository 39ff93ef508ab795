#include "passes/quantize/Passes.h"

#include "passes/quantize/IntegerSums.h"
#include "passes/quantize/IntegerWeights.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_INTEGERIZERECURRENT
#include "passes/quantize/Passes.h.inc"

namespace {

// Of LSTM, GRU and RNN: X is what the input adds to the gates of all
// directions, W is not read.
constexpr llvm::StringLiteral kInputIsProjected = "ashlar.input_projected";

// The weights of one direction as [inputs, gates * hidden], dequantized.
Value weightsOf(OpBuilder &builder, Dequantized &w, int64_t direction) {
  ElementsAttr attr = constantOf(w.integers());
  auto source = attr ? ConstantTensor::read(attr) : std::nullopt;
  if (!source)
    return {};
  int64_t rows = source->getShape()[1], depth = source->getShape()[2];
  auto type = RankedTensorType::get({depth, rows}, source->getElementType());
  ConstantBuilder matrix(type);
  const int8_t *from = source->data<int8_t>() + direction * rows * depth;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t k = 0; k < depth; ++k)
      matrix.data<int8_t>()[k * rows + row] = from[row * depth + k];
  QuantizationParameters parameters = w.parameters;
  if (!parameters.isPerTensor() && parameters.axis == 0) {
    parameters.scales = {parameters.scales[direction]};
    parameters.zeroPoints = {parameters.zeroPoints[direction]};
  }
  Location loc = w.op.getLoc();
  return makeDequantize(builder, loc,
                        makeConstant(builder, loc, std::move(matrix).finish()),
                        parameters);
}

// What the input adds to the gates of one direction; null where integers
// cannot say it.
Value project(OpBuilder &builder, Location loc, Dequantized &x, Dequantized &w,
              RankedTensorType type, int64_t direction) {
  Value matrix = weightsOf(builder, w, direction);
  auto weights = matrix ? integerWeights(builder, matrix, 1) : std::nullopt;
  if (!weights)
    return {};
  Value zero = makeZeroPointUnlessZero(builder, loc, x.parameters);
  IntegerSums result;
  if (zero && !weights->zeroPoint) {
    result.offsets = weights->offsets(x.parameters.zeroPoints.front());
    zero = {};
  }
  result.sums = makeMatMulInteger(builder, loc, type.getShape(), x.integers(),
                                  weights->integers, zero, weights->zeroPoint);
  for (double scale : weights->scales)
    result.scales.push_back(scale * x.parameters.scales.front());
  result.axis = type.getRank() - 1;
  return result.toReal(builder, loc, Value());
}

template <typename Op>
LogicalResult integerize(Op op, PatternRewriter &rewriter) {
  auto x = matchDequantized(op.getX()), w = matchDequantized(op.getW());
  auto input = rankedType(op.getX()), weights = rankedType(op.getW());
  if (op->hasAttr(kInputIsProjected) || !x || !w || !x->parameters.isByte() ||
      !x->parameters.isPerTensor() || !w->parameters.isByte() || !input ||
      input.getRank() != 3 || !weights || weights.getRank() != 3 ||
      !weights.hasStaticShape() ||
      (!w->parameters.isPerTensor() && w->parameters.axis == 2))
    return failure();
  int64_t directions = weights.getDimSize(0), rows = weights.getDimSize(1);
  auto shapeOf = [&](int64_t width) {
    return RankedTensorType::get(
        {input.getDimSize(0), input.getDimSize(1), width},
        rewriter.getF32Type());
  };
  SmallVector<Value> parts;
  for (int64_t direction = 0; direction < directions; ++direction) {
    parts.push_back(
        project(rewriter, op.getLoc(), *x, *w, shapeOf(rows), direction));
    if (!parts.back())
      return failure();
  }
  Value projected = parts.front();
  if (directions > 1)
    projected =
        ConcatOp::create(rewriter, op.getLoc(), shapeOf(directions * rows),
                         parts, rewriter.getI64IntegerAttr(-1));
  rewriter.modifyOpInPlace(op, [&] {
    op.getXMutable().assign(projected);
    op->setAttr(kInputIsProjected, rewriter.getUnitAttr());
  });
  return success();
}

struct IntegerizeRecurrent
    : impl::IntegerizeRecurrentBase<IntegerizeRecurrent> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add(integerize<LSTMOp>);
    patterns.add(integerize<GRUOp>);
    patterns.add(integerize<RNNOp>);
    if (failed(applyRewrites(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace ashlar
