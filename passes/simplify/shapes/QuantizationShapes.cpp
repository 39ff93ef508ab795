// Shapes and element types of quantization, ai.onnx and com.microsoft.
#include "dialects/onnx/OnnxOps.h"
#include "dialects/onnx/OperatorSchema.h"
#include "passes/simplify/ContractionDims.h"
#include "passes/simplify/ShapeRegistry.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

Type unsignedByte(Operation *op) {
  return IntegerType::get(op->getContext(), 8, IntegerType::Unsigned);
}

// The scale of a whole tensor is a scalar; of an axis, a list as long as it; of
// blocks, a tensor of the same rank.
LogicalResult checkScale(OpShapes &shapes, Value input, Value scale,
                         int64_t axisAttr, int64_t block) {
  if (!shapes.ranked(input) || !shapes.ranked(scale))
    return success();
  auto x = shapes.dims(input), s = shapes.dims(scale);
  if (s.empty() || (s.size() == 1 && s[0].is(1) && block == 0))
    return success();
  auto axis = shapes.axis(axisAttr, x.size());
  if (failed(axis))
    return failure();
  if (block > 0) {
    if (s.size() != x.size())
      return shapes.error()
             << "scale is " << toString(s)
             << ", expected as many dimensions as " << toString(x);
    return success();
  }
  if (s.size() != 1)
    return shapes.error() << "scale is " << toString(s)
                          << ", expected a scalar or a list";
  if (s[0].isConstant() && x[*axis].isConstant() && s[0] != x[*axis])
    return shapes.error() << "scale has " << *s[0].constant()
                          << " entries, expected " << *x[*axis].constant();
  return success();
}

LogicalResult inferQuantize(QuantizeLinearOp op, OpShapes &shapes) {
  Type element = unsignedByte(op);
  if (op.getYZeroPoint())
    element = shapes.element(op.getYZeroPoint());
  else if (op.getOutputDtype())
    element = elementTypeFromOnnx(op.getContext(), op.getOutputDtype());
  if (!element)
    return shapes.error() << "unknown element type "
                          << int64_t(op.getOutputDtype());
  if (failed(checkScale(shapes, op.getX(), op.getYScale(), op.getAxis(),
                        op.getBlockSize())))
    return failure();
  return shapes.resultShapedLike(op.getY(), element, op.getX());
}

LogicalResult inferDequantize(DequantizeLinearOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getXScale());
  if (op.getOutputDtype())
    element = elementTypeFromOnnx(op.getContext(), op.getOutputDtype());
  if (!element)
    return shapes.error() << "unknown element type "
                          << int64_t(op.getOutputDtype());
  if (op.getXZeroPoint() &&
      shapes.element(op.getXZeroPoint()) != shapes.element(op.getX()))
    return shapes.error() << "zero point has element type "
                          << shapes.element(op.getXZeroPoint()) << ", expected "
                          << shapes.element(op.getX());
  if (failed(checkScale(shapes, op.getX(), op.getXScale(), op.getAxis(),
                        op.getBlockSize())))
    return failure();
  return shapes.resultShapedLike(op.getY(), element, op.getX());
}

LogicalResult inferMsQuantize(MsQuantizeLinearOp op, OpShapes &shapes) {
  Type element = op.getYZeroPoint() ? shapes.element(op.getYZeroPoint())
                                    : unsignedByte(op);
  return shapes.resultShapedLike(op.getY(), element, op.getX());
}

LogicalResult inferMsDequantize(MsDequantizeLinearOp op, OpShapes &shapes) {
  return shapes.resultShapedLike(op.getY(), shapes.element(op.getXScale()),
                                 op.getX());
}

LogicalResult inferDynamicQuantize(DynamicQuantizeLinearOp op,
                                   OpShapes &shapes) {
  if (failed(shapes.result(op.getYScale(), Float32Type::get(op.getContext()),
                           {})) ||
      failed(shapes.result(op.getYZeroPoint(), unsignedByte(op), {})))
    return failure();
  return shapes.resultShapedLike(op.getY(), unsignedByte(op), op.getX());
}

template <typename Op> LogicalResult inferBinary(Op op, OpShapes &shapes) {
  Type element = shapes.element(op.getA());
  if (!shapes.ranked(op.getA()) || !shapes.ranked(op.getB()))
    return shapes.resultUnranked(op->getResult(0), element);
  auto dims = shapes.broadcast({op.getA(), op.getB()});
  if (failed(dims))
    return failure();
  return shapes.result(op->getResult(0), element, *dims);
}

LogicalResult inferFirst(Operation *op, OpShapes &shapes) {
  return shapes.resultShapedLike(
      op->getResult(0), shapes.element(op->getOperand(0)), op->getOperand(0));
}

LogicalResult inferDynamicMatMul(MsDynamicQuantizeMatMulOp op,
                                 OpShapes &shapes) {
  return inferMatMulOf(shapes, op.getA(), op.getB(), op.getY(),
                       shapes.element(op.getA()));
}

LogicalResult inferMatMulToFloat(MsMatMulIntegerToFloatOp op,
                                 OpShapes &shapes) {
  return inferMatMulOf(shapes, op.getA(), op.getB(), op.getY(),
                       shapes.element(op.getAScale()));
}

LogicalResult inferMatMulNBits(MsMatMulNBitsOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getA());
  if (!shapes.ranked(op.getA()))
    return shapes.resultUnranked(op.getY(), element);
  Shape dims(shapes.dims(op.getA()));
  if (dims.empty() ||
      failed(shapes.unify(int64_t(op.getK()), dims.back(), "'K'")))
    return failure();
  dims.back() = int64_t(op.getN());
  return shapes.result(op.getY(), element, dims);
}

LogicalResult inferQGemm(MsQGemmOp op, OpShapes &shapes) {
  Type element = op.getYZeroPoint() ? shapes.element(op.getYZeroPoint())
                                    : Float32Type::get(op.getContext());
  return inferGemmOf(shapes, op.getA(), op.getB(), op.getC(), op.getTransA(),
                     op.getTransB(), op.getY(), element);
}

} // namespace

void ashlar::onnx::registerQuantizationShapes(ShapeRegistry &registry) {
  registry.add<QuantizeLinearOp, inferQuantize>();
  registry.add<DequantizeLinearOp, inferDequantize>();
  registry.add<MsQuantizeLinearOp, inferMsQuantize>();
  registry.add<MsDequantizeLinearOp, inferMsDequantize>();
  registry.add<DynamicQuantizeLinearOp, inferDynamicQuantize>();
  registry.add<MsQLinearAddOp, inferBinary>();
  registry.add<MsQLinearMulOp, inferBinary>();
  registry.add<MsQLinearSigmoidOp, MsQLinearLeakyReluOp, MsQLinearSoftmaxOp>(
      inferFirst);
  registry.add<MsDynamicQuantizeMatMulOp, inferDynamicMatMul>();
  registry.add<MsMatMulIntegerToFloatOp, inferMatMulToFloat>();
  registry.add<MsMatMulNBitsOp, inferMatMulNBits>();
  registry.add<MsQGemmOp, inferQGemm>();
}
