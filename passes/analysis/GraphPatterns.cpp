#include "passes/analysis/GraphPatterns.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include <cmath>

using namespace mlir;
using namespace ashlar::onnx;

std::optional<std::vector<int64_t>>
ashlar::onnx::constantIntegers(Value value) {
  ElementsAttr attr = constantOf(value);
  return attr ? integersOf(attr) : std::nullopt;
}

std::optional<double> ashlar::onnx::constantScalar(Value value) {
  ElementsAttr attr = constantOf(value);
  if (!attr || attr.getNumElements() != 1)
    return std::nullopt;
  auto values = doublesOf(attr);
  if (!values)
    return std::nullopt;
  return values->front();
}

bool ashlar::onnx::isConstantNear(Value value, double expected) {
  auto scalar = constantScalar(value);
  if (!scalar)
    return false;
  // Exporters round the same number in their own ways: a few units in the last
  // place.
  Type element = cast<ShapedType>(value.getType()).getElementType();
  double tolerance = element.isF16() ? 1e-3 : (element.isBF16() ? 1e-2 : 1e-6);
  return std::fabs(*scalar - expected) <= tolerance * std::fabs(expected);
}

RankedTensorType ashlar::onnx::rankedType(Value value) {
  return value ? dyn_cast<RankedTensorType>(value.getType())
               : RankedTensorType();
}

bool ashlar::onnx::hasStaticType(Value value) {
  auto type = rankedType(value);
  return type && type.hasStaticShape();
}

Value ashlar::onnx::makeConstant(OpBuilder &builder, Location loc,
                                 ElementsAttr value) {
  return ConstantOp::create(builder, loc, value.getType(), value);
}

Value ashlar::onnx::makeIntegers(OpBuilder &builder, Location loc,
                                 ArrayRef<int64_t> values) {
  auto type =
      RankedTensorType::get({int64_t(values.size())}, builder.getI64Type());
  return makeConstant(builder, loc, DenseElementsAttr::get(type, values));
}

Value ashlar::onnx::makeScalar(OpBuilder &builder, Location loc, Type element,
                               double value) {
  return makeConstant(
      builder, loc,
      constantOfDoubles(RankedTensorType::get({}, element), value));
}

Value ashlar::onnx::makeReshape(OpBuilder &builder, Location loc, Value value,
                                RankedTensorType type) {
  SmallVector<int64_t> target;
  for (int64_t size : type.getShape())
    target.push_back(ShapedType::isDynamic(size) ? -1 : size);
  auto reshape = ReshapeOp::create(builder, loc, type, value,
                                   makeIntegers(builder, loc, target));
  // A dim of 0 is meant as it stands.
  if (llvm::is_contained(target, 0))
    reshape->setAttr("allowzero", builder.getI64IntegerAttr(1));
  return reshape;
}

LogicalResult ashlar::onnx::applyRewrites(Operation *root,
                                          RewritePatternSet &&patterns) {
  GreedyRewriteConfig config;
  config.enableFolding(false).enableConstantCSE(false);
  config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
  return applyPatternsGreedily(root, std::move(patterns), config);
}
