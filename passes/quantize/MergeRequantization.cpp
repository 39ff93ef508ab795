#include "passes/quantize/Passes.h"

#include "passes/quantize/ElementMovement.h"

#include <cmath>

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_MERGEREQUANTIZATION
#include "passes/quantize/Passes.h.inc"

namespace {

bool isRealConstant(Value value) {
  ElementsAttr attr = constantOf(value);
  return attr && attr.getElementType().isF32();
}

bool isConstantOrAbsent(Value value) { return !value || isRealConstant(value); }

// Whether a positive factor finds a place among the constants of what computes
// `value`, for nothing else.
bool absorbs(Value value) {
  if (isRealConstant(value))
    return true;
  if (auto data = matchDequantized(value))
    return true;
  Operation *op = value.getDefiningOp();
  if (!op || !value.hasOneUse())
    return false;
  if (isa<MulOp>(op))
    return isRealConstant(op->getOperand(0)) ||
           isRealConstant(op->getOperand(1));
  if (isa<DivOp>(op))
    return isRealConstant(op->getOperand(1));
  if (isa<AddOp, SubOp>(op))
    return absorbs(op->getOperand(0)) || absorbs(op->getOperand(1));
  if (isa<ReluOp, LeakyReluOp>(op) || keepsElementCount(op))
    return absorbs(op->getOperand(0));
  if (auto clip = dyn_cast<ClipOp>(op))
    return isConstantOrAbsent(clip.getMin()) &&
           isConstantOrAbsent(clip.getMax()) && absorbs(clip.getInput());
  if (auto norm = dyn_cast<LayerNormalizationOp>(op))
    return op->getNumResults() == 1 && isRealConstant(norm.getScale()) &&
           isConstantOrAbsent(norm.getB());
  return false;
}

// Rewrites what computes a value so that it gives `factor` times as much.
class Scaler {
public:
  Scaler(PatternRewriter &rewriter, double factor)
      : rewriter(rewriter), factor(factor) {}

  Value scale(Value value) {
    if (isRealConstant(value))
      return scaleConstant(value, factor);
    if (!absorbs(value))
      return multiply(value);
    if (auto data = matchDequantized(value)) {
      for (float &scale : data->parameters.scales)
        scale = float(double(scale) * factor);
      return makeDequantize(rewriter, data->op.getLoc(), data->integers(),
                            data->parameters);
    }
    return rebuild(value.getDefiningOp());
  }

private:
  Value scaleConstant(Value value, double by) {
    if (!value)
      return value;
    ElementsAttr attr = constantOf(value);
    std::vector<double> values = *doublesOf(attr);
    for (double &number : values)
      number *= by;
    return makeConstant(
        rewriter, value.getLoc(),
        constantOfDoubles(cast<RankedTensorType>(attr.getType()), values));
  }

  Value multiply(Value value) {
    return MulOp::create(
        rewriter, value.getLoc(), value.getType(), value,
        makeScalar(rewriter, value.getLoc(), rewriter.getF32Type(), factor));
  }

  // The same operation on scaled operands.
  Value rebuild(Operation *op) {
    SmallVector<Value> operands(op->getOperands());
    if (isa<MulOp>(op)) {
      Value &constant = operands[isRealConstant(operands[0]) ? 0 : 1];
      constant = scaleConstant(constant, factor);
    } else if (isa<DivOp>(op)) {
      operands[1] = scaleConstant(operands[1], 1 / factor);
    } else if (isa<AddOp, SubOp>(op)) {
      operands = {scale(operands[0]), scale(operands[1])};
    } else if (isa<LayerNormalizationOp>(op)) {
      for (Value &operand : MutableArrayRef(operands).drop_front())
        operand = scaleConstant(operand, factor);
    } else {
      operands[0] = scale(operands[0]);
      if (isa<ClipOp>(op))
        for (Value &bound : MutableArrayRef(operands).drop_front())
          bound = scaleConstant(bound, factor);
    }
    Operation *scaled = rewriter.clone(*op);
    scaled->setOperands(operands);
    return scaled->getResult(0);
  }

  PatternRewriter &rewriter;
  double factor;
};

std::optional<QuantizationParameters> byteParameters(QuantizeLinearOp op) {
  auto parameters = parametersOf(op);
  if (!parameters || !parameters->isPerTensor() || !parameters->isByte())
    return std::nullopt;
  return parameters;
}

// quantize(x; scale) -> quantize(x / scale; 1), with the division among the
// constants of x. A tensor that comes from outside is divided, and so is an
// average in floats, which may lie half way between two steps.
LogicalResult mergeScale(QuantizeLinearOp op, PatternRewriter &rewriter) {
  auto parameters = byteParameters(op);
  if (!parameters || parameters->scales.front() == 1 ||
      !op.getX().getDefiningOp() || constantOf(op.getX()) ||
      op.getX().getDefiningOp<AveragePoolOp>())
    return failure();
  double factor = 1 / double(parameters->scales.front());
  if (!std::isfinite(float(factor)))
    return failure();
  parameters->scales.front() = 1;
  Value scaled = Scaler(rewriter, factor).scale(op.getX());
  rewriter.replaceOp(op,
                     makeQuantize(rewriter, op.getLoc(), scaled, *parameters));
  return success();
}

struct Bounds {
  double least, greatest;
};

Bounds integerBounds(Type type) {
  bool isUnsigned = type.isUnsignedInteger();
  return isUnsigned ? Bounds{0, 255} : Bounds{-128, 127};
}

// Saturation does what a clamp before it does.
LogicalResult dropImpliedRelu(QuantizeLinearOp op, PatternRewriter &rewriter) {
  auto relu = op.getX().getDefiningOp<ReluOp>();
  auto parameters = byteParameters(op);
  if (!relu || !relu->hasOneUse() || !parameters ||
      parameters->zeroPoints.front() > integerBounds(parameters->type).least)
    return failure();
  rewriter.modifyOpInPlace(op, [&] { op->setOperand(0, relu.getX()); });
  rewriter.eraseOp(relu);
  return success();
}

LogicalResult dropImpliedClip(QuantizeLinearOp op, PatternRewriter &rewriter) {
  auto clip = op.getX().getDefiningOp<ClipOp>();
  auto parameters = byteParameters(op);
  if (!clip || !clip->hasOneUse() || !parameters)
    return failure();
  Bounds bounds = integerBounds(parameters->type);
  auto quantized = [&](double real) {
    return std::nearbyint(real / parameters->scales.front()) +
           double(parameters->zeroPoints.front());
  };
  auto low = clip.getMin() ? constantScalar(clip.getMin()) : std::nullopt;
  auto high = clip.getMax() ? constantScalar(clip.getMax()) : std::nullopt;
  bool lowImplied = !clip.getMin() || (low && quantized(*low) <= bounds.least);
  bool highImplied =
      !clip.getMax() || (high && quantized(*high) >= bounds.greatest);
  if (!lowImplied || !highImplied)
    return failure();
  rewriter.modifyOpInPlace(op, [&] { op->setOperand(0, clip.getInput()); });
  rewriter.eraseOp(clip);
  return success();
}

struct MergeRequantization
    : impl::MergeRequantizationBase<MergeRequantization> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add(mergeScale);
    patterns.add(dropImpliedRelu, /*benefit=*/2);
    patterns.add(dropImpliedClip, /*benefit=*/2);
    if (failed(applyRewrites(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace ashlar
