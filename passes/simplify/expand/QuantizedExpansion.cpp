// Quantized operators of com.microsoft: dequantize, compute, quantize.
#include "passes/simplify/expand/GraphBuilder.h"

#include "dialects/onnx/OperatorSchema.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

Value dequantize(GraphBuilder &g, Value x, Value scale, Value zero,
                 int64_t axis = 1) {
  return g.make<DequantizeLinearOp>(g.element(scale), {x, scale, zero},
                                    {g.attr("axis", axis)});
}

// Quantizes to the type of the zero point, or of `like` without one.
Value quantize(GraphBuilder &g, Value x, Value scale, Value zero, Value like) {
  Type element = g.element(zero ? zero : like);
  SmallVector<NamedAttribute> attributes;
  if (!zero)
    attributes.push_back(
        g.attr("output_dtype", int64_t(elementTypeToOnnx(element))));
  return g.make<QuantizeLinearOp>(element, {x, scale, zero}, attributes);
}

template <typename Op, typename Arithmetic>
LogicalResult expandBinary(Op op, PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  Value a = dequantize(g, op.getA(), op.getAScale(), op.getAZeroPoint());
  Value b = dequantize(g, op.getB(), op.getBScale(), op.getBZeroPoint());
  replaceResult(rewriter, op,
                quantize(g, g.binary<Arithmetic>(a, b), op.getCScale(),
                         op.getCZeroPoint(), op.getA()));
  return success();
}

LogicalResult expandSigmoid(MsQLinearSigmoidOp op, PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  Value x = dequantize(g, op.getX(), op.getXScale(), op.getXZeroPoint());
  replaceResult(rewriter, op,
                quantize(g, g.unary<SigmoidOp>(x), op.getYScale(),
                         op.getYZeroPoint(), op.getX()));
  return success();
}

LogicalResult expandLeakyRelu(MsQLinearLeakyReluOp op,
                              PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  Value x = dequantize(g, op.getX(), op.getXScale(), op.getXZeroPoint());
  Value y = g.make<LeakyReluOp>(
      g.element(x), {x},
      {g.attrFloat("alpha", op.getAlpha().convertToFloat())});
  replaceResult(rewriter, op,
                quantize(g, y, op.getYScale(), op.getYZeroPoint(), op.getX()));
  return success();
}

LogicalResult expandSoftmax(MsQLinearSoftmaxOp op, PatternRewriter &rewriter) {
  auto type = rankedType(op.getX());
  if (!type)
    return failure();
  GraphBuilder g(rewriter, op.getLoc());
  int64_t axis = op.getAxis(), rank = type.getRank();
  axis += axis < 0 ? rank : 0;
  Value x = dequantize(g, op.getX(), op.getXScale(), op.getXZeroPoint());
  Value y;
  if (int64_t(op.getOpset()) >= 13 || axis == rank - 1) {
    y = g.softmax(x, axis);
  } else {
    // Before opset 13 all axes from `axis` on are one.
    Size outer = 1, inner = 1;
    SmallVector<Size> shape;
    for (int64_t i = 0; i < rank; ++i) {
      shape.push_back(g.dim(op.getX(), i));
      Size &side = i < axis ? outer : inner;
      side = g.times(side, shape.back());
    }
    y = g.reshapeTo(g.softmax(g.reshapeTo(x, {outer, inner})), shape);
  }
  replaceResult(rewriter, op,
                quantize(g, y, op.getYScale(), op.getYZeroPoint(), op.getX()));
  return success();
}

LogicalResult expandConcat(MsQLinearConcatOp op, PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  auto inputs = op.getInputs();
  if (inputs.empty() || inputs.size() % 3 != 0)
    return op.emitError() << "has " << inputs.size()
                          << " inputs, expected three for each tensor";
  SmallVector<Value> values;
  for (size_t i = 0; i < inputs.size(); i += 3)
    values.push_back(dequantize(g, inputs[i], inputs[i + 1], inputs[i + 2]));
  replaceResult(rewriter, op,
                quantize(g, g.concat(values, op.getAxis()), op.getYScale(),
                         op.getYZeroPoint(), inputs[0]));
  return success();
}

// Channels last: pooled as channels first between two transpositions.
Value withChannelsFirst(GraphBuilder &g, Value x, bool channelsLast,
                        int64_t rank, function_ref<Value(Value)> pool) {
  if (!channelsLast)
    return pool(x);
  SmallVector<int64_t> toFirst{0, rank - 1}, toLast{0};
  for (int64_t i = 1; i + 1 < rank; ++i)
    toFirst.push_back(i);
  for (int64_t i = 2; i < rank; ++i)
    toLast.push_back(i);
  toLast.push_back(1);
  return g.transpose(pool(g.transpose(x, toFirst)), toLast);
}

LogicalResult expandAveragePool(MsQLinearAveragePoolOp op,
                                PatternRewriter &rewriter) {
  auto type = rankedType(op.getX());
  if (!type)
    return failure();
  GraphBuilder g(rewriter, op.getLoc());
  Value x = dequantize(g, op.getX(), op.getXScale(), op.getXZeroPoint());
  SmallVector<NamedAttribute> attributes{
      g.attr("auto_pad", op.getAutoPad()),
      g.attr("ceil_mode", int64_t(op.getCeilMode())),
      g.attr("count_include_pad", int64_t(op.getCountIncludePad())),
      g.attr("kernel_shape", op.getKernelShape())};
  if (op.getPads())
    attributes.push_back(g.attr("pads", *op.getPads()));
  if (op.getStrides())
    attributes.push_back(g.attr("strides", *op.getStrides()));
  Value y = withChannelsFirst(
      g, x, op.getChannelsLast(), type.getRank(), [&](Value input) {
        return g.make<AveragePoolOp>(g.element(input), {input}, attributes);
      });
  replaceResult(rewriter, op,
                quantize(g, y, op.getYScale(), op.getYZeroPoint(), op.getX()));
  return success();
}

