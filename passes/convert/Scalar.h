// Arithmetic on scalar values spelled as expressions: `(x + 1) / 2` emits, or
// folds, the operations.
#ifndef ASHLAR_PASSES_CONVERT_SCALAR_H
#define ASHLAR_PASSES_CONVERT_SCALAR_H

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Value.h"

#include <optional>

namespace ashlar {

/// A scalar and the builder that computes with it. The builder must outlive the
/// scalar, and operations appear where it stands when an operator is used.
/// Integers count as signed unless `isUnsigned`; i1 is a truth value.
class Scalar {
public:
  Scalar() = default;
  Scalar(mlir::ImplicitLocOpBuilder &builder, mlir::Value value,
         bool isUnsigned = false)
      : builder(&builder), held(value), unsignedInteger(isUnsigned) {}

  mlir::Value value() const { return held; }
  operator mlir::Value() const { return held; }
  mlir::Type type() const { return held.getType(); }
  explicit operator bool() const { return static_cast<bool>(held); }
  bool isFloat() const { return mlir::isa<mlir::FloatType>(type()); }
  bool isComplex() const { return mlir::isa<mlir::ComplexType>(type()); }
  bool isUnsigned() const { return unsignedInteger; }
  mlir::ImplicitLocOpBuilder &getBuilder() const { return *builder; }

  /// The value, when it is an integer known while compiling.
  std::optional<int64_t> constant() const;

  /// A number of this scalar's type.
  Scalar same(double number) const;
  Scalar same(int64_t number) const;

  /// Converts between index, integers and floats; floats to integers truncate,
  /// and saturate where they do not fit.
  Scalar to(mlir::Type type, bool toUnsigned = false) const;
  Scalar toIndex() const;

  Scalar operator-() const;

private:
  mlir::ImplicitLocOpBuilder *builder = nullptr;
  mlir::Value held;
  bool unsignedInteger = false;
};

Scalar operator+(Scalar a, Scalar b);
Scalar operator-(Scalar a, Scalar b);
Scalar operator*(Scalar a, Scalar b);
/// Integer division truncates.
Scalar operator/(Scalar a, Scalar b);
Scalar operator%(Scalar a, Scalar b);
Scalar operator<(Scalar a, Scalar b);
Scalar operator<=(Scalar a, Scalar b);
Scalar operator>(Scalar a, Scalar b);
Scalar operator>=(Scalar a, Scalar b);
Scalar operator==(Scalar a, Scalar b);
Scalar operator!=(Scalar a, Scalar b);
Scalar operator&(Scalar a, Scalar b);
Scalar operator|(Scalar a, Scalar b);

#define ASHLAR_SCALAR_WITH_NUMBER(op)                                          \
  inline Scalar operator op(Scalar a, int64_t b) { return a op a.same(b); }    \
  inline Scalar operator op(Scalar a, int b) {                                 \
    return a op a.same(static_cast<int64_t>(b));                               \
  }                                                                            \
  inline Scalar operator op(Scalar a, uint64_t b) {                            \
    return a op a.same(static_cast<int64_t>(b));                               \
  }                                                                            \
  inline Scalar operator op(Scalar a, double b) { return a op a.same(b); }     \
  inline Scalar operator op(int64_t a, Scalar b) { return b.same(a) op b; }    \
  inline Scalar operator op(int a, Scalar b) {                                 \
    return b.same(static_cast<int64_t>(a)) op b;                               \
  }                                                                            \
  inline Scalar operator op(double a, Scalar b) { return b.same(a) op b; }
ASHLAR_SCALAR_WITH_NUMBER(+)
ASHLAR_SCALAR_WITH_NUMBER(-)
ASHLAR_SCALAR_WITH_NUMBER(*)
ASHLAR_SCALAR_WITH_NUMBER(/)
ASHLAR_SCALAR_WITH_NUMBER(%)
ASHLAR_SCALAR_WITH_NUMBER(<)
ASHLAR_SCALAR_WITH_NUMBER(<=)
ASHLAR_SCALAR_WITH_NUMBER(>)
ASHLAR_SCALAR_WITH_NUMBER(>=)
ASHLAR_SCALAR_WITH_NUMBER(==)
ASHLAR_SCALAR_WITH_NUMBER(!=)
#undef ASHLAR_SCALAR_WITH_NUMBER

Scalar select(Scalar condition, Scalar a, Scalar b);
/// Smaller and larger of two; with floats a NaN on either side comes through.
Scalar min(Scalar a, Scalar b);
Scalar max(Scalar a, Scalar b);
Scalar clamp(Scalar x, Scalar low, Scalar high);
Scalar floorDiv(Scalar a, Scalar b);
Scalar ceilDiv(Scalar a, Scalar b);
/// Remainder with the divisor's sign.
Scalar floorMod(Scalar a, Scalar b);
Scalar isNan(Scalar x);
/// Not a member `!`, which asks whether there is a value at all.
Scalar logicalNot(Scalar x);

Scalar floor(Scalar x);
Scalar ceil(Scalar x);
Scalar trunc(Scalar x);
Scalar roundEven(Scalar x);
Scalar abs(Scalar x);
Scalar sqrt(Scalar x);
Scalar exp(Scalar x);
Scalar log(Scalar x);
Scalar sin(Scalar x);
Scalar cos(Scalar x);
Scalar tanh(Scalar x);
Scalar pow(Scalar x, Scalar y);

} // namespace ashlar

#endif
