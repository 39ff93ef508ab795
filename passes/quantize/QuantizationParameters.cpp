#include "passes/quantize/QuantizationParameters.h"

#include <cmath>

using namespace mlir;
using namespace ashlar::onnx;

bool QuantizationParameters::operator==(
    const QuantizationParameters &other) const {
  return type == other.type && scales == other.scales &&
         zeroPoints == other.zeroPoints &&
         (isPerTensor() || axis == other.axis);
}

namespace {

template <typename Op>
std::optional<QuantizationParameters>
readParameters(Op op, Value integers, Value scale, Value zeroPoint,
               Type realType) {
  auto tensor = rankedType(integers);
  ElementsAttr scales = constantOf(scale);
  if (!tensor || !scales || !scales.getElementType().isF32() ||
      !realType.isF32() || op.getBlockSize() != 0 ||
      cast<ShapedType>(scales.getType()).getRank() > 1)
    return std::nullopt;
  auto integer = dyn_cast<IntegerType>(tensor.getElementType());
  if (!integer || (integer.getWidth() != 8 && integer.getWidth() != 16 &&
                   integer.getWidth() != 32))
    return std::nullopt;
  QuantizationParameters result;
  result.type = integer;
  auto values = doublesOf(scales);
  if (!values || values->empty())
    return std::nullopt;
  for (double value : *values) {
    if (!std::isnormal(float(value)) || value < 0)
      return std::nullopt;
    result.scales.push_back(float(value));
  }
  if (zeroPoint) {
    auto zeros = constantIntegers(zeroPoint);
    if (!zeros || (zeros->size() != 1 && zeros->size() != values->size()))
      return std::nullopt;
    result.zeroPoints = *zeros;
  }
  result.zeroPoints.resize(
      result.scales.size(),
      result.zeroPoints.empty() ? 0 : result.zeroPoints.front());
  int64_t axis = op.getAxis(), rank = tensor.getRank();
  result.axis = axis < 0 ? axis + rank : axis;
  if (!result.isPerTensor() && (result.axis < 0 || result.axis >= rank))
    return std::nullopt;
  return result;
}

} // namespace

std::optional<QuantizationParameters>
ashlar::onnx::parametersOf(DequantizeLinearOp op) {
  return readParameters(op, op.getX(), op.getXScale(), op.getXZeroPoint(),
                        cast<ShapedType>(op.getY().getType()).getElementType());
}

std::optional<QuantizationParameters>
ashlar::onnx::parametersOf(QuantizeLinearOp op) {
  return readParameters(op, op.getY(), op.getYScale(), op.getYZeroPoint(),
                        cast<ShapedType>(op.getX().getType()).getElementType());
}

std::optional<Dequantized> ashlar::onnx::matchDequantized(Value value) {
  auto op =
      value ? value.getDefiningOp<DequantizeLinearOp>() : DequantizeLinearOp();
  if (!op)
    return std::nullopt;
  auto parameters = parametersOf(op);
  if (!parameters)
    return std::nullopt;
  return Dequantized{op, std::move(*parameters)};
}

RankedTensorType ashlar::onnx::withElement(Type type, Type element) {
  return cast<RankedTensorType>(cast<RankedTensorType>(type).clone(element));
}

namespace {

RankedTensorType listType(const QuantizationParameters &parameters,
                          Type element) {
  SmallVector<int64_t> shape;
  if (!parameters.isPerTensor())
    shape.push_back(parameters.scales.size());
  return RankedTensorType::get(shape, element);
}

Value makeScales(OpBuilder &builder, Location loc,
                 const QuantizationParameters &parameters) {
  return makeConstant(
      builder, loc,
      DenseElementsAttr::get(listType(parameters, builder.getF32Type()),
                             ArrayRef<float>(parameters.scales)));
}

// Several zero points that are all 0 are left out.
Value makeZeroPoints(OpBuilder &builder, Location loc,
                     const QuantizationParameters &parameters) {
  return makeConstant(builder, loc,
                      constantOfIntegers(listType(parameters, parameters.type),
                                         parameters.zeroPoints));
}

} // namespace

Value ashlar::onnx::makeZeroPoint(OpBuilder &builder, Location loc,
                                  const QuantizationParameters &parameters) {
  return makeZeroPoints(builder, loc, parameters);
}

Value ashlar::onnx::makeDequantize(OpBuilder &builder, Location loc,
                                   Value integers,
                                   const QuantizationParameters &parameters) {
  OperationState state(loc, DequantizeLinearOp::getOperationName());
  state.addOperands({integers, makeScales(builder, loc, parameters),
                     makeZeroPoints(builder, loc, parameters)});
  state.addTypes(withElement(integers.getType(), builder.getF32Type()));
  state.addAttribute("axis", builder.getI64IntegerAttr(parameters.axis));
  return builder.create(state)->getResult(0);
}

Value ashlar::onnx::makeQuantize(OpBuilder &builder, Location loc, Value real,
                                 const QuantizationParameters &parameters) {
  OperationState state(loc, QuantizeLinearOp::getOperationName());
  state.addOperands({real, makeScales(builder, loc, parameters),
                     makeZeroPoints(builder, loc, parameters)});
  state.addTypes(withElement(real.getType(), parameters.type));
  state.addAttribute("axis", builder.getI64IntegerAttr(parameters.axis));
  return builder.create(state)->getResult(0);
}

Value ashlar::onnx::makeFactors(OpBuilder &builder, Location loc,
                                ArrayRef<double> values, int64_t axis,
                                int64_t rank) {
  SmallVector<int64_t> shape;
  if (values.size() > 1) {
    shape.assign(rank - axis, 1);
    shape.front() = values.size();
  }
  return makeConstant(
      builder, loc,
      constantOfDoubles(RankedTensorType::get(shape, builder.getF32Type()),
                        values));
}
