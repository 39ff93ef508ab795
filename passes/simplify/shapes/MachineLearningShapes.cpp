// Shapes of ai.onnx.ml.
#include "dialects/onnx/OnnxOps.h"
#include "passes/simplify/ShapeRegistry.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

Type elementOfLabels(Operation *op, bool strings) {
  if (strings)
    return StringType::get(op->getContext());
  return IntegerType::get(op->getContext(), 64);
}

LogicalResult inferLabelEncoder(MlLabelEncoderOp op, OpShapes &shapes) {
  Type element;
  if (op.getValuesTensor())
    element = op.getValuesTensor()->getElementType();
  else if (op.getValuesFloats())
    element = Float32Type::get(op.getContext());
  else
    element = elementOfLabels(op, op.getValuesStrings().has_value());
  return shapes.resultShapedLike(op.getY(), element, op.getX());
}

LogicalResult inferFirst(Operation *op, OpShapes &shapes) {
  return shapes.resultShapedLike(
      op->getResult(0), shapes.element(op->getOperand(0)), op->getOperand(0));
}

LogicalResult inferToFloat(Operation *op, OpShapes &shapes) {
  return shapes.resultShapedLike(
      op->getResult(0), Float32Type::get(op->getContext()), op->getOperand(0));
}

LogicalResult inferExtractor(MlArrayFeatureExtractorOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getX());
  if (!shapes.ranked(op.getX()) || !shapes.ranked(op.getY()))
    return shapes.resultUnranked(op.getZ(), element);
  Shape dims(shapes.dims(op.getX()));
  DimExpr count = shapes.product(shapes.dims(op.getY()));
  if (dims.size() == 1)
    dims.insert(dims.begin(), 1);
  if (dims.empty())
    return shapes.error() << "'X' is a scalar";
  dims.back() = count;
  return shapes.result(op.getZ(), element, dims);
}

DimExpr rows(OpShapes &shapes, Value x) {
  if (!shapes.ranked(x))
    return shapes.unknown();
  return shapes.rank(x) < 2 ? DimExpr(1) : shapes.dims(x)[0];
}

LogicalResult inferTreeEnsemble(MlTreeEnsembleOp op, OpShapes &shapes) {
  int64_t targets = op.getNTargets() ? int64_t(*op.getNTargets()) : 1;
  return shapes.result(op.getY(), shapes.element(op.getX()),
                       {rows(shapes, op.getX()), targets});
}

LogicalResult inferLinearRegressor(MlLinearRegressorOp op, OpShapes &shapes) {
  return shapes.result(op.getY(), Float32Type::get(op.getContext()),
                       {rows(shapes, op.getX()), int64_t(op.getTargets())});
}

template <typename Op> LogicalResult inferClassifier(Op op, OpShapes &shapes) {
  int64_t classes = 0;
  if (op.getClasslabelsInts())
    classes = op.getClasslabelsInts()->size();
  else if (op.getClasslabelsStrings())
    classes = op.getClasslabelsStrings()->size();
  DimExpr count = rows(shapes, op.getX());
  Type label = elementOfLabels(op, op.getClasslabelsStrings().has_value());
  if (failed(shapes.result(op.getY(), label, {count})))
    return failure();
  return shapes.result(op.getZ(), Float32Type::get(op.getContext()),
                       {count, std::max<int64_t>(classes, 1)});
}

LogicalResult inferSVMRegressor(MlSVMRegressorOp op, OpShapes &shapes) {
  return shapes.result(op.getY(), Float32Type::get(op.getContext()),
                       {rows(shapes, op.getX()), 1});
}

LogicalResult inferOneHotEncoder(MlOneHotEncoderOp op, OpShapes &shapes) {
  Type element = Float32Type::get(op.getContext());
  int64_t categories = op.getCatsInt64s()    ? op.getCatsInt64s()->size()
                       : op.getCatsStrings() ? op.getCatsStrings()->size()
                                             : 0;
  if (!shapes.ranked(op.getX()))
    return shapes.resultUnranked(op.getY(), element);
  Shape dims(shapes.dims(op.getX()));
  dims.push_back(categories);
  return shapes.result(op.getY(), element, dims);
}

LogicalResult inferCategoryMapper(MlCategoryMapperOp op, OpShapes &shapes) {
  bool toStrings = isa<IntegerType>(shapes.element(op.getX()));
  return shapes.resultShapedLike(op.getY(), elementOfLabels(op, toStrings),
                                 op.getX());
}

LogicalResult inferFeatureVectorizer(MlFeatureVectorizerOp op,
                                     OpShapes &shapes) {
  int64_t width = 0;
  if (op.getInputdimensions())
    for (int64_t size : *op.getInputdimensions())
      width += size;
  return shapes.result(op.getY(), Float32Type::get(op.getContext()),
                       {rows(shapes, op->getOperand(0)), width});
}

} // namespace

void ashlar::onnx::registerMachineLearningShapes(ShapeRegistry &registry) {
  registry.add<MlLabelEncoderOp, inferLabelEncoder>();
  registry.add<MlBinarizerOp, MlImputerOp>(inferFirst);
  registry.add<MlScalerOp, MlNormalizerOp>(inferToFloat);
  registry.add<MlArrayFeatureExtractorOp, inferExtractor>();
  registry.add<MlTreeEnsembleOp, inferTreeEnsemble>();
  registry.add<MlLinearRegressorOp, inferLinearRegressor>();
  registry.add<MlLinearClassifierOp, inferClassifier>();
  registry.add<MlSVMClassifierOp, inferClassifier>();
  registry.add<MlSVMRegressorOp, inferSVMRegressor>();
  registry.add<MlOneHotEncoderOp, inferOneHotEncoder>();
  registry.add<MlCategoryMapperOp, inferCategoryMapper>();
  registry.add<MlFeatureVectorizerOp, inferFeatureVectorizer>();
}
