#include "passes/quantize/Passes.h"

#include "passes/analysis/ConstantData.h"
#include "passes/analysis/TransposedWindow.h"
#include "passes/quantize/QuantizationParameters.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_EXPANDTRANSPOSEDCONVOLUTIONS
#include "passes/quantize/Passes.h.inc"

namespace {

template <typename T>
std::vector<T> repeated(ArrayRef<T> values, int64_t times) {
  std::vector<T> result;
  for (int64_t i = 0; i < times; ++i)
    result.insert(result.end(), values.begin(), values.end());
  return result;
}

// Those of a list of channels, for `times` such lists.
QuantizationParameters repeat(QuantizationParameters parameters,
                              int64_t times) {
  parameters.axis = 0;
  if (!parameters.isPerTensor()) {
    parameters.scales = repeated(ArrayRef(parameters.scales), times);
    parameters.zeroPoints = repeated(ArrayRef(parameters.zeroPoints), times);
  }
  return parameters;
}

// A constant bias for every phase, of the same kind; null if it is no constant.
Value repeatBias(OpBuilder &builder, Location loc, Value bias, int64_t times) {
  auto quantized = matchDequantized(bias);
  ElementsAttr attr = constantOf(quantized ? quantized->integers() : bias);
  if (!attr)
    return {};
  auto type = RankedTensorType::get({attr.getNumElements() * times},
                                    attr.getElementType());
  if (!quantized) {
    auto values = doublesOf(attr);
    return makeConstant(
        builder, loc,
        constantOfDoubles(type, repeated(ArrayRef(*values), times)));
  }
  auto values = integersOf(attr);
  Value integers = makeConstant(
      builder, loc,
      constantOfIntegers(type, repeated(ArrayRef(*values), times)));
  QuantizationParameters parameters = quantized->parameters;
  return makeDequantize(builder, loc, integers, repeat(parameters, times));
}

// A ConvTranspose of bytes by constant bytes whose phases can be computed
// together.
struct ByteConvolution {
  ConvTransposeOp op;
  RankedTensorType input, output;
  Dequantized weights;
  SmallVector<MergedPhases> axes; // two; the first has one phase for signals

