// Elementwise operators on constants, with broadcasting. f16 and bf16 are
// computed in f32 and rounded, as at run time.
#include "dialects/onnx/OnnxOps.h"
#include "passes/simplify/evaluate/Evaluate.h"
#include "passes/simplify/evaluate/NumberTypes.h"

#include <cmath>

using namespace mlir;
using namespace ashlar::onnx;

namespace {

enum class Operator {
  Add,
  Sub,
  Mul,
  Div,
  Mod,
  FMod,
  Pow,
  Max,
  Min,
  And,
  Or,
  Xor,
  BitAnd,
  BitOr,
  BitXor,
  ShiftLeft,
  ShiftRight,
  Equal,
  Less,
  LessOrEqual,
  Greater,
  GreaterOrEqual,
};

bool isComparison(Operator which) { return which >= Operator::Equal; }

template <typename T> T power(T base, T exponent) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::pow(base, exponent);
  } else {
    // Wraps around like the multiplications it stands for.
    using Unsigned = std::make_unsigned_t<T>;
    if (exponent < 0)
      return base == 1 ? 1 : (base == T(-1) ? (exponent % 2 ? -1 : 1) : 0);
    Unsigned result = 1, square = Unsigned(base);
    for (Unsigned e = Unsigned(exponent); e; e >>= 1, square *= square)
      if (e & 1)
        result *= square;
    return T(result);
  }
}

// Division and remainder that the data makes impossible are left to the run.
template <typename T> bool divides(Operator which, T b) {
  if constexpr (std::is_integral_v<T>)
    if (which == Operator::Div || which == Operator::Mod ||
        which == Operator::FMod)
      return b != 0 && b != T(-1);
  return true;
}

template <typename T> T compute(Operator which, T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    using Unsigned = std::make_unsigned_t<T>;
    switch (which) {
    case Operator::Add:
      return T(Unsigned(a) + Unsigned(b));
    case Operator::Sub:
      return T(Unsigned(a) - Unsigned(b));
    case Operator::Mul:
      return T(uint64_t(Unsigned(a)) * uint64_t(Unsigned(b)));
    case Operator::Div:
      return a / b;
    case Operator::FMod:
      return a % b;
    case Operator::Mod: {
      T remainder = a % b;
      return remainder != 0 && (remainder < 0) != (b < 0) ? T(remainder + b)
                                                          : remainder;
    }
    case Operator::And:
    case Operator::BitAnd:
      return a & b;
    case Operator::Or:
    case Operator::BitOr:
      return a | b;
    case Operator::Xor:
    case Operator::BitXor:
      return a ^ b;
    case Operator::ShiftLeft:
      return uint64_t(b) >= 8 * sizeof(T) ? T(0) : T(Unsigned(a) << b);
    case Operator::ShiftRight:
      return uint64_t(b) >= 8 * sizeof(T) ? T(0) : T(Unsigned(a) >> b);
    default:
      break;
    }
  } else {
    switch (which) {
    case Operator::Add:
      return a + b;
    case Operator::Sub:
      return a - b;
    case Operator::Mul:
      return a * b;
    case Operator::Div:
      return a / b;
    case Operator::Mod:
    case Operator::FMod:
      return std::fmod(a, b);
    default:
      break;
    }
  }
  switch (which) {
  case Operator::Pow:
    return power(a, b);
  case Operator::Max:
    return a != a || a > b ? a : b;
  case Operator::Min:
    return a != a || a < b ? a : b;
  default:
    return a;
  }
}

template <typename T> bool compare(Operator which, T a, T b) {
  switch (which) {
  case Operator::Equal:
    return a == b;
  case Operator::Less:
    return a < b;
  case Operator::LessOrEqual:
    return a <= b;
  case Operator::Greater:
    return a > b;
  default:
    return a >= b;
  }
}

