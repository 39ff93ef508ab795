// Powers and roots. Through f64: the logarithm of the base needs more bits than
// f32 has.
#include "passes/lower/math/Functions.h"

#include <limits>

using namespace mlir;

namespace ashlar::math {

static constexpr double infinity = std::numeric_limits<double>::infinity();

// log2 of a normal positive f64, absolute error below 2^-48.
static Expr wideLog2(const Expr &x) {
  Expr raw = x.bits();
  Expr power = (raw - raw.integer(0x3fe6a09e667f3bcd)).shiftRight(52);
  Expr m = (raw - power.shiftLeft(52)).fromBits();
  Expr s = (m - 1) / (m + 1);
  Expr series = polynomial(s * s, {2.8853900817779348, 0.96179669390692357,
                                   0.57707802410053266, 0.41219740718679077,
                                   0.32068176399776976, 0.25946403834198861,
                                   0.26540094009061888});
  // The exponent as a float without a conversion from i64, which AVX2 does not
  // have.
  double magic = 0x1.8p52;
  Expr exponent =
      (power + power.integer(llvm::bit_cast<int64_t>(magic))).fromBits() -
      magic;
  return fma(s, series, exponent);
}

// 2^x as f32 for x in [-1000, 1000], relative error below 2^-40 before
// rounding.
static Expr wideExp2(const Expr &x) {
  Rounded n = roundToInteger(x);
  Expr p = polynomial(
      x - n.number,
      {0.99999999999976175, 0.6931471805464936, 0.24022650698885958,
       0.055504109394268079, 0.0096181285420478355, 0.0013333451979001926,
       0.0001540385208486262, 1.5309759892703644e-05, 1.3175827398767844e-06});
  return (p * powerOfTwo(n.integer)).toSingle();
}

Expr makePow(const Expr &x, const Expr &y) {
  Expr a = abs(x);
  Expr log = wideLog2(a.toDouble());
  log = select(a == 0, -infinity, log);
  log = select(a == infinity, infinity, log);
  Expr magnitude = wideExp2(clamp(log * y.toDouble(), -300, 300));

  // Signs: of negative bases only integer powers exist, odd ones are negative.
  // From 2^24 up every float is even.
  Expr b = abs(y);
  Expr small = select(b < 0x1p24, b, 0.0);
  Expr half = small * 0.5;
  auto isWhole = [](const Expr &v) { return ((v + 0x1p23) - 0x1p23) == v; };
  // Adding 2^23 rounds below 2^23; above, every float is whole.
  Expr whole = isWhole(b) | (b > 0x1p23) | (b == 0x1p23);
  Expr oddPower = whole & !(isWhole(half) | (half > 0x1p23));
  Expr negative = x.bits() < x.bits().integer(0);
  Expr result = select(negative & oddPower, -magnitude, magnitude);
  Expr undefined = (x < 0) & !whole & (a < infinity) & (a > 0);
  result = select(undefined, x.number(std::numeric_limits<double>::quiet_NaN()),
                  result);

  // 1^y and x^0 are 1 whatever the other is; (-1)^(+-inf) too.
  Expr sum = x + y;
  result = select((x != x) | (y != y), sum, result);
  result = select((a == 1) & (b == infinity), 1.0, result);
  return select((x == 1) | (y == 0), 1.0, result);
}

Expr makeCbrt(const Expr &x) {
  Expr a = abs(x);
  Expr root = wideExp2(wideLog2(a.toDouble()) / 3.0);
  Expr ordinary = (a > 0) & (a < infinity);
  return select(ordinary, copysign(root, x), x);
}

// The quotient by the root, and what both roundings lost: a normalization
// multiplies a whole row by it.
Expr makeRsqrt(const Expr &x) {
  Expr root = sqrt(x);
  Expr inverse = 1.0 / root;
  Expr lostByRoot = fma(root, root, -x) * 0.5 * inverse;
  Expr lost = fma(lostByRoot, inverse, fma(-inverse, root, 1.0));
  Expr ordinary = (x > 0) & (x < infinity);
  return select(ordinary, fma(lost, inverse, inverse), inverse);
}

} // namespace ashlar::math
