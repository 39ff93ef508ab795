// Shapes of operators that work element by element, broadcasting their
// operands.
#include "dialects/onnx/OnnxOps.h"
#include "dialects/onnx/OperatorSchema.h"
#include "passes/simplify/ShapeRegistry.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

LogicalResult inferSame(Operation *op, OpShapes &shapes) {
  return shapes.resultShapedLike(
      op->getResult(0), shapes.element(op->getOperand(0)), op->getOperand(0));
}

LogicalResult inferPredicate(Operation *op, OpShapes &shapes) {
  return shapes.resultShapedLike(op->getResult(0),
                                 IntegerType::get(op->getContext(), 1),
                                 op->getOperand(0));
}

// Elements of the two (or more) operands must be of one type, but for Pow and
// BitShift.
LogicalResult inferBroadcastOf(Operation *op, OpShapes &shapes, Type element,
                               bool sameElements) {
  for (Value operand : op->getOperands().drop_front())
    if (sameElements &&
        shapes.element(operand) != shapes.element(op->getOperand(0)))
      return shapes.error() << "operands have element types "
                            << shapes.element(op->getOperand(0)) << " and "
                            << shapes.element(operand);
  if (!shapes.allRanked(op->getOperands()))
    return shapes.resultUnranked(op->getResult(0), element);
  auto dims = shapes.broadcast(op->getOperands());
  if (failed(dims))
    return failure();
  return shapes.result(op->getResult(0), element, *dims);
}

LogicalResult inferBroadcast(Operation *op, OpShapes &shapes) {
  return inferBroadcastOf(op, shapes, shapes.element(op->getOperand(0)), true);
}

LogicalResult inferBroadcastMixed(Operation *op, OpShapes &shapes) {
  return inferBroadcastOf(op, shapes, shapes.element(op->getOperand(0)), false);
}

LogicalResult inferComparison(Operation *op, OpShapes &shapes) {
  return inferBroadcastOf(op, shapes, IntegerType::get(op->getContext(), 1),
                          true);
}

LogicalResult inferWhere(WhereOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getX());
  if (element != shapes.element(op.getY()))
    return shapes.error() << "operands have element types " << element
                          << " and " << shapes.element(op.getY());
  if (!shapes.allRanked(op->getOperands()))
    return shapes.resultUnranked(op.getOutput(), element);
  auto dims = shapes.broadcast(op->getOperands());
  if (failed(dims))
    return failure();
  return shapes.result(op.getOutput(), element, *dims);
}

LogicalResult inferClip(ClipOp op, OpShapes &shapes) {
  for (Value bound : {op.getMin(), op.getMax()})
    if (bound && shapes.ranked(bound)) {
      auto length = shapes.length(bound);
      if (shapes.rank(bound) > 1 || (length && *length != 1))
        return shapes.error() << "bound is " << toString(shapes.dims(bound))
                              << ", expected a scalar";
    }
  return shapes.resultLike(op.getOutput(), op.getInput());
}

// PRelu's slope broadcasts to X, never the reverse.
LogicalResult inferPRelu(PReluOp op, OpShapes &shapes) {
  if (shapes.ranked(op.getX()) && shapes.ranked(op.getSlope()) &&
      failed(shapes.broadcast({op.getX(), op.getSlope()})))
    return failure();
  return shapes.resultShapedLike(op.getY(), shapes.element(op.getX()),
                                 op.getX());
}

FailureOr<Type> elementOfCode(OpShapes &shapes, int64_t code) {
  Type element = elementTypeFromOnnx(shapes.getOperation()->getContext(), code);
  if (!element)
    return shapes.error() << "unknown element type " << code;
  return element;
}

LogicalResult inferCast(CastOp op, OpShapes &shapes) {
  auto element = elementOfCode(shapes, op.getTo());
  if (failed(element))
    return failure();
  return shapes.resultShapedLike(op.getOutput(), *element, op.getInput());
}

LogicalResult inferBitCast(BitCastOp op, OpShapes &shapes) {
  auto element = elementOfCode(shapes, op.getTo());
  if (failed(element))
    return failure();
  return shapes.resultShapedLike(op.getOutput(), *element, op.getInput());
}

LogicalResult inferCastLike(CastLikeOp op, OpShapes &shapes) {
  return shapes.resultShapedLike(
      op.getOutput(), shapes.element(op.getTargetType()), op.getInput());
}

LogicalResult inferDropout(DropoutOp op, OpShapes &shapes) {
  if (failed(shapes.resultLike(op.getOutput(), op.getData())))
    return failure();
  return shapes.resultShapedLike(
      op.getMask(), IntegerType::get(op.getContext(), 1), op.getData());
}

} // namespace

void ashlar::onnx::registerElementwiseShapes(ShapeRegistry &registry) {
  registry.add<AbsOp, AcosOp, AcoshOp, AsinOp, AsinhOp, AtanOp, AtanhOp, CeilOp,
               CeluOp, CosOp, CoshOp, EluOp, ErfOp, ExpOp, FloorOp, GeluOp,
               HardSigmoidOp, HardSwishOp, LeakyReluOp, LogOp, MishOp, NegOp,
               ReciprocalOp, ReluOp, RoundOp, SeluOp, ShrinkOp, SigmoidOp,
               SignOp, SinOp, SinhOp, SoftplusOp, SoftsignOp, SqrtOp, SwishOp,
               TanOp, TanhOp, ThresholdedReluOp, NotOp, BitwiseNotOp,
               IdentityOp, MsGeluOp, MsQuickGeluOp>(inferSame);
  registry.add<IsInfOp, IsNaNOp>(inferPredicate);
  registry.add<AddOp, SubOp, MulOp, DivOp, ModOp, AndOp, OrOp, XorOp,
               BitwiseAndOp, BitwiseOrOp, BitwiseXorOp, MaxOp, MinOp, MeanOp,
               SumOp, BitShiftOp, MsBiasGeluOp>(inferBroadcast);
  registry.add<PowOp>(inferBroadcastMixed);
  registry.add<EqualOp, GreaterOp, GreaterOrEqualOp, LessOp, LessOrEqualOp>(
      inferComparison);
  registry.add<StringConcatOp>(inferBroadcast);
  registry.add<WhereOp, inferWhere>();
  registry.add<ClipOp, inferClip>();
  registry.add<PReluOp, inferPRelu>();
  registry.add<CastOp, inferCast>();
  registry.add<BitCastOp, inferBitCast>();
  registry.add<CastLikeOp, inferCastLike>();
  registry.add<DropoutOp, inferDropout>();
}
