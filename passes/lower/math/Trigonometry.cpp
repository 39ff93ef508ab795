// Circular functions and their inverses.
#include "passes/lower/math/Functions.h"

using namespace mlir;

namespace ashlar::math {

static constexpr double halfPi = 1.57079632679489662, pi = 3.14159265358979324;
// What pi/2 is more than its nearest f32.
static constexpr double halfPiLow = -4.37113882867379e-8;

namespace {
// x = quadrant * pi/2 + r with |r| <= pi/4.
struct Reduced {
  Expr quadrant, r;
};
} // namespace

// Exact over the whole range of f32. 2/pi comes in pieces of 29 bits, so that
// each product with x is exact in f64, and each product loses its multiples of
// 4 without error before the sum.
static Reduced reduceByHalfPi(const Expr &x) {
  static const double pieces[] = {
      0x1.45f306dp-1,   0x1.9391054p-30, 0x1.4fe13abp-59, 0x1.d1f534dp-88,
      0x1.b81b6c5p-117, 0x1.5993c4p-148, 0x1.c820ff2p-175};
  Expr wide = x.toDouble(), turns = wide.number(0);
  for (double piece : llvm::reverse(pieces)) {
    Expr product = wide * piece;
    // Rounding to a multiple of 4: large products are multiples already.
    Expr quarter = product * 0.25;
    Expr magic = copysign(wide.number(0x1p52), quarter);
    Expr rounded = (quarter + magic) - magic;
    Expr whole = select(abs(quarter) < 0x1p52, rounded, quarter);
    turns = turns + fma(whole, -4.0, product);
  }
  Rounded quadrant = roundToInteger(turns);
  Expr r = (turns - quadrant.number) * halfPi;
  return {quadrant.integer.toInt32(), r.toSingle()};
}

static Expr reducedSin(const Expr &r) {
  Expr z = r * r;
  Expr tail = polynomial(
      z, {-0.166666672, 0.0083333794, -0.000198530863, 2.83295208e-06});
  return fma(r * z, tail, r);
}

static Expr reducedCos(const Expr &r) {
  Expr z = r * r;
  Expr tail = polynomial(z, {0.0416666456, -0.00138873106, 2.44325529e-05});
  return fma(z * z, tail, fma(z, -0.5, 1.0));
}

// The sine of `quadrant` quarter turns and r.
static Expr sinOfQuadrant(const Expr &quadrant, const Expr &r) {
  Expr odd = (quadrant & 1) != quadrant.integer(0);
  Expr value = select(odd, reducedCos(r), reducedSin(r));
  Expr sign = (quadrant & 2).shiftLeft(30);
  return (value.bits() ^ sign).fromBits();
}

Expr makeSin(const Expr &x) {
  Reduced reduced = reduceByHalfPi(x);
  // Keeps the sign of zero.
  return select(x == 0, x, sinOfQuadrant(reduced.quadrant, reduced.r));
}

Expr makeCos(const Expr &x) {
  Reduced reduced = reduceByHalfPi(x);
  return sinOfQuadrant(reduced.quadrant + reduced.quadrant.integer(1),
                       reduced.r);
}

Expr makeTan(const Expr &x) {
  Reduced reduced = reduceByHalfPi(x);
  Expr odd = (reduced.quadrant & 1) != reduced.quadrant.integer(0);
  Expr sine = reducedSin(reduced.r), cosine = reducedCos(reduced.r);
  Expr result = select(odd, -cosine, sine) / select(odd, sine, cosine);
  return select(x == 0, x, result);
}

// (asin(s) - s) / s for z = s^2 <= 1/4
static Expr asinTail(const Expr &z) {
  return z * polynomial(z, {0.166666597, 0.0750052109, 0.0445135869,
                            0.0318369977, 0.0143234357, 0.0376842953});
}

// asin(s) of |x|: above one half s is the sine of half the complement.
namespace {
struct Arcsine {
  Expr isLarge, angle;
};
} // namespace

static Arcsine arcsine(const Expr &a) {
  Expr large = a > 0.5;
  Expr z = select(large, (1.0 - a) * 0.5, a * a);
  Expr s = select(large, sqrt(z), a);
  return {large, fma(s, asinTail(z), s)};
}

Expr makeAsin(const Expr &x) {
  Arcsine half = arcsine(abs(x));
  Expr result = select(half.isLarge, fma(half.angle, -2.0, halfPi) + halfPiLow,
                       half.angle);
  return copysign(result, x);
}

Expr makeAcos(const Expr &x) {
  Arcsine half = arcsine(abs(x));
  Expr twice = half.angle + half.angle;
  Expr large = select(x < 0, pi - twice, twice);
  return select(half.isLarge, large, halfPi - copysign(half.angle, x));
}

// atan(t) for |t| <= 1
static Expr reducedAtan(const Expr &t) {
  Expr z = t * t;
  Expr tail = polynomial(z, {-0.333332986, 0.19998534, -0.142641023,
                             0.109515063, -0.0840158165, 0.0579272285,
                             -0.0311489366, 0.0108996965, -0.00179040583});
  return fma(t * z, tail, t);
}

Expr makeAtan(const Expr &x) {
  Expr a = abs(x), steep = a > 1;
  Expr angle =
      reducedAtan(select(steep, x.number(-1), a) / select(steep, a, 1.0));
  return copysign(select(steep, (angle + halfPiLow) + halfPi, angle), x);
}

Expr makeAtan2(const Expr &y, const Expr &x) {
  Expr a = abs(x), b = abs(y), steep = b > a;
  Expr small = select(steep, a, b), large = select(steep, b, a);
  // 0 / 0 counts as 0 and inf / inf as 1.
  Expr quotient =
      select(small == large, select(large == 0, large, 1.0), small / large);
  Expr angle = reducedAtan(quotient);
  angle = select(steep, halfPi - angle, angle);
  Expr negative = x.bits() < x.bits().integer(0);
  angle = copysign(select(negative, pi - angle, angle), y);
  Expr sum = x + y;
  return select((x != x) | (y != y), sum, angle);
}

} // namespace ashlar::math
