#include "passes/quantize/Passes.h"

#include "passes/quantize/QuantizationParameters.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_EXPANDQUANTIZEDOPERATORS
#include "passes/quantize/Passes.h.inc"

namespace {

// One quantized tensor of an operator: the value and what describes it.
struct Operand {
  Value tensor, scale, zeroPoint;
};

bool isConstantScalar(Value value) { return constantScalar(value).has_value(); }

bool isPerTensorByte(const Operand &x) {
  auto type = rankedType(x.tensor);
  return type && type.getElementType().isInteger(8) &&
         isConstantScalar(x.scale) && isConstantScalar(x.zeroPoint);
}

Value dequantize(PatternRewriter &rewriter, Location loc, const Operand &x,
                 int64_t axis) {
  auto type = withElement(x.tensor.getType(), rewriter.getF32Type());
  OperationState state(loc, DequantizeLinearOp::getOperationName());
  state.addOperands({x.tensor, x.scale});
  if (x.zeroPoint)
    state.addOperands(x.zeroPoint);
  state.addTypes(type);
  state.addAttribute("axis", rewriter.getI64IntegerAttr(axis));
  return rewriter.create(state)->getResult(0);
}

void replaceByQuantized(PatternRewriter &rewriter, Operation *op, Value real,
                        Value scale, Value zeroPoint) {
  OperationState state(op->getLoc(), QuantizeLinearOp::getOperationName());
  state.addOperands({real, scale, zeroPoint});
  state.addTypes(op->getResult(0).getType());
  rewriter.replaceOp(op, rewriter.create(state)->getResults());
}

// The bias of a QLinearConv counts in steps of the product of both scales.
Value dequantizeBias(PatternRewriter &rewriter, QLinearConvOp op) {
  double x = *constantScalar(op.getXScale());
  auto w = doublesOf(constantOf(op.getWScale()));
  SmallVector<double> scales;
  for (double scale : *w)
    scales.push_back(float(x) * float(scale));
  Value scale = makeFactors(rewriter, op.getLoc(), scales, 0, 1);
  return dequantize(rewriter, op.getLoc(), {op.getB(), scale, Value()}, 0);
}

LogicalResult expandConv(QLinearConvOp op, PatternRewriter &rewriter) {
  Operand x{op.getX(), op.getXScale(), op.getXZeroPoint()},
      w{op.getW(), op.getWScale(), op.getWZeroPoint()};
  if (!isPerTensorByte(x) || !constantOf(w.tensor) || !constantOf(w.scale) ||
      !constantOf(w.zeroPoint) || !isConstantScalar(op.getYScale()) ||
      !isConstantScalar(op.getYZeroPoint()))
    return failure();
  auto type = withElement(op.getY().getType(), rewriter.getF32Type());
  Value bias = op.getB() ? dequantizeBias(rewriter, op) : Value();
  Value real = ConvOp::create(
      rewriter, op.getLoc(), type, dequantize(rewriter, op.getLoc(), x, 0),
      dequantize(rewriter, op.getLoc(), w, 0), bias, op.getAutoPadAttr(),
      op.getDilationsAttr(), op.getGroupAttr(), op.getKernelShapeAttr(),
      op.getPadsAttr(), op.getStridesAttr());
  replaceByQuantized(rewriter, op, real, op.getYScale(), op.getYZeroPoint());
  return success();
}

LogicalResult expandMatMul(QLinearMatMulOp op, PatternRewriter &rewriter) {
  Operand a{op.getA(), op.getAScale(), op.getAZeroPoint()},
      b{op.getB(), op.getBScale(), op.getBZeroPoint()};
  auto rhs = rankedType(op.getB());
  if (!isPerTensorByte(a) || !rhs || rhs.getRank() < 1 ||
      !rhs.getElementType().isInteger(8) || !constantOf(b.scale) ||
      !constantOf(b.zeroPoint) || !isConstantScalar(op.getYScale()) ||
      !isConstantScalar(op.getYZeroPoint()) ||
      cast<ShapedType>(b.scale.getType()).getRank() > 1)
    return failure();
  auto type = withElement(op.getY().getType(), rewriter.getF32Type());
  Value real = MatMulOp::create(
      rewriter, op.getLoc(), type, dequantize(rewriter, op.getLoc(), a, 0),
      dequantize(rewriter, op.getLoc(), b, rhs.getRank() - 1));
  replaceByQuantized(rewriter, op, real, op.getYScale(), op.getYZeroPoint());
  return success();
}

struct ExpandQuantizedOperators
    : impl::ExpandQuantizedOperatorsBase<ExpandQuantizedOperators> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add(expandConv);
    patterns.add(expandMatMul);
    (void)applyRewrites(getOperation(), std::move(patterns));
  }
};

} // namespace
} // namespace ashlar
