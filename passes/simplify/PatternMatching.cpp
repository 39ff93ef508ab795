#include "passes/simplify/PatternMatching.h"

using namespace mlir;
using namespace ashlar::onnx;

Value ashlar::onnx::matchPlus(Value value, double number) {
  auto pair = matchEither<AddOp>(
      value, [&](Value v) { return isConstantNear(v, number); });
  return pair ? pair->second : Value();
}

namespace {

void collectFactors(Value value, bool root, Factors &factors) {
  auto product = value.getDefiningOp<MulOp>();
  auto quotient = value.getDefiningOp<DivOp>();
  bool transparent = root || value.hasOneUse();
  if (auto scalar = constantScalar(value)) {
    factors.constant *= *scalar;
  } else if (product && transparent) {
    collectFactors(product.getA(), false, factors);
    collectFactors(product.getB(), false, factors);
  } else if (quotient && transparent && constantScalar(quotient.getB())) {
    factors.constant /= *constantScalar(quotient.getB());
    collectFactors(quotient.getA(), false, factors);
  } else {
    factors.values.push_back(value);
  }
}

} // namespace

Factors ashlar::onnx::factorsOf(Value value) {
  Factors factors;
  collectFactors(value, true, factors);
  return factors;
}

std::optional<double> ashlar::onnx::multipleOf(Value value, Value x) {
  if (value == x)
    return 1;
  // Not a collection: x may itself be a product.
  if (auto op = value.getDefiningOp<MulOp>()) {
    if (op.getA() == x)
      return constantScalar(op.getB());
    if (op.getB() == x)
      return constantScalar(op.getA());
  }
  if (auto op = value.getDefiningOp<DivOp>(); op && op.getA() == x)
    if (auto scalar = constantScalar(op.getB()))
      return 1 / *scalar;
  return std::nullopt;
}

Value ashlar::onnx::matchSquare(Value value) {
  if (auto op = value.getDefiningOp<MulOp>())
    return op.getA() == op.getB() ? op.getA() : Value();
  auto op = value.getDefiningOp<PowOp>();
  return op && isConstantNear(op.getY(), 2) ? op.getX() : Value();
}

Value ashlar::onnx::matchTrailingMean(Value value, int64_t &count) {
  auto op = value ? value.getDefiningOp<ReduceMeanOp>() : ReduceMeanOp();
  auto type = op ? rankedType(op.getData()) : RankedTensorType();
  auto axes = op ? constantIntegers(op.getAxes()) : std::nullopt;
  if (!type || !axes || axes->empty() || !op.getKeepdims())
    return {};
  for (int64_t &axis : *axes)
    axis += axis < 0 ? type.getRank() : 0;
  llvm::sort(*axes);
  int64_t size = axes->size();
  for (int64_t i = 0; i < size; ++i)
    if ((*axes)[i] != type.getRank() - size + i)
      return {};
  if (count != 0 && count != size)
    return {};
  count = size;
  return op.getData();
}

namespace {

// sqrt(mean + epsilon), or a power of one half.
bool matchRoot(Value value, InverseRoot &match) {
  Value sum;
  if (auto root = value.getDefiningOp<SqrtOp>())
    sum = root.getX();
  else if (auto power = value.getDefiningOp<PowOp>();
           power && isConstantNear(power.getY(), 0.5))
    sum = power.getX();
  auto pair =
      sum ? matchEither<AddOp>(
                sum, [](Value v) { return constantScalar(v).has_value(); })
          : std::nullopt;
  if (!pair)
    return false;
  match.epsilon = *constantScalar(pair->first);
  match.mean = pair->second;
  return true;
}

// 1 / sqrt(mean + epsilon).
bool matchInverse(Value value, InverseRoot &match) {
  if (auto op = value.getDefiningOp<ReciprocalOp>())
    return matchRoot(op.getX(), match);
  if (auto op = value.getDefiningOp<DivOp>();
      op && isConstantNear(op.getA(), 1))
    return matchRoot(op.getB(), match);
  auto op = value.getDefiningOp<PowOp>();
  if (!op || !isConstantNear(op.getY(), -0.5))
    return false;
  auto pair = matchEither<AddOp>(
      op.getX(), [](Value v) { return constantScalar(v).has_value(); });
  if (!pair)
    return false;
  match.epsilon = *constantScalar(pair->first);
  match.mean = pair->second;
  return true;
}

} // namespace

std::optional<InverseRoot> ashlar::onnx::matchDivisionByRoot(Value value) {
  InverseRoot match;
  if (auto op = value.getDefiningOp<DivOp>()) {
    match.numerator = op.getA();
    return matchRoot(op.getB(), match) ? std::optional(match) : std::nullopt;
  }
  auto op = value.getDefiningOp<MulOp>();
  if (!op)
    return std::nullopt;
  for (auto [x, inverse] :
       {std::pair<Value, Value>{op.getA(), op.getB()}, {op.getB(), op.getA()}})
    if (matchInverse(inverse, match)) {
      match.numerator = x;
      return match;
    }
  return std::nullopt;
}

Value ashlar::onnx::makeOnes(OpBuilder &builder, Location loc,
                             RankedTensorType type, int64_t count) {
  auto shape = type.getShape().take_back(count);
  if (llvm::any_of(shape, ShapedType::isDynamic))
    return {};
  auto ones = RankedTensorType::get(shape, type.getElementType());
  std::vector<double> values(ones.getNumElements(), 1.0);
  return makeConstant(builder, loc, constantOfDoubles(ones, values));
}

bool ashlar::onnx::scalesTrailing(Value value, RankedTensorType type,
                                  int64_t count) {
  auto own = rankedType(value);
  if (!own || own.getElementType() != type.getElementType() ||
      own.getRank() != count)
    return false;
  return own.hasStaticShape() &&
         own.getShape() == type.getShape().take_back(count);
}
