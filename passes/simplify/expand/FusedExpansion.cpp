// Operators of com.microsoft that fuse several of ai.onnx.
#include "passes/simplify/expand/AttentionCore.h"

#include <cmath>

using namespace mlir;
using namespace ashlar::onnx;

namespace {

// The activation of a fused operator, or null when it is none that is known.
Value activate(GraphBuilder &g, Value x, StringRef name,
               ArrayRef<float> parameters) {
  auto parameter = [&](size_t index, float otherwise) {
    return index < parameters.size() ? parameters[index] : otherwise;
  };
  if (name.empty())
    return x;
  if (name == "Relu")
    return g.unary<ReluOp>(x);
  if (name == "Tanh")
    return g.unary<TanhOp>(x);
  if (name == "Sigmoid")
    return g.unary<SigmoidOp>(x);
  if (name == "LeakyRelu")
    return g.make<LeakyReluOp>(g.element(x), {x},
                               {g.attrFloat("alpha", parameter(0, 0.01f))});
  if (name == "Clip")
    return g.make<ClipOp>(g.element(x), {x, g.scalarLike(x, parameter(0, 0)),
                                         g.scalarLike(x, parameter(1, 6))});
  if (name == "HardSigmoid")
    return g.make<HardSigmoidOp>(g.element(x), {x},
                                 {g.attrFloat("alpha", parameter(0, 0.2f)),
                                  g.attrFloat("beta", parameter(1, 0.5f))});
  return {};
}

LogicalResult expandConv(MsFusedConvOp op, PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  SmallVector<NamedAttribute> attributes;
  for (StringRef name :
       {"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"})
    if (Attribute value = op->getAttr(name))
      attributes.push_back(rewriter.getNamedAttr(name, value));
  Value y = g.make<ConvOp>(g.element(op.getX()),
                           {op.getX(), op.getW(), op.getB()}, attributes);
  if (op.getZ())
    y = g.add(y, op.getZ());
  ArrayRef<float> parameters;
  if (op.getActivationParams())
    parameters = *op.getActivationParams();
  y = activate(g, y, op.getActivation().value_or(""), parameters);
  if (!y)
    return failure();
  replaceResult(rewriter, op, y);
  return success();
}

LogicalResult expandGemm(MsFusedGemmOp op, PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  SmallVector<NamedAttribute> attributes;
  for (StringRef name : {"alpha", "beta", "transA", "transB"})
    if (Attribute value = op->getAttr(name))
      attributes.push_back(rewriter.getNamedAttr(name, value));
  Value y = g.make<GemmOp>(g.element(op.getA()),
                           {op.getA(), op.getB(), op.getC()}, attributes);
  SmallVector<float> parameters;
  for (auto value : {op.getActivationAlpha(), op.getActivationBeta(),
                     op.getActivationGamma()})
    if (value)
      parameters.push_back(value->convertToFloat());
  y = activate(g, y, op.getActivation().value_or(""), parameters);
  if (!y)
    return failure();
  replaceResult(rewriter, op, y);
  return success();
}

Value orient(GraphBuilder &g, Value x, bool matrix, bool batch) {
  auto type = rankedType(x);
  if (!type || type.getRank() < 2)
    return x;
  SmallVector<int64_t> perm =
      llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
  if (batch && perm.size() > 2)
    std::rotate(perm.begin(), perm.begin() + 1, perm.end() - 1);
  if (matrix)
    std::swap(perm.back(), perm[perm.size() - 2]);
  return llvm::is_sorted(perm) ? x : g.transpose(x, perm);
}

LogicalResult expandMatMul(MsFusedMatMulOp op, PatternRewriter &rewriter) {
  if (!rankedType(op.getA()) || !rankedType(op.getB()))
    return failure();
  GraphBuilder g(rewriter, op.getLoc());
  Value y = g.matmul(orient(g, op.getA(), op.getTransA(), op.getTransBatchA()),
                     orient(g, op.getB(), op.getTransB(), op.getTransBatchB()));
  float alpha = op.getAlpha().convertToFloat();
  replaceResult(rewriter, op, alpha == 1 ? y : g.mul(y, double(alpha)));
  return success();
}

LogicalResult expandBiasGelu(MsBiasGeluOp op, PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  replaceResult(rewriter, op, g.unary<GeluOp>(g.add(op.getA(), op.getB())));
  return success();
}

LogicalResult expandGelu(MsGeluOp op, PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  replaceResult(rewriter, op, g.unary<GeluOp>(op.getX()));
  return success();
}

LogicalResult expandFastGelu(MsFastGeluOp op, PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  Value x = op.getBias() ? g.add(op.getX(), op.getBias()) : op.getX();
  replaceResult(rewriter, op,
                g.make<GeluOp>(g.element(x), {x},
                               {g.attr("approximate", StringRef("tanh"))}));
  return success();
}

LogicalResult expandQuickGelu(MsQuickGeluOp op, PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  replaceResult(
      rewriter, op,
      g.make<SwishOp>(g.element(op.getX()), {op.getX()},
                      {g.attrFloat("alpha", op.getAlpha().convertToFloat())}));
  return success();
}

//===----------------------------------------------------------------------===//
// Normalizations with a residual
//===----------------------------------------------------------------------===//

LogicalResult expandSimplified(MsSimplifiedLayerNormalizationOp op,
                               PatternRewriter &rewriter) {
  if (op.getInvStdVar())
    return failure();
  GraphBuilder g(rewriter, op.getLoc());
  replaceResult(
      rewriter, op,
      g.make<RMSNormalizationOp>(
          g.element(op.getX()), {op.getX(), op.getScale()},
          {g.attr("axis", int64_t(op.getAxis())),
           g.attrFloat("epsilon", op.getEpsilon().convertToFloat())}));
  return success();
}

template <typename Op>
LogicalResult replaceSkip(Op op, PatternRewriter &rewriter, GraphBuilder &g,
                          Value y, Value sum) {
  SmallVector<Value> results{y};
  if (op.getInputSkipBiasSum())
    results.push_back(sum);
  replaceResult(rewriter, op, results);
  return success();
}

LogicalResult expandSkip(MsSkipLayerNormalizationOp op,
                         PatternRewriter &rewriter) {
  if (op.getMean() || op.getInvStdVar())
    return failure();
  GraphBuilder g(rewriter, op.getLoc());
  Value sum = g.add(op.getInput(), op.getSkip());
  if (op.getBias())
    sum = g.add(sum, op.getBias());
  auto norm = g.makeOp<LayerNormalizationOp>(
      {g.unranked(g.element(sum))}, {sum, op.getGamma(), op.getBeta()},
      {g.attr("axis", -1),
       g.attrFloat("epsilon", op.getEpsilon().convertToFloat()),
       rewriter.getNamedAttr("resultSegmentSizes",
                             rewriter.getDenseI32ArrayAttr({1, 0, 0}))});
  return replaceSkip(op, rewriter, g, norm.getY(), sum);
}

LogicalResult expandSkipSimplified(MsSkipSimplifiedLayerNormalizationOp op,
                                   PatternRewriter &rewriter) {
  if (op.getMean() || op.getInvStdVar())
    return failure();
  GraphBuilder g(rewriter, op.getLoc());
  Value sum = g.add(op.getInput(), op.getSkip());
  if (op.getBias())
    sum = g.add(sum, op.getBias());
  Value y = g.make<RMSNormalizationOp>(
      g.element(sum), {sum, op.getGamma()},
      {g.attr("axis", -1),
       g.attrFloat("epsilon", op.getEpsilon().convertToFloat())});
  return replaceSkip(op, rewriter, g, y, sum);
}

// Words, positions and segments added up, then normalized.
LogicalResult expandEmbed(MsEmbedLayerNormalizationOp op,
                          PatternRewriter &rewriter) {
  if (!rankedType(op.getInputIds()))
    return failure();
  GraphBuilder g(rewriter, op.getLoc());
  Value sum = g.gather(op.getWordEmbedding(), op.getInputIds(), 0);
  Value positions = op.getPositionIds()
                        ? op.getPositionIds()
                        : g.unsqueeze(g.range(g.dim(op.getInputIds(), 1)), 0);
  sum = g.add(sum, g.gather(op.getPositionEmbedding(), positions, 0));
  if (op.getSegmentIds() && op.getSegmentEmbedding())
    sum = g.add(sum, g.gather(op.getSegmentEmbedding(), op.getSegmentIds(), 0));
  auto norm = g.makeOp<LayerNormalizationOp>(
      {g.unranked(g.element(sum))}, {sum, op.getGamma(), op.getBeta()},
      {g.attr("axis", -1),
       g.attrFloat("epsilon", op.getEpsilon().convertToFloat()),
       rewriter.getNamedAttr("resultSegmentSizes",
                             rewriter.getDenseI32ArrayAttr({1, 0, 0}))});
  SmallVector<Value> results{norm.getY()};
  if (op.getMaskIndex()) {
    Type i32 = rewriter.getI32Type();
    // How many tokens of each row count, when a mask says; else zeros.
    results.push_back(op.getMask()
                          ? g.make<ReduceSumOp>(
                                i32, {g.cast(op.getMask(), i32), g.integers(1)},
                                {g.attr("keepdims", 0)})
                          : g.fill(g.dim(op.getInputIds(), 0), i32, 0));
  }
  if (op.getEmbeddingSum())
    results.push_back(sum);
  replaceResult(rewriter, op, results);
  return success();
}

// Positions are [1] (the first) or [batch, length].
LogicalResult expandRotary(MsRotaryEmbeddingOp op, PatternRewriter &rewriter) {
  auto type = rankedType(op.getInput());
  auto cache = rankedType(op.getCosCache());
  auto positions = rankedType(op.getPositionIds());
  if (!type || !cache || !positions || cache.isDynamicDim(1) ||
      op.getIsPackedBatching())
    return failure();
  GraphBuilder g(rewriter, op.getLoc());
  bool packed = type.getRank() == 3;
  int64_t rotated = cache.getDimSize(1) * 2;
  int64_t hidden = type.getDimSize(type.getRank() - 1);
  if (ShapedType::isDynamic(hidden))
    return failure();
  int64_t heads = packed ? int64_t(op.getNumHeads()) : type.getDimSize(1);
  if (packed && heads == 0)
    heads = hidden / rotated;
  int64_t size = packed ? hidden / heads : hidden;
  Value x = packed ? splitHeads(g, op.getInput(), heads) : op.getInput();
  Value index = op.getPositionIds();
  if (positions.getRank() == 1)
    index = g.unsqueeze(
        g.add(g.range(g.dim(op.getInput(), packed ? 1 : 2)), index), 0);
  Value cos = g.unsqueeze(g.gather(op.getCosCache(), index, 0), 1);
  Value sin = g.unsqueeze(g.gather(op.getSinCache(), index, 0), 1);
  Value y = rotate(g, x, cos, sin, rotated, size, op.getInterleaved());
  replaceResult(rewriter, op, packed ? mergeHeads(g, y) : y);
  return success();
}

} // namespace

void ashlar::onnx::populateFusedExpansions(RewritePatternSet &patterns) {
  patterns.add(expandConv);
  patterns.add(expandGemm);
  patterns.add(expandMatMul);
  patterns.add(expandBiasGelu);
  patterns.add(expandGelu);
  patterns.add(expandFastGelu);
  patterns.add(expandQuickGelu);
  patterns.add(expandSimplified);
  patterns.add(expandSkip);
  patterns.add(expandSkipSimplified);
  patterns.add(expandEmbed);
  patterns.add(expandRotary);
}
