// Logarithms and inverse hyperbolic functions.
#include "passes/lower/math/Functions.h"

#include <limits>

using namespace mlir;

namespace ashlar::math {

static constexpr double infinity = std::numeric_limits<double>::infinity();
static constexpr double notANumber = std::numeric_limits<double>::quiet_NaN();
static constexpr double ln2 = 0.693147180559945309;
// ln(2) = high + low; the products of `high` with exponents are exact.
static constexpr double ln2High = 0.693359375, ln2Low = -2.12194440054690583e-4;

namespace {
// x = m 2^exponent with m in [sqrt(1/2), sqrt(2)); log(m) = fraction + tail.
struct Parts {
  Expr exponent, fraction, tail;
};
} // namespace

// For x > 0, denormal numbers included.
static Parts split(const Expr &x) {
  Expr tiny = x < 0x1p-126;
  Expr normal = select(tiny, x * 0x1p23, x);
  Expr raw = normal.bits();
  Expr power = (raw - raw.integer(0x3f3504f3)).shiftRight(23);
  Expr exponent = power.toFloat32() + select(tiny, x.number(-23), 0.0);
  Expr f = (raw - power.shiftLeft(23)).fromBits() - 1;
  // (log(1 + f) / f - 1 + f / 2) / f^2, relative error of the logarithm below
  // 2^-30.
  Expr p = polynomial(f, {0.333333135, -0.250000089, 0.200020745, -0.166679993,
                          0.142202795, -0.124059126, 0.118838929, -0.116725259,
                          0.0675154179});
  return {exponent, f, f * f * fma(f, p, -0.5)};
}

// What a logarithm is outside the positive numbers: -inf at 0, NaN below; inf
// and NaN stay.
static Expr withSpecialValues(const Expr &x, const Expr &result) {
  Expr finite = select(x == 0, -infinity, result);
  Expr checked = select(x < 0, notANumber, finite);
  return select(x < infinity, checked, x);
}

static Expr logOfPositive(const Expr &x) {
  Parts parts = split(x);
  Expr low = parts.fraction + fma(parts.exponent, ln2Low, parts.tail);
  return fma(parts.exponent, ln2High, low);
}

Expr makeLog(const Expr &x) { return withSpecialValues(x, logOfPositive(x)); }

// log(m) * factor, the error of the sum and of the product carried along.
static Expr scaledLogOfMantissa(const Parts &parts, double factor) {
  double high = static_cast<float>(factor), low = factor - high;
  Expr sum = parts.fraction + parts.tail;
  Expr lost = parts.tail - (sum - parts.fraction);
  Expr product = sum * high;
  Expr rest = fma(sum, high, -product);
  return product + (rest + fma(lost, high, sum * low));
}

Expr makeLog2(const Expr &x) {
  Parts parts = split(x);
  return withSpecialValues(
      x, parts.exponent + scaledLogOfMantissa(parts, 1.44269504088896341));
}

Expr makeLog10(const Expr &x) {
  Parts parts = split(x);
  // log10(2) in two parts, like ln(2).
  double high = 0x1.344p-2, low = 0.301029995663981195 - high;
  Expr fraction = fma(parts.exponent, low,
                      scaledLogOfMantissa(parts, 0.434294481903251828));
  return withSpecialValues(x, fma(parts.exponent, high, fraction));
}

Expr makeLog1p(const Expr &x) {
  Expr u = x + 1;
  // What the addition lost.
  Expr lost = x - (u - 1);
  Expr sum = logOfPositive(u) + lost / u;
  Expr result = withSpecialValues(u, sum);
  return select(u == 1, x, result);
}

Expr makeAsinh(const Expr &x) {
  Expr a = abs(x), square = a * a;
  Expr small = makeLog1p(a + square / (sqrt(square + 1) + 1));
  Expr large = makeLog(a) + ln2;
  return copysign(select(a > 10000, large, small), x);
}

Expr makeAcosh(const Expr &x) {
  Expr t = x - 1;
  Expr small = makeLog1p(t + sqrt(fma(t, t, t + t)));
  Expr large = makeLog(x) + ln2;
  return select(x < 1, notANumber, select(x > 10000, large, small));
}

Expr makeAtanh(const Expr &x) {
  Expr a = abs(x);
  return copysign(makeLog1p((a + a) / (1.0 - a)) * 0.5, x);
}

} // namespace ashlar::math
