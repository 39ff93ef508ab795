#include "passes/quantize/Passes.h"

#include "passes/quantize/IntegerSums.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_INTEGERIZEAVERAGES
#include "passes/quantize/Passes.h.inc"

namespace {

// Bytes of which sums of so many fit 32 bits, and are exact in f32 or nearly.
constexpr int64_t kMostTerms = 1 << 22;

std::optional<Dequantized> matchBytes(Value value) {
  auto data = matchDequantized(value);
  if (!data || !data->parameters.isByte() || !data->parameters.isPerTensor())
    return std::nullopt;
  return data;
}

Value castTo(OpBuilder &builder, Location loc, Value x, Type element,
             int64_t onnxType) {
  OperationState state(loc, CastOp::getOperationName());
  state.addOperands(x);
  state.addTypes(withElement(x.getType(), element));
  state.addAttribute("to", builder.getI64IntegerAttr(onnxType));
  return builder.create(state)->getResult(0);
}

// Sums of `count` integers each, as the average of what they stand for.
Value averageOf(OpBuilder &builder, Location loc, Value sums, int64_t count,
                const QuantizationParameters &parameters, bool centred) {
  int64_t offset = parameters.zeroPoints.front() * count;
  if (!centred && offset != 0)
    sums = AddOp::create(
        builder, loc, sums.getType(), sums,
        makeConstant(
            builder, loc,
            constantOfIntegers(RankedTensorType::get({}, builder.getI32Type()),
                               {-offset})));
  Value real = castTo(builder, loc, sums, builder.getF32Type(), 1);
  return MulOp::create(
      builder, loc, real.getType(), real,
      makeScalar(builder, loc, builder.getF32Type(),
                 double(parameters.scales.front()) / double(count)));
}

LogicalResult integerizeMean(ReduceMeanOp op, PatternRewriter &rewriter) {
  auto data = matchBytes(op.getData());
  auto type = rankedType(op.getData());
  auto axes = op.getAxes() ? constantIntegers(op.getAxes()) : std::nullopt;
  if (!data || !axes || axes->empty())
    return failure();
  int64_t count = 1;
  for (int64_t axis : *axes) {
    axis += axis < 0 ? type.getRank() : 0;
    if (type.isDynamicDim(axis))
      return failure();
    count *= type.getDimSize(axis);
  }
  if (count < 1 || count > kMostTerms)
    return failure();
  Location loc = op.getLoc();
  Type s32 = rewriter.getI32Type();
  Value wide = castTo(rewriter, loc, data->integers(), s32, 6);
  Value sums = ReduceSumOp::create(
      rewriter, loc, withElement(op.getReduced().getType(), s32), wide,
      op.getAxes(), op.getKeepdimsAttr(), op.getNoopWithEmptyAxesAttr());
  rewriter.replaceOp(op, averageOf(rewriter, loc, sums, count, data->parameters,
                                   /*centred=*/false));
  return success();
}

// Whether exact averages would lie half way between two steps again and again:
// a quarter of them do where four numbers are averaged and quantized with the
// scale that they had. What rounds such ties in the standard's operators is the
// error of their floats, which everything behind them was made with: they stay.
bool endsInTies(AveragePoolOp op, int64_t count, double scale) {
  bool powerOfTwo = (count & (count - 1)) == 0;
  if (!powerOfTwo || !op.getY().hasOneUse())
    return false;
  auto quantize = dyn_cast<QuantizeLinearOp>(*op->user_begin());
  auto parameters = quantize ? parametersOf(quantize) : std::nullopt;
  return parameters && parameters->isPerTensor() &&
         parameters->scales.front() == scale;
}

// A window's average is a convolution of each channel with ones. Padding, where
// it counts, is the zero point.
LogicalResult integerizeAveragePool(AveragePoolOp op,
                                    PatternRewriter &rewriter) {
  auto data = matchBytes(op.getX());
  auto type = rankedType(op.getX());
  bool padded = op.getPads() &&
                llvm::any_of(*op.getPads(), [](int64_t p) { return p != 0; });
  if (!data || type.getRank() != 4 || type.isDynamicDim(1) ||
      op.getCeilMode() || (padded && !op.getCountIncludePad()) ||
      (op.getAutoPad() != "NOTSET" && op.getAutoPad() != "VALID"))
    return failure();
  Location loc = op.getLoc();
  SmallVector<int64_t> shape{type.getDimSize(1), 1};
  llvm::append_range(shape, op.getKernelShape());
  int64_t count = shape[2] * shape[3];
  if (count > kMostTerms ||
      endsInTies(op, count, data->parameters.scales.front()))
    return failure();
  auto ones = RankedTensorType::get(shape, rewriter.getI8Type());
  Value sums = ConvIntegerOp::create(
      rewriter, loc, withElement(op.getY().getType(), rewriter.getI32Type()),
      data->integers(),
      makeConstant(rewriter, loc,
                   DenseElementsAttr::get(ones, rewriter.getI8IntegerAttr(1))),
      makeZeroPointUnlessZero(rewriter, loc, data->parameters), Value(),
      op.getAutoPadAttr(), op.getDilationsAttr(),
      rewriter.getI64IntegerAttr(shape[0]),
      rewriter.getDenseI64ArrayAttr(op.getKernelShape()), op.getPadsAttr(),
      op.getStridesAttr());
  rewriter.replaceOp(op, averageOf(rewriter, loc, sums, count, data->parameters,
                                   /*centred=*/true));
  return success();
}

struct IntegerizeAverages : impl::IntegerizeAveragesBase<IntegerizeAverages> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add(integerizeMean);
    patterns.add(integerizeAveragePool);
    if (failed(applyRewrites(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace ashlar
