#include "passes/quantize/IntegerSums.h"

#include "passes/quantize/IntegerWeights.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

// The shape in which a list lies along an axis of a tensor.
SmallVector<int64_t> alongAxis(int64_t channels, int64_t axis, int64_t rank) {
  SmallVector<int64_t> shape(rank - axis, 1);
  shape.front() = channels;
  return shape;
}

// Sums of products are below 2^30: with what is added they stay within 32 bits.
bool leavesRoom(int64_t added) { return std::abs(added) <= (1 << 30); }

Value castToF32(OpBuilder &builder, Location loc, Value integers) {
  OperationState state(loc, CastOp::getOperationName());
  state.addOperands(integers);
  state.addTypes(withElement(integers.getType(), builder.getF32Type()));
  state.addAttribute("to", builder.getI64IntegerAttr(1)); // FLOAT
  return builder.create(state)->getResult(0);
}

// A bias of real numbers, made to lie along the channels.
Value placeBias(OpBuilder &builder, Location loc, Value bias, int64_t axis,
                int64_t rank) {
  auto type = rankedType(bias);
  if (type.getRank() != 1 || axis == rank - 1)
    return bias;
  SmallVector<int64_t> shape = alongAxis(type.getDimSize(0), axis, rank);
  if (ElementsAttr constant = constantOf(bias))
    return makeConstant(builder, loc, reshapeConstant(constant, shape));
  return makeReshape(builder, loc, bias,
                     RankedTensorType::get(shape, type.getElementType()));
}

} // namespace

Value IntegerSums::toReal(OpBuilder &builder, Location loc, Value bias) const {
  auto type = cast<RankedTensorType>(sums.getType());
  int64_t rank = type.getRank(), channels = type.getDimSize(axis);
  std::vector<int64_t> added = offsets;
  if (auto steps = bias ? integerBias(bias, scales, channels) : std::nullopt) {
    steps->resize(channels, 0);
    for (auto [total, offset] : llvm::zip(*steps, offsets))
      total += offset;
    if (llvm::all_of(*steps, leavesRoom)) {
      added = std::move(*steps);
      bias = {};
    }
  }
  Value counted = sums;
  if (llvm::any_of(added, [](int64_t value) { return value != 0; })) {
    auto list = RankedTensorType::get(alongAxis(channels, axis, rank),
                                      builder.getI32Type());
    counted = AddOp::create(
        builder, loc, type, sums,
        makeConstant(builder, loc, constantOfIntegers(list, added)));
  }
  Value real = castToF32(builder, loc, counted);
  real = MulOp::create(builder, loc, real.getType(), real,
                       makeFactors(builder, loc, scales, axis, rank));
  if (bias)
    real = AddOp::create(builder, loc, real.getType(), real,
                         placeBias(builder, loc, bias, axis, rank));
  return real;
}

Value ashlar::onnx::makeMatMulInteger(OpBuilder &builder, Location loc,
                                      ArrayRef<int64_t> shape, Value lhs,
                                      Value rhs, Value lhsZero, Value rhsZero) {
  return MatMulIntegerOp::create(
      builder, loc, RankedTensorType::get(shape, builder.getI32Type()), lhs,
      rhs, lhsZero, rhsZero);
}

Value ashlar::onnx::makeZeroPointUnlessZero(
    OpBuilder &builder, Location loc,
    const QuantizationParameters &parameters) {
  if (parameters.zeroPoints.front() == 0)
    return {};
  return makeZeroPoint(builder, loc, parameters);
}