LogicalResult expandGlobalAveragePool(MsQLinearGlobalAveragePoolOp op,
                                      PatternRewriter &rewriter) {
  auto type = rankedType(op.getX());
  if (!type)
    return failure();
  GraphBuilder g(rewriter, op.getLoc());
  int64_t rank = type.getRank(), shift = op.getChannelsLast() ? 1 : 2;
  SmallVector<int64_t> axes;
  for (int64_t i = 0; i < rank - 2; ++i)
    axes.push_back(i + shift);
  Value x = dequantize(g, op.getX(), op.getXScale(), op.getXZeroPoint());
  replaceResult(rewriter, op,
                quantize(g, g.reduce<ReduceMeanOp>(x, axes), op.getYScale(),
                         op.getYZeroPoint(), op.getX()));
  return success();
}

//===----------------------------------------------------------------------===//
// Matrix products
//===----------------------------------------------------------------------===//

// The scale of several entries of a matrix that is transposed first goes with
// its rows.
LogicalResult expandGemm(MsQGemmOp op, PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  Value a = dequantize(g, op.getA(), op.getAScale(), op.getAZeroPoint());
  Value b = dequantize(g, op.getB(), op.getBScale(), op.getBZeroPoint(),
                       op.getTransB() ? 0 : 1);
  if (op.getTransA())
    a = g.transpose(a, {1, 0});
  if (op.getTransB())
    b = g.transpose(b, {1, 0});
  Value y = g.matmul(a, b);
  float alpha = op.getAlpha().convertToFloat();
  if (alpha != 1)
    y = g.mul(y, double(alpha));
  if (op.getC()) {
    // C counts in steps of alpha * a_scale * b_scale.
    Value step = g.mul(op.getAScale(), op.getBScale());
    if (alpha != 1)
      step = g.mul(step, double(alpha));
    y = g.add(y, g.mul(g.cast(op.getC(), g.element(step)), step));
  }
  replaceResult(rewriter, op,
                op.getYScale() ? quantize(g, y, op.getYScale(),
                                          op.getYZeroPoint(), op.getA())
                               : y);
  return success();
}

// Integer product, then scales: the sums are exact as in the original.
Value scaledProduct(GraphBuilder &g, Value a, Value b, Value aScale,
                    Value bScale, Value aZero, Value bZero, Value bias) {
  Value product =
      g.make<MatMulIntegerOp>(g.builder.getI32Type(), {a, b, aZero, bZero});
  Type element = g.element(aScale);
  Value y = g.mul(g.cast(product, element), g.mul(aScale, bScale));
  return bias ? g.add(y, bias) : y;
}

LogicalResult expandToFloat(MsMatMulIntegerToFloatOp op,
                            PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  replaceResult(rewriter, op,
                scaledProduct(g, op.getA(), op.getB(), op.getAScale(),
                              op.getBScale(), op.getAZeroPoint(),
                              op.getBZeroPoint(), op.getBias()));
  return success();
}

LogicalResult expandDynamicMatMul(MsDynamicQuantizeMatMulOp op,
                                  PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  Type byte = IntegerType::get(op.getContext(), 8, IntegerType::Unsigned);
  Type f32 = rewriter.getF32Type();
  auto quantized = g.makeOp<DynamicQuantizeLinearOp>(
      {g.unranked(byte), RankedTensorType::get({}, f32),
       RankedTensorType::get({}, byte)},
      {op.getA()});
  replaceResult(rewriter, op,
                scaledProduct(g, quantized.getY(), op.getB(),
                              quantized.getYScale(), op.getBScale(),
                              quantized.getYZeroPoint(), op.getBZeroPoint(),
                              op.getBias()));
  return success();
}

LogicalResult toStandardQuantize(MsQuantizeLinearOp op,
                                 PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  replaceResult(
      rewriter, op,
      g.make<QuantizeLinearOp>(
          g.element(op.getY()), {op.getX(), op.getYScale(), op.getYZeroPoint()},
          {g.attr("axis", op.getAxis() ? int64_t(*op.getAxis()) : 1),
           g.attr("output_dtype",
                  int64_t(elementTypeToOnnx(g.element(op.getY()))))}));
  return success();
}

LogicalResult toStandardDequantize(MsDequantizeLinearOp op,
                                   PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  replaceResult(rewriter, op,
                dequantize(g, op.getX(), op.getXScale(), op.getXZeroPoint(),
                           op.getAxis() ? int64_t(*op.getAxis()) : 1));
  return success();
}

} // namespace

void ashlar::onnx::populateQuantizedExpansions(RewritePatternSet &patterns) {
  patterns.add(expandBinary<MsQLinearAddOp, AddOp>);
  patterns.add(expandBinary<MsQLinearMulOp, MulOp>);
  patterns.add(expandSigmoid);
  patterns.add(expandLeakyRelu);
  patterns.add(expandSoftmax);
  patterns.add(expandConcat);
  patterns.add(expandAveragePool);
  patterns.add(expandGlobalAveragePool);
  patterns.add(expandGemm);
  patterns.add(expandToFloat);
  patterns.add(expandDynamicMatMul);
  patterns.add(toStandardQuantize);
  patterns.add(toStandardDequantize);
}
