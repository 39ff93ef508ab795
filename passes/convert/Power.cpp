// Pow, whose operands may differ in type.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/Elementwise.h"
#include "passes/convert/Families.h"
#include "passes/convert/ScalarCast.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace ashlar {

namespace {

// The one value that a constant tensor holds.
std::optional<double> splatNumber(Value tensor) {
  DenseElementsAttr dense;
  if (!matchPattern(tensor, m_Constant(&dense)) || !dense.isSplat())
    return std::nullopt;
  if (isa<FloatType>(dense.getElementType()))
    return dense.getSplatValue<APFloat>().convertToDouble();
  if (auto type = dyn_cast<IntegerType>(dense.getElementType()))
    return static_cast<double>(dense.getSplatValue<APInt>().getSExtValue());
  return std::nullopt;
}

// Exponents that need no power function. Results are those of correctly rounded
// operations.
Value makeSimplePower(TensorBuilder &b, Value x, double exponent) {
  if (exponent == 1)
    return x;
  if (exponent == 2)
    return b.mul(x, x);
  if (exponent == 3)
    return b.mul(b.mul(x, x), x);
  if (exponent == 4) {
    Value square = b.mul(x, x);
    return b.mul(square, square);
  }
  if (!isa<FloatType>(x.getType()))
    return {};
  if (exponent == -1)
    return b.div(b.scalar(x.getType(), 1), x);
  if (exponent == 0.5) {
    // The power of minus zero is plus zero, of minus infinity plus infinity:
    // the root differs there.
    Value root = b.create<math::SqrtOp>(b.add(x, b.zero(x.getType())));
    return b.select(b.eq(x, b.lowest(x.getType(), false)),
                    b.highest(x.getType(), false), root);
  }
  return {};
}

// By squaring, modulo the type's range like every integer operation. Negative
// exponents: the truncated quotient.
Value makeIntegerPower(TensorBuilder &b, Value x, Value exponent) {
  Type type = x.getType();
  Value one = b.integer(type, 1), zero = b.zero(type);
  Value result = one, square = x;
  // Exponents from 2^bits up change the result only for -1, 0 and 1, which the
  // low bits decide, and for wrapped values.
  unsigned bits = std::min(32u, type.getIntOrFloatBitWidth());
  for (unsigned bit = 0; bit < bits; ++bit) {
    Value mask = b.integer(type, int64_t(1) << bit);
    Value set = b.ne(b.logicalAnd(exponent, mask), zero);
    result = b.select(set, b.mul(result, square), result);
    if (bit + 1 < bits)
      square = b.mul(square, square);
  }
  Value odd = b.ne(b.logicalAnd(exponent, one), zero);
  Value minusOne = b.integer(type, -1);
  Value ofMinusOne = b.select(odd, minusOne, one);
  Value inverse = b.select(b.eq(x, one), one,
                           b.select(b.eq(x, minusOne), ofMinusOne, zero));
  return b.select(b.lt(exponent, zero), inverse, result);
}

Lowered lowerPow(onnx::PowOp op, onnx::PowOp::Adaptor in, TensorBuilder &b) {
  Type base = elementType(op.getX().getType()),
       exponent = elementType(op.getY().getType());
  if (failed(requireNumbers(b, {base, exponent})))
    return failure();
  Type element = elementType(in.getX());
  if (auto constant = splatNumber(in.getY());
      constant &&
      cast<RankedTensorType>(in.getY().getType()).getNumElements() == 1) {
    bool done = true;
    auto sizes = b.broadcastSizes({in.getX(), in.getY()});
    Value result =
        b.mapTo(sizes, element, in.getX(), [&](TensorBuilder &b, ValueRange v) {
          Value power = makeSimplePower(b, b.widen(v[0]), *constant);
          done = static_cast<bool>(power);
          return done ? b.narrow(power, element) : v[0];
        });
    if (done)
      return result;
  }
  return b.map(
      element, in.getOperands(), [&](TensorBuilder &b, ValueRange v) -> Value {
        if (isa<IntegerType>(base) && isa<IntegerType>(exponent)) {
          Value y = castScalar(b, v[1], exponent, base);
          return makeIntegerPower(b, v[0], y);
        }
        Type compute =
            isa<FloatType>(base) ? computeType(base) : b.getF64Type();
        Value x = castScalar(b, v[0], base, compute);
        Value power =
            b.create<math::PowFOp>(x, castScalar(b, v[1], exponent, compute));
        return castScalar(b, power, compute, base);
      });
}

} // namespace

void populatePowerPatterns(const OnnxTypeConverter &converter,
                           RewritePatternSet &patterns) {
  addLowering<onnx::PowOp>(converter, patterns, lowerPow);
}

} // namespace ashlar