ElementsAttr combine(Operator which, ElementsAttr left, ElementsAttr right,
                     RankedTensorType type) {
  if (!left || !right || left.getElementType() != right.getElementType())
    return {};
  auto a = ConstantTensor::read(left), b = ConstantTensor::read(right);
  if (!a || !b)
    return {};
  ElementsAttr result;
  withNumberType(a->getElementType(), [&](auto number) {
    using Number = decltype(number);
    using Compute = typename Number::Compute;
    const auto *x = a->data<typename Number::Stored>();
    const auto *y = b->data<typename Number::Stored>();
    ConstantBuilder builder(type);
    BroadcastIndices indices(type.getShape(), {a->getShape(), b->getShape()});
    bool fine = true;
    indices.forEach([&](int64_t at, ArrayRef<int64_t> from) {
      Compute p = Number::load(x[from[0]]), q = Number::load(y[from[1]]);
      if (isComparison(which))
        builder.data<uint8_t>()[at] = compare(which, p, q);
      else if (divides(which, q))
        builder.data<typename Number::Stored>()[at] =
            Number::store(compute(which, p, q));
      else
        fine = false;
    });
    if (fine)
      result = std::move(builder).finish();
  });
  return result;
}

template <Operator which> bool evaluateBinary(Evaluation &evaluation) {
  evaluation.results[0] =
      combine(which, evaluation.operands[0], evaluation.operands[1],
              evaluation.resultTypes[0]);
  return evaluation.results[0] != nullptr;
}

bool evaluateMod(Evaluation &evaluation) {
  bool fmod = cast<ModOp>(evaluation.op).getFmod();
  return fmod ? evaluateBinary<Operator::FMod>(evaluation)
              : evaluateBinary<Operator::Mod>(evaluation);
}

bool evaluateShift(Evaluation &evaluation) {
  bool left = cast<BitShiftOp>(evaluation.op).getDirection() == "LEFT";
  return left ? evaluateBinary<Operator::ShiftLeft>(evaluation)
              : evaluateBinary<Operator::ShiftRight>(evaluation);
}

template <Operator which> bool evaluateVariadic(Evaluation &evaluation) {
  ElementsAttr sum = evaluation.operands[0];
  for (ElementsAttr next : evaluation.operands.drop_front()) {
    if (!sum || !next)
      return false;
    SmallVector<int64_t> shape;
    if (!OpTrait::util::getBroadcastedShape(
            cast<ShapedType>(sum.getType()).getShape(),
            cast<ShapedType>(next.getType()).getShape(), shape))
      return false;
    sum = combine(which, sum, next,
                  RankedTensorType::get(shape, sum.getElementType()));
  }
  evaluation.results[0] = sum;
  return sum != nullptr;
}

bool evaluateWhere(Evaluation &evaluation) {
  auto condition = ConstantTensor::read(evaluation.operands[0]);
  auto x = ConstantTensor::read(evaluation.operands[1]);
  auto y = ConstantTensor::read(evaluation.operands[2]);
  if (!condition || !x || !y)
    return false;
  unsigned width = x->elementBytes();
  ConstantBuilder builder(evaluation.resultTypes[0]);
  BroadcastIndices indices(
      evaluation.resultTypes[0].getShape(),
      {condition->getShape(), x->getShape(), y->getShape()});
  indices.forEach([&](int64_t at, ArrayRef<int64_t> from) {
    const char *source = condition->bytes()[from[0]]
                             ? x->bytes().data() + from[1] * width
                             : y->bytes().data() + from[2] * width;
    std::memcpy(builder.bytes() + at * width, source, width);
  });
  evaluation.results[0] = std::move(builder).finish();
  return true;
}

//===----------------------------------------------------------------------===//
// Unary
//===----------------------------------------------------------------------===//

template <typename Function>
bool mapNumbers(Evaluation &evaluation, Function function) {
  auto x = ConstantTensor::read(evaluation.operands[0]);
  if (!x)
    return false;
  return withNumberType(x->getElementType(), [&](auto number) {
    using Number = decltype(number);
    using Stored = typename Number::Stored;
    ConstantBuilder builder(evaluation.resultTypes[0]);
    for (int64_t i = 0; i < x->size(); ++i)
      builder.data<Stored>()[i] =
          Number::store(function(Number::load(x->data<Stored>()[i])));
    evaluation.results[0] = std::move(builder).finish();
  });
}

// Functions of floats, computed in double and rounded once.
template <double (*function)(double)>
bool evaluateFloat(Evaluation &evaluation) {
  if (!isa<FloatType>(evaluation.resultTypes[0].getElementType()))
    return false;
  return mapNumbers(evaluation,
                    [](auto x) { return decltype(x)(function(double(x))); });
}

double reciprocal(double x) { return 1.0 / x; }
double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
double roundEven(double x) { return std::nearbyint(x); }

