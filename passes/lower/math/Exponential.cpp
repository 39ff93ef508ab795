// Exponentials, hyperbolic functions, the error function.
#include "passes/lower/math/Functions.h"

using namespace mlir;

namespace ashlar::math {

// (exp(r) - 1 - r) / r^2 for |r| <= ln(2) / 2, relative error of exp below
// 2^-28.
static Expr exponentialTail(const Expr &r) {
  return polynomial(
      r, {0.49999994, 0.166665211, 0.0416682772, 0.00836868677, 0.00138198235});
}

// x = n ln(2) + r. ln(2) comes in two parts of which the first has few enough
// bits for exact products.
namespace {
struct Reduced {
  Rounded n;
  Expr r;
};
} // namespace

static Reduced reduceByLn2(const Expr &x) {
  Rounded n = roundToInteger(x, 1.44269504088896341);
  Expr r = fma(n.number, -0x1.62e400p-1, x);
  return {n, fma(n.number, -0x1.7f7d1cp-20, r)};
}

// e^r - 1
static Expr reducedExpm1(const Expr &r) {
  return fma(r * r, exponentialTail(r), r);
}

// p * 2^(n + shift) in one instruction where there is one, else in two steps,
// since the power alone may lie outside the range of normal numbers. Either way
// it is rounded once.
static Expr scale(const Expr &p, const Rounded &n, int64_t shift = 0) {
  if (hasScaleByPower(p))
    return scaleByPower(p, shift ? n.number + double(shift) : n.number);
  Expr exponent = shift ? n.integer + n.integer.integer(shift) : n.integer;
  Expr half = exponent.shiftRight(1);
  return p * powerOfTwo(half) * powerOfTwo(exponent - half);
}

// e^x * 2^shift
static Expr scaledExp(const Expr &x, int64_t shift) {
  Reduced reduced = reduceByLn2(clamp(x, -105, 90));
  return scale(reducedExpm1(reduced.r) + 1, reduced.n, shift);
}

Expr makeExp(const Expr &x) { return scaledExp(x, 0); }

Expr makeExpOfNegative(const Expr &x) {
  Reduced reduced = reduceByLn2(x);
  return (reducedExpm1(reduced.r) + 1) * powerOfTwo(reduced.n.integer);
}

Expr makeExpOfNonPositive(const Expr &x) {
  return select(x < -87.25, 0, makeExpOfNegative(x));
}

Expr makeExp2(const Expr &x) {
  Expr bounded = clamp(x, -151, 129);
  Rounded n = roundToInteger(bounded);
  Expr r = (bounded - n.number) * 0.693147180559945309;
  return scale(reducedExpm1(r) + 1, n);
}

Expr makeExpm1(const Expr &x) {
  Reduced reduced = reduceByLn2(clamp(x, -18, 89));
  Expr small = reducedExpm1(reduced.r);
  // Half the result is always in range: 2^(n-1) (e^r - 1) + 2^(n-1) - 1/2.
  Expr power = powerOfTwo(reduced.n.integer - reduced.n.integer.integer(1));
  Expr half = fma(power, small, power - 0.5);
  Expr result = select(reduced.n.number == 0, small, half + half);
  // Keeps the sign of zero.
  return select(x == 0, x, result);
}

Expr makeSinh(const Expr &x) {
  Expr a = abs(x);
  Expr half = scaledExp(a, -1), difference = makeExpm1(a);
  Expr large = half - 0.25 / half;
  Expr small = (difference + difference / (difference + 1)) * 0.5;
  return copysign(select(a < 1, small, large), x);
}

Expr makeCosh(const Expr &x) {
  Expr half = scaledExp(abs(x), -1);
  return half + 0.25 / half;
}

Expr makeTanh(const Expr &x) {
  Expr a = clamp(abs(x), 0, 10);
  Expr t = makeExpm1(a + a);
  return copysign(t / (t + 2), x);
}

// -log(erfc(a)) for a in [1, 4]
static Expr logOfComplement(const Expr &a) {
  return polynomial(a, {-0.000188040227, 1.12957847, 0.633219719, 0.108418837,
                        -0.0252084546, 0.00420464203, -0.000441352546,
                        2.16881035e-05});
}

Expr makeErf(const Expr &x) {
  Expr a = abs(x), bounded = clamp(a, 0, 4);
  Expr tail =
      polynomial(x * x, {0.128379166, -0.37612626, 0.112835787, -0.0268533472,
                         0.0051871622, -0.00079978531, 7.80690316e-05});
  Expr small = fma(x, tail, x);
  Expr large = copysign(1.0 - makeExpOfNegative(-logOfComplement(bounded)), x);
  // A NaN takes the way of the small ones.
  return select(a > 1, large, small);
}

} // namespace ashlar::math