  size_t spatial() const { return input.getRank() - 2; }
  ArrayRef<MergedPhases> spatialAxes() const {
    return ArrayRef(axes).take_back(spatial());
  }
  int64_t phases() const {
    return axes[0].phases.size() * axes[1].phases.size();
  }
};

std::optional<ByteConvolution> matchBytes(ConvTransposeOp op) {
  auto x = matchDequantized(op.getX()), w = matchDequantized(op.getW());
  auto input = rankedType(op.getX()), output = rankedType(op.getY());
  auto axes = transposedAxesOf(op);
  if (!x || !x->parameters.isByte() || !x->parameters.isPerTensor() || !w ||
      !w->parameters.isByte() || !constantOf(w->integers()) || !input ||
      !output || !input.hasStaticShape() || !output.hasStaticShape() || !axes ||
      axes->size() > 2 || op.getGroup() != 1 ||
      (!w->parameters.isPerTensor() && w->parameters.axis != 1))
    return std::nullopt;
  ByteConvolution match{op, input, output, *w, {}};
  if (axes->size() == 1)
    axes->insert(axes->begin(), TransposedAxis());
  for (const TransposedAxis &axis : *axes) {
    if (!phasesOf(axis))
      return std::nullopt;
    match.axes.push_back(mergeAll(axis));
    if (match.axes.back().padBegin < 0)
      return std::nullopt;
  }
  return match;
}

// The filter [phases * F, C, ...] of all phases, dequantized. What their
// windows do not reach is zero.
Value filterOfPhases(OpBuilder &builder, const ByteConvolution &match) {
  Dequantized weights = match.weights;
  ElementsAttr attr = constantOf(weights.integers());
  auto data = constantData(attr);
  SmallVector<int64_t> shape(attr.getShapedType().getShape());
  if (match.spatial() == 1)
    shape.insert(shape.begin() + 2, 1);
  PhaseFilter phases{shape, 1, match.axes[0], match.axes[1]};
  SmallVector<int64_t> to = phases.resultShape();
  if (match.spatial() == 1)
    to.erase(to.begin() + 2);
  ConstantBuilder filter(RankedTensorType::get(to, attr.getElementType()));
  char *bytes = filter.bytes();
  int64_t perChannel = filter.size() / to[0];
  QuantizationParameters parameters =
      repeat(weights.parameters, match.phases());
  for (int64_t channel = 0; channel < to[0]; ++channel)
    std::memset(bytes + channel * perChannel,
                parameters.zeroPoints[parameters.isPerTensor() ? 0 : channel],
                perChannel);
  phases.copy(data->bytes, data->isSplat, 1, {bytes, size_t(filter.size())});
  Location loc = weights.op.getLoc();
  return makeDequantize(builder, loc,
                        makeConstant(builder, loc, std::move(filter).finish()),
                        parameters);
}

// The convolution with all phases as channels: [N, phases * F, ...].
Value convolve(PatternRewriter &rewriter, const ByteConvolution &match,
               Value filter, Value bias) {
  SmallVector<int64_t> shape(match.input.getShape()), kernel, begin, end;
  shape[1] = cast<ShapedType>(filter.getType()).getDimSize(0);
  for (auto [place, axis] : llvm::enumerate(match.spatialAxes())) {
    kernel.push_back(axis.taps);
    begin.push_back(axis.padBegin);
    // Where that is more than is needed, so are the outputs.
    end.push_back(std::max<int64_t>(axis.padEnd(), 0));
    shape[place + 2] += begin.back() + end.back() - (axis.taps - 1);
  }
  begin.append(end);
  ConvTransposeOp op = match.op;
  return ConvOp::create(
      rewriter, op.getLoc(),
      RankedTensorType::get(shape, match.output.getElementType()), op.getX(),
      filter, bias, rewriter.getStringAttr("NOTSET"), DenseI64ArrayAttr(),
      rewriter.getI64IntegerAttr(1), rewriter.getDenseI64ArrayAttr(kernel),
      rewriter.getDenseI64ArrayAttr(begin), DenseI64ArrayAttr());
}

// Moves elements of one type between known shapes.
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

// [N, phases * F, ...] to [N, ..., F] with the phases beside each other.
Value interleave(Mover mover, const ByteConvolution &match, Value x) {
  size_t spatial = match.spatial();
  SmallVector<int64_t> channelsLast = {0}, perm = {0}, split, merged;
  for (size_t axis = 0; axis < spatial; ++axis) {
    channelsLast.push_back(axis + 2);
    perm.append({int64_t(axis) + 1, int64_t(axis + spatial) + 1});
  }
  channelsLast.push_back(1);
  perm.push_back(2 * spatial + 1);
  ArrayRef<int64_t> from = cast<ShapedType>(x.getType()).getShape();
  split.push_back(from[0]);
  merged.push_back(from[0]);
  split.append(from.begin() + 2, from.end());
  for (auto [axis, phases] : llvm::enumerate(match.spatialAxes())) {
    split.push_back(phases.phases.size());
    merged.push_back(from[axis + 2] * phases.phases.size());
  }
  split.push_back(match.output.getDimSize(1));
  merged.push_back(match.output.getDimSize(1));
  Value apart = mover.reshape(mover.transpose(x, channelsLast), split);
  return mover.reshape(mover.transpose(apart, perm), merged);
}

// [N, ..., F] to the result: without what padding crops, channels first.
Value crop(Mover mover, const ByteConvolution &match, Value x) {
  OpBuilder &builder = mover.builder;
  SmallVector<int64_t> starts, ends, axes, shape = {match.output.getDimSize(0)},
                                           channelsFirst = {0};
  auto type = rankedType(x);
  channelsFirst.push_back(type.getRank() - 1);
  for (auto [place, axis] : llvm::enumerate(match.spatialAxes())) {
    starts.push_back(axis.crop);
    shape.push_back(match.output.getDimSize(place + 2));
    ends.push_back(axis.crop + shape.back());
    axes.push_back(place + 1);
    channelsFirst.push_back(place + 1);
  }
  shape.push_back(type.getShape().back());
  if (type.getShape() != ArrayRef(shape))
    x = SliceOp::create(builder, mover.loc,
                        RankedTensorType::get(shape, type.getElementType()), x,
                        makeIntegers(builder, mover.loc, starts),
                        makeIntegers(builder, mover.loc, ends),
                        makeIntegers(builder, mover.loc, axes), Value());
  return mover.transpose(x, channelsFirst);
}

LogicalResult expand(ConvTransposeOp op, PatternRewriter &rewriter) {
  auto match = matchBytes(op);
  if (!match)
    return failure();
  Value bias;
  if (op.getB() &&
      !(bias = repeatBias(rewriter, op.getLoc(), op.getB(), match->phases())))
    return failure();
  Mover mover{rewriter, op.getLoc()};
  Value sums =
      convolve(rewriter, *match, filterOfPhases(rewriter, *match), bias);
  rewriter.replaceOp(op, crop(mover, *match, interleave(mover, *match, sums)));
  return success();
}

struct ExpandTransposedConvolutions
    : impl::ExpandTransposedConvolutionsBase<ExpandTransposedConvolutions> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add(expand);
    if (failed(applyRewrites(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace ashlar
