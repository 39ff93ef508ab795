// Shapes of the operators of com.microsoft that are another operator with
// something fused.
#include "dialects/onnx/OnnxOps.h"
#include "passes/simplify/ContractionDims.h"
#include "passes/simplify/ShapeRegistry.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

LogicalResult inferFusedGemm(MsFusedGemmOp op, OpShapes &shapes) {
  return inferGemmOf(shapes, op.getA(), op.getB(), op.getC(), op.getTransA(),
                     op.getTransB(), op.getY(), shapes.element(op.getA()));
}

// The last two dims swapped; with a batch transposition the first dim moves
// before the last.
Shape transposed(ArrayRef<DimExpr> dims, bool matrix, bool batch) {
  Shape result(dims);
  if (batch && result.size() > 2)
    std::rotate(result.begin(), result.begin() + 1, result.end() - 1);
  if (matrix && result.size() > 1)
    std::swap(result.back(), result[result.size() - 2]);
  return result;
}

LogicalResult inferFusedMatMul(MsFusedMatMulOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getA());
  if (!shapes.ranked(op.getA()) || !shapes.ranked(op.getB()))
    return shapes.resultUnranked(op.getY(), element);
  auto dims = matMulShape(
      shapes,
      transposed(shapes.dims(op.getA()), op.getTransA(), op.getTransBatchA()),
      transposed(shapes.dims(op.getB()), op.getTransB(), op.getTransBatchB()));
  if (failed(dims))
    return failure();
  return shapes.result(op.getY(), element, *dims);
}

LogicalResult inferFastGelu(MsFastGeluOp op, OpShapes &shapes) {
  return shapes.resultShapedLike(op.getY(), shapes.element(op.getX()),
                                 op.getX());
}

} // namespace

void ashlar::onnx::registerContributedShapes(ShapeRegistry &registry) {
  registry.add<MsFusedGemmOp, inferFusedGemm>();
  registry.add<MsFusedMatMulOp, inferFusedMatMul>();
  registry.add<MsFastGeluOp, inferFastGelu>();
}
