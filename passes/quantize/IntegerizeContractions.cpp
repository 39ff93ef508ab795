#include "passes/quantize/Passes.h"

#include "passes/quantize/IntegerSums.h"
#include "passes/quantize/IntegerWeights.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_INTEGERIZECONTRACTIONS
#include "passes/quantize/Passes.h.inc"

namespace {

// The activation of a contraction: bytes with one scale and zero point.
std::optional<Dequantized> matchActivation(Value value) {
  auto data = matchDequantized(value);
  if (!data || !data->parameters.isByte() || !data->parameters.isPerTensor())
    return std::nullopt;
  return data;
}

std::vector<double> products(double x, ArrayRef<double> scales) {
  std::vector<double> result;
  for (double scale : scales)
    result.push_back(x * scale);
  return result;
}

LogicalResult integerizeConv(ConvOp op, PatternRewriter &rewriter) {
  auto x = matchActivation(op.getX());
  auto type = rankedType(op.getY());
  if (!x || !type || type.getRank() < 3)
    return failure();
  auto w = integerWeights(rewriter, op.getW(), 0);
  if (!w)
    return failure();
  Location loc = op.getLoc();
  IntegerSums result;
  result.sums = ConvIntegerOp::create(
      rewriter, loc, withElement(type, rewriter.getI32Type()), x->integers(),
      w->integers, makeZeroPointUnlessZero(rewriter, loc, x->parameters),
      w->zeroPoint, op.getAutoPadAttr(), op.getDilationsAttr(),
      op.getGroupAttr(), op.getKernelShapeAttr(), op.getPadsAttr(),
      op.getStridesAttr());
  result.scales = products(x->parameters.scales.front(), w->scales);
  result.axis = 1;
  rewriter.replaceOp(op, result.toReal(rewriter, loc, op.getB()));
  return success();
}

// The right side of a product: constant weights, or signed activations.
std::optional<IntegerWeights> matchRightSide(OpBuilder &builder, Value value) {
  auto type = rankedType(value);
  if (!type || type.getRank() < 2)
    return std::nullopt;
  if (auto weights = integerWeights(builder, value, type.getRank() - 1))
    return weights;
  auto data = matchActivation(value);
  // 32768 products of two bytes fit 32 bits.
  if (!data || !data->parameters.type.isSignlessInteger(8) ||
      type.isDynamicDim(type.getRank() - 2) ||
      type.getDimSize(type.getRank() - 2) > (1 << 15))
    return std::nullopt;
  IntegerWeights rhs;
  rhs.integers = data->integers();
  rhs.zeroPoint =
      makeZeroPointUnlessZero(builder, data->op.getLoc(), data->parameters);
  rhs.scales.assign(1, data->parameters.scales.front());
  return rhs;
}

LogicalResult integerizeMatMul(MatMulOp op, PatternRewriter &rewriter) {
  auto a = matchActivation(op.getA());
  auto type = rankedType(op.getY());
  if (!a || !type || type.getRank() < 1)
    return failure();
  auto b = matchRightSide(rewriter, op.getB());
  if (!b)
    return failure();
  Location loc = op.getLoc();
  IntegerSums result;
  result.sums = makeMatMulInteger(
      rewriter, loc, type.getShape(), a->integers(), b->integers,
      makeZeroPointUnlessZero(rewriter, loc, a->parameters), b->zeroPoint);
  result.scales = products(a->parameters.scales.front(), b->scales);
  result.axis = type.getRank() - 1;
  rewriter.replaceOp(op, result.toReal(rewriter, loc, Value()));
  return success();
}

Value transposeMatrix(OpBuilder &builder, Location loc, Value matrix) {
  auto type = rankedType(matrix);
  auto result = RankedTensorType::get({type.getDimSize(1), type.getDimSize(0)},
                                      type.getElementType());
  return TransposeOp::create(builder, loc, result, matrix,
                             builder.getDenseI64ArrayAttr({1, 0}));
}

LogicalResult integerizeGemm(GemmOp op, PatternRewriter &rewriter) {
  auto a = matchActivation(op.getA());
  auto type = rankedType(op.getY());
  double alpha = op.getAlpha().convertToDouble();
  if (!a || !type || !(alpha > 0) ||
      (op.getC() && op.getBeta().convertToDouble() != 1))
    return failure();
  auto b = integerWeights(rewriter, op.getB(), op.getTransB() ? 0 : 1);
  if (!b)
    return failure();
  Location loc = op.getLoc();
  Value lhs = a->integers(), rhs = b->integers;
  if (op.getTransA())
    lhs = transposeMatrix(rewriter, loc, lhs);
  if (op.getTransB())
    rhs = transposeMatrix(rewriter, loc, rhs);
  IntegerSums result;
  result.sums = makeMatMulInteger(
      rewriter, loc, type.getShape(), lhs, rhs,
      makeZeroPointUnlessZero(rewriter, loc, a->parameters), b->zeroPoint);
  result.scales = products(alpha * a->parameters.scales.front(), b->scales);
  result.axis = 1;
  rewriter.replaceOp(op, result.toReal(rewriter, loc, op.getC()));
  return success();
}

struct IntegerizeContractions
    : impl::IntegerizeContractionsBase<IntegerizeContractions> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add(integerizeConv);
    patterns.add(integerizeMatMul);
    patterns.add(integerizeGemm);
    if (failed(applyRewrites(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace ashlar