bool evaluateNeg(Evaluation &evaluation) {
  return mapNumbers(evaluation, [](auto x) -> decltype(x) {
    if constexpr (std::is_integral_v<decltype(x)>)
      return decltype(x)(0 - uint64_t(x));
    else
      return -x;
  });
}

bool evaluateAbs(Evaluation &evaluation) {
  return mapNumbers(evaluation, [](auto x) -> decltype(x) {
    if constexpr (std::is_integral_v<decltype(x)>)
      return x < 0 ? decltype(x)(0 - uint64_t(x)) : x;
    else
      return std::fabs(x);
  });
}

bool evaluateSign(Evaluation &evaluation) {
  return mapNumbers(evaluation, [](auto x) -> decltype(x) {
    return x > 0 ? decltype(x)(1) : (x < 0 ? decltype(x)(-1) : x);
  });
}

bool evaluateRelu(Evaluation &evaluation) {
  return mapNumbers(evaluation, [](auto x) -> decltype(x) {
    return x < 0 ? decltype(x)(0) : x;
  });
}

bool evaluateNot(Evaluation &evaluation) {
  auto x = integersOf(evaluation.operands[0]);
  if (!x)
    return false;
  for (int64_t &value : *x)
    value = !value;
  evaluation.results[0] = constantOfIntegers(evaluation.resultTypes[0], *x);
  return true;
}

} // namespace

void ashlar::onnx::registerArithmeticEvaluation(EvaluatorRegistry &registry) {
  registry.add<AddOp>(evaluateBinary<Operator::Add>);
  registry.add<SubOp>(evaluateBinary<Operator::Sub>);
  registry.add<MulOp>(evaluateBinary<Operator::Mul>);
  registry.add<DivOp>(evaluateBinary<Operator::Div>);
  registry.add<PowOp>(evaluateBinary<Operator::Pow>);
  registry.add<ModOp>(evaluateMod);
  registry.add<AndOp>(evaluateBinary<Operator::And>);
  registry.add<OrOp>(evaluateBinary<Operator::Or>);
  registry.add<XorOp>(evaluateBinary<Operator::Xor>);
  registry.add<BitwiseAndOp>(evaluateBinary<Operator::BitAnd>);
  registry.add<BitwiseOrOp>(evaluateBinary<Operator::BitOr>);
  registry.add<BitwiseXorOp>(evaluateBinary<Operator::BitXor>);
  registry.add<BitShiftOp>(evaluateShift);
  registry.add<EqualOp>(evaluateBinary<Operator::Equal>);
  registry.add<LessOp>(evaluateBinary<Operator::Less>);
  registry.add<LessOrEqualOp>(evaluateBinary<Operator::LessOrEqual>);
  registry.add<GreaterOp>(evaluateBinary<Operator::Greater>);
  registry.add<GreaterOrEqualOp>(evaluateBinary<Operator::GreaterOrEqual>);
  registry.add<MaxOp>(evaluateVariadic<Operator::Max>);
  registry.add<MinOp>(evaluateVariadic<Operator::Min>);
  registry.add<SumOp>(evaluateVariadic<Operator::Add>);
  registry.add<WhereOp>(evaluateWhere);
  registry.add<NegOp>(evaluateNeg);
  registry.add<AbsOp>(evaluateAbs);
  registry.add<SignOp>(evaluateSign);
  registry.add<ReluOp>(evaluateRelu);
  registry.add<NotOp>(evaluateNot);
  registry.add<SqrtOp>(evaluateFloat<std::sqrt>);
  registry.add<ExpOp>(evaluateFloat<std::exp>);
  registry.add<LogOp>(evaluateFloat<std::log>);
  registry.add<SinOp>(evaluateFloat<std::sin>);
  registry.add<CosOp>(evaluateFloat<std::cos>);
  registry.add<TanhOp>(evaluateFloat<std::tanh>);
  registry.add<ErfOp>(evaluateFloat<std::erf>);
  registry.add<FloorOp>(evaluateFloat<std::floor>);
  registry.add<CeilOp>(evaluateFloat<std::ceil>);
  registry.add<RoundOp>(evaluateFloat<roundEven>);
  registry.add<ReciprocalOp>(evaluateFloat<reciprocal>);
  registry.add<SigmoidOp>(evaluateFloat<sigmoid>);
}
