#include "passes/quantize/Passes.h"

#include "passes/quantize/ElementMovement.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_MOVEQUANTIZATION
#include "passes/quantize/Passes.h.inc"

namespace {

// move(dequantize(x)) -> dequantize(move(x)): bytes are moved, not floats.
struct DequantizeAfterMovement : RewritePattern {
  explicit DequantizeAfterMovement(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, context) {}

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    if (!movesElements(op))
      return failure();
    auto data = matchDequantized(op->getOperand(0));
    if (!data || !data->parameters.isByte())
      return failure();
    auto after = parametersAfter(op, data->parameters);
    if (!after)
      return failure();
    Operation *moved = moveInstead(rewriter, op, data->integers());
    SmallVector<Value> reals;
    for (Value result : moved->getResults())
      reals.push_back(
          makeDequantize(rewriter, data->op.getLoc(), result, *after));
    rewriter.replaceOp(op, reals);
    return success();
  }
};

// Whether a quantized tensor may be moved instead of the tensor: nothing else
// wants the real numbers, and there are no more of them to quantize then.
bool mayQuantizeBefore(Operation *op) {
  return op && op->hasOneUse() && !constantOf(op->getOperand(0)) &&
         !op->getOperand(0).getDefiningOp<DequantizeLinearOp>();
}

// quantize(move(x)) -> move(quantize(x)), next to what computes x.
LogicalResult quantizeBeforeMovement(QuantizeLinearOp op,
                                     PatternRewriter &rewriter) {
  Operation *move = op.getX().getDefiningOp();
  if (!mayQuantizeBefore(move) || !movesElements(move) ||
      isa<SliceOp, SplitOp, GatherOp, GatherElementsOp, GatherNDOp>(move))
    return failure();
  auto parameters = parametersOf(op);
  if (!parameters || !parameters->isPerTensor() || !parameters->isByte())
    return failure();
  Value integers =
      makeQuantize(rewriter, op.getLoc(), move->getOperand(0), *parameters);
  rewriter.replaceOp(op, moveInstead(rewriter, move, integers));
  return success();
}

// quantize(dequantize(move(x))) -> move(quantize(dequantize(x))): next to what
// quantizes x, both steps are elementwise parts of one computation.
LogicalResult requantizeBeforeMovement(QuantizeLinearOp op,
                                       PatternRewriter &rewriter) {
  auto data = matchDequantized(op.getX());
  auto parameters = data ? parametersOf(op) : std::nullopt;
  if (!parameters || !parameters->isPerTensor() || !parameters->isByte() ||
      !data->parameters.isPerTensor() || !op.getX().hasOneUse() ||
      *parameters == data->parameters)
    return failure();
  Operation *move = data->integers().getDefiningOp();
  if (!move || !move->hasOneUse() || !keepsElementCount(move) ||
      !move->getOperand(0).hasOneUse() || !move->getOperand(0).getDefiningOp())
    return failure();
  Value real = makeDequantize(rewriter, data->op.getLoc(), move->getOperand(0),
                              data->parameters);
  Value integers = makeQuantize(rewriter, op.getLoc(), real, *parameters);
  rewriter.replaceOp(op, moveInstead(rewriter, move, integers));
  return success();
}

// The parameters that all operands of a concatenation share.
std::optional<QuantizationParameters> sharedParameters(ConcatOp op) {
  std::optional<QuantizationParameters> shared;
  for (Value input : op.getInputs()) {
    auto data = matchDequantized(input);
    if (!data || !data->parameters.isPerTensor() ||
        !data->parameters.isByte() ||
        (shared && !(*shared == data->parameters)))
      return std::nullopt;
    shared = data->parameters;
  }
  return shared;
}

Value concatIntegers(PatternRewriter &rewriter, ConcatOp op,
                     ArrayRef<Value> integers, Type element) {
  auto joined = cast<ConcatOp>(rewriter.clone(*op));
  joined->setOperands(integers);
  joined->getResult(0).setType(withElement(op.getType(), element));
  return joined->getResult(0);
}

LogicalResult dequantizeAfterConcat(ConcatOp op, PatternRewriter &rewriter) {
  auto shared = sharedParameters(op);
  if (!shared)
    return failure();
  SmallVector<Value> integers;
  for (Value input : op.getInputs())
    integers.push_back(matchDequantized(input)->integers());
  Value joined = concatIntegers(rewriter, op, integers, shared->type);
  rewriter.replaceOp(op,
                     makeDequantize(rewriter, op.getLoc(), joined, *shared));
  return success();
}

LogicalResult quantizeBeforeConcat(QuantizeLinearOp op,
                                   PatternRewriter &rewriter) {
  auto concat = op.getX().getDefiningOp<ConcatOp>();
  if (!concat || !concat->hasOneUse())
    return failure();
  auto parameters = parametersOf(op);
  if (!parameters || !parameters->isPerTensor() || !parameters->isByte())
    return failure();
  SmallVector<Value> integers;
  for (Value input : concat.getInputs())
    integers.push_back(makeQuantize(rewriter, op.getLoc(), input, *parameters));
  rewriter.replaceOp(
      op, concatIntegers(rewriter, concat, integers, parameters->type));
  return success();
}

// pad(dequantize(x)) with zeros -> dequantize(pad(x)) with zero points.
LogicalResult dequantizeAfterPad(PadOp op, PatternRewriter &rewriter) {
  auto data = matchDequantized(op.getData());
  if (!data || !data->parameters.isPerTensor() || !data->parameters.isByte())
    return failure();
  bool constant = op.getMode() == "constant";
  if (constant && op.getConstantValue() &&
      constantScalar(op.getConstantValue()) != 0.0)
    return failure();
  Value fill = constant ? makeZeroPoint(rewriter, op.getLoc(), data->parameters)
                        : Value();
  Value padded = PadOp::create(
      rewriter, op.getLoc(),
      withElement(op.getOutput().getType(), data->parameters.type),
      data->integers(), op.getPads(), fill, op.getAxes(), op.getModeAttr());
  rewriter.replaceOp(op, makeDequantize(rewriter, data->op.getLoc(), padded,
                                        data->parameters));
  return success();
}

// quantize(dequantize(x)) with the same parameters is x.
LogicalResult cancel(QuantizeLinearOp op, PatternRewriter &rewriter) {
  auto data = matchDequantized(op.getX());
  auto parameters = data ? parametersOf(op) : std::nullopt;
  if (!parameters || !(*parameters == data->parameters) ||
      data->integers().getType() != op.getY().getType())
    return failure();
  rewriter.replaceOp(op, data->integers());
  return success();
}

struct MoveQuantization : impl::MoveQuantizationBase<MoveQuantization> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<DequantizeAfterMovement>(&getContext());
    patterns.add(quantizeBeforeMovement);
    patterns.add(requantizeBeforeMovement);
    patterns.add(dequantizeAfterConcat);
    patterns.add(quantizeBeforeConcat);
    patterns.add(dequantizeAfterPad);
    patterns.add(cancel);
    if (failed(applyRewrites(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace ashlar
