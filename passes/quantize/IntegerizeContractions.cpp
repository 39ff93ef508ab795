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

bool isPadded(ConvOp op) {
  return op.getPads() &&
         llvm::any_of(*op.getPads(), [](int64_t pad) { return pad != 0; });
}

// Bytes padded on the spatial axes with the zero point.
Value padBytes(OpBuilder &builder, Location loc, ConvOp op, Dequantized &x) {
  auto type = rankedType(x.integers());
  ArrayRef<int64_t> pads = *op.getPads();
  size_t axes = pads.size() / 2;
  SmallVector<int64_t> all(2 * type.getRank(), 0), shape(type.getShape());
  for (size_t axis = 0; axis < axes; ++axis) {
    all[2 + axis] = pads[axis];
    all[2 + type.getRank() + axis] = pads[axes + axis];
    if (!ShapedType::isDynamic(shape[2 + axis]))
      shape[2 + axis] += pads[axis] + pads[axes + axis];
  }
  return PadOp::create(builder, loc,
                       RankedTensorType::get(shape, type.getElementType()),
                       x.integers(), makeIntegers(builder, loc, all),
                       makeZeroPoint(builder, loc, x.parameters), Value(),
                       builder.getStringAttr("constant"));
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
  Value image = x->integers(), zeroPoint;
  DenseI64ArrayAttr pads = op.getPadsAttr();
  int64_t zero = x->parameters.zeroPoints.front();
  // What the zero point adds is a constant where padding holds it too.
  bool automatic = op.getAutoPad().starts_with("SAME");
  if (zero != 0 && (w->zeroPoint || automatic)) {
    zeroPoint = makeZeroPoint(rewriter, loc, x->parameters);
  } else if (zero != 0) {
    result.offsets = w->offsets(zero);
    if (isPadded(op)) {
      image = padBytes(rewriter, loc, op, *x);
      pads = {};
    }
  }
  result.sums = ConvIntegerOp::create(
      rewriter, loc, withElement(type, rewriter.getI32Type()), image,
      w->integers, zeroPoint, w->zeroPoint, op.getAutoPadAttr(),
      op.getDilationsAttr(), op.getGroupAttr(), op.getKernelShapeAttr(), pads,
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

// The sums of a product; what the zero point of the left side adds to them is
// in `offsets` if it is a constant.
Value multiply(OpBuilder &builder, Location loc, RankedTensorType type,
               Value lhs, const Dequantized &a, const IntegerWeights &b,
               std::vector<int64_t> &offsets) {
  Value lhsZero = makeZeroPointUnlessZero(builder, loc, a.parameters);
  if (lhsZero && !b.zeroPoint && !b.sums.empty()) {
    offsets = b.offsets(a.parameters.zeroPoints.front());
    lhsZero = {};
  }
  return makeMatMulInteger(builder, loc, type.getShape(), lhs, b.integers,
                           lhsZero, b.zeroPoint);
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
  result.sums =
      multiply(rewriter, loc, type, a->integers(), *a, *b, result.offsets);
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
  b->integers = rhs;
  result.sums = multiply(rewriter, loc, type, lhs, *a, *b, result.offsets);
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
