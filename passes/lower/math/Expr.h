//===- Expr.h - Arithmetic on scalars and vectors, written as formulas ----===//
//
// f32 or f64 values, or vectors of them, with their integer twins. Every
// operator makes one operation; nothing is contracted or reordered, so a
// formula is the same bits on every target.
//
//===----------------------------------------------------------------------===//
#ifndef ASHLAR_PASSES_LOWER_MATH_EXPR_H
#define ASHLAR_PASSES_LOWER_MATH_EXPR_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

namespace ashlar::math {

class Expr {
public:
  Expr(mlir::ImplicitLocOpBuilder &builder, mlir::Value value)
      : builder(&builder), held(value) {}

  mlir::Value value() const { return held; }
  mlir::ImplicitLocOpBuilder &getBuilder() const { return *builder; }
  mlir::Type type() const { return held.getType(); }
  bool isInteger() const;

  /// A constant of this value's type.
  Expr number(double value) const;
  Expr integer(int64_t value) const;

  Expr operator+(const Expr &other) const;
  Expr operator-(const Expr &other) const;
  Expr operator*(const Expr &other) const;
  Expr operator/(const Expr &other) const;
  Expr operator-() const;
  Expr operator+(double other) const { return *this + constant(other); }
  Expr operator-(double other) const { return *this - constant(other); }
  Expr operator*(double other) const { return *this * constant(other); }
  Expr operator/(double other) const { return *this / constant(other); }

  /// Comparisons are false for a NaN, but for `!=`; of integers they are
  /// signed.
  Expr operator<(const Expr &other) const;
  Expr operator>(const Expr &other) const { return other < *this; }
  Expr operator==(const Expr &other) const;
  Expr operator!=(const Expr &other) const;
  Expr operator<(double other) const { return *this < constant(other); }
  Expr operator>(double other) const { return *this > constant(other); }
  Expr operator==(double other) const { return *this == constant(other); }
  Expr operator!=(double other) const { return *this != constant(other); }

  /// Of integers and of truth values.
  Expr operator&(const Expr &other) const;
  Expr operator|(const Expr &other) const;
  Expr operator^(const Expr &other) const;
  Expr operator&(int64_t mask) const { return *this & integer(mask); }
  Expr operator!() const;
  Expr shiftLeft(int64_t bits) const;
  /// Keeps the sign.
  Expr shiftRight(int64_t bits) const;

  /// The bits of a float as an integer of its width, and back.
  Expr bits() const;
  Expr fromBits() const;
  /// Between f32 and f64, i64 and i32, and from i32 to f32.
  Expr toDouble() const;
  Expr toSingle() const;
  Expr toInt32() const;
  Expr toFloat32() const;

private:
  Expr constant(double value) const {
    return isInteger() ? integer(static_cast<int64_t>(value)) : number(value);
  }
  mlir::Type withElement(mlir::Type element) const;

  mlir::ImplicitLocOpBuilder *builder;
  mlir::Value held;
};

inline Expr operator-(double a, const Expr &b) { return b.number(a) - b; }
inline Expr operator/(double a, const Expr &b) { return b.number(a) / b; }

/// a * b + c, rounded once.
Expr fma(const Expr &a, const Expr &b, const Expr &c);
inline Expr fma(const Expr &a, double b, const Expr &c) {
  return fma(a, a.number(b), c);
}
inline Expr fma(const Expr &a, const Expr &b, double c) {
  return fma(a, b, a.number(c));
}
inline Expr fma(const Expr &a, double b, double c) {
  return fma(a, a.number(b), a.number(c));
}
Expr select(const Expr &condition, const Expr &whenTrue, const Expr &whenFalse);
inline Expr select(const Expr &c, double a, const Expr &b) {
  return select(c, b.number(a), b);
}
inline Expr select(const Expr &c, const Expr &a, double b) {
  return select(c, a, a.number(b));
}
Expr abs(const Expr &x);
Expr sqrt(const Expr &x);
Expr copysign(const Expr &magnitude, const Expr &sign);
/// Within [low, high]; a NaN stays.
Expr clamp(const Expr &x, double low, double high);
/// c0 + x (c1 + x (c2 + ...)) by fused multiply-add.
Expr polynomial(const Expr &x, llvm::ArrayRef<double> coefficients);
/// The nearest integer (ties to even) as a float, and as the low bits of an
/// integer. |x| is below 2^22 in f32, 2^51 in f64; with `scale` it is that of x
/// * scale.
struct Rounded {
  Expr number, integer;
};
Rounded roundToInteger(const Expr &x, double scale = 1);
/// p * 2^n, rounded once, for an n that is a whole number: AVX-512 has it for
/// its vectors of f32.
bool hasScaleByPower(const Expr &p);
Expr scaleByPower(const Expr &p, const Expr &n);
/// 2^n for an integer within the exponent range of normal numbers.
Expr powerOfTwo(const Expr &n);

} // namespace ashlar::math

#endif // ASHLAR_PASSES_LOWER_MATH_EXPR_H
