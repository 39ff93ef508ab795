#include "passes/convert/Scalar.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Complex/IR/Complex.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace ashlar {

std::optional<int64_t> Scalar::constant() const {
  APInt number;
  if (!held || isFloat() || !matchPattern(held, m_ConstantInt(&number)))
    return std::nullopt;
  if (unsignedInteger || number.getBitWidth() == 1)
    return static_cast<int64_t>(number.getZExtValue());
  return number.getSExtValue();
}

static Scalar makeConstant(const Scalar &like, TypedAttr attribute) {
  Value value = arith::ConstantOp::create(like.getBuilder(), attribute);
  return Scalar(like.getBuilder(), value, like.isUnsigned());
}

Scalar Scalar::same(int64_t number) const {
  if (auto complexType = dyn_cast<ComplexType>(type()))
    return same(static_cast<double>(number));
  if (auto floatType = dyn_cast<FloatType>(type()))
    return makeConstant(
        *this, builder->getFloatAttr(floatType, static_cast<double>(number)));
  return makeConstant(*this, builder->getIntegerAttr(type(), number));
}

Scalar Scalar::same(double number) const {
  if (auto complexType = dyn_cast<ComplexType>(type())) {
    Type part = complexType.getElementType();
    auto attribute = builder->getArrayAttr({builder->getFloatAttr(part, number),
                                            builder->getFloatAttr(part, 0.0)});
    return Scalar(*builder,
                  complex::ConstantOp::create(*builder, type(), attribute));
  }
  if (auto floatType = dyn_cast<FloatType>(type()))
    return makeConstant(*this, builder->getFloatAttr(floatType, number));
  return same(static_cast<int64_t>(number));
}

namespace {

template <typename Op, typename... Args>
Scalar fold(Scalar like, Args &&...args) {
  ImplicitLocOpBuilder &b = like.getBuilder();
  return Scalar(b, b.createOrFold<Op>(std::forward<Args>(args)...),
                like.isUnsigned());
}

template <typename Op> Scalar foldCast(Scalar x, Type type, bool isUnsigned) {
  ImplicitLocOpBuilder &b = x.getBuilder();
  return Scalar(b, b.createOrFold<Op>(type, x.value()), isUnsigned);
}

unsigned widthOf(Type type) {
  return isa<IndexType>(type) ? 64 : type.getIntOrFloatBitWidth();
}

Scalar integerToInteger(Scalar x, Type type, bool toUnsigned) {
  if (isa<IndexType>(type) || isa<IndexType>(x.type())) {
    if (x.isUnsigned() || x.type().isInteger(1))
      return foldCast<arith::IndexCastUIOp>(x, type, toUnsigned);
    return foldCast<arith::IndexCastOp>(x, type, toUnsigned);
  }
  if (widthOf(type) < widthOf(x.type()))
    return foldCast<arith::TruncIOp>(x, type, toUnsigned);
  if (x.isUnsigned() || x.type().isInteger(1))
    return foldCast<arith::ExtUIOp>(x, type, toUnsigned);
  return foldCast<arith::ExtSIOp>(x, type, toUnsigned);
}

/// fptosi is undefined outside its range: clamp first, NaN becomes the smallest
/// number.
Scalar floatToInteger(Scalar x, Type type, bool toUnsigned) {
  ImplicitLocOpBuilder &b = x.getBuilder();
  Type whole = isa<IndexType>(type) ? b.getI64Type() : type;
  if (widthOf(x.type()) < 32)
    x = x.to(b.getF32Type());
  unsigned width = widthOf(whole);
  APFloat low(cast<FloatType>(x.type()).getFloatSemantics()), high = low;
  low.convertFromAPInt(toUnsigned ? APInt::getZero(width)
                                  : APInt::getSignedMinValue(width),
                       !toUnsigned, APFloat::rmTowardZero);
  high.convertFromAPInt(toUnsigned ? APInt::getMaxValue(width)
                                   : APInt::getSignedMaxValue(width),
                        !toUnsigned, APFloat::rmTowardZero);
  Scalar lowest(b, arith::ConstantOp::create(b, b.getFloatAttr(x.type(), low)));
  Scalar highest(b,
                 arith::ConstantOp::create(b, b.getFloatAttr(x.type(), high)));
  x = fold<arith::MinNumFOp>(x, x.value(), highest.value());
  x = fold<arith::MaxNumFOp>(x, x.value(), lowest.value());
  Scalar result = toUnsigned ? foldCast<arith::FPToUIOp>(x, whole, true)
                             : foldCast<arith::FPToSIOp>(x, whole, false);
  return result.to(type, toUnsigned);
}

Scalar integerToFloat(Scalar x, Type type) {
  if (isa<IndexType>(x.type()))
    x = integerToInteger(x, x.getBuilder().getI64Type(), false);
  if (x.isUnsigned() || x.type().isInteger(1))
    return foldCast<arith::UIToFPOp>(x, type, false);
  return foldCast<arith::SIToFPOp>(x, type, false);
}

Scalar compare(Scalar a, Scalar b, arith::CmpIPredicate ofSigned,
               arith::CmpIPredicate ofUnsigned, arith::CmpFPredicate ofFloat) {
  ImplicitLocOpBuilder &builder = a.getBuilder();
  if (a.isFloat())
    return Scalar(builder, builder.createOrFold<arith::CmpFOp>(
                               ofFloat, a.value(), b.value()));
  bool isUnsigned = a.isUnsigned() || a.type().isInteger(1);
  return Scalar(builder,
                builder.createOrFold<arith::CmpIOp>(
                    isUnsigned ? ofUnsigned : ofSigned, a.value(), b.value()));
}

template <typename FloatOp, typename ComplexOp, typename IntegerOp>
Scalar arithmetic(Scalar a, Scalar b) {
  if (a.isFloat())
    return fold<FloatOp>(a, a.value(), b.value());
  if (a.isComplex())
    return fold<ComplexOp>(a, a.value(), b.value());
  return fold<IntegerOp>(a, a.value(), b.value());
}

} // namespace

Scalar Scalar::to(Type target, bool toUnsigned) const {
  if (target == type())
    return Scalar(*builder, held, toUnsigned);
  // A size that became an element of a shape tensor is that size again.
  if (auto cast = held.getDefiningOp<arith::IndexCastOp>())
    if (isa<IndexType>(target) && cast.getIn().getType() == target &&
        type().isInteger(64))
      return Scalar(*builder, cast.getIn(), toUnsigned);
  bool targetFloat = isa<FloatType>(target);
  if (isFloat() && targetFloat) {
    if (widthOf(target) == widthOf(type()))
      return to(builder->getF32Type()).to(target);
    return widthOf(target) < widthOf(type())
               ? foldCast<arith::TruncFOp>(*this, target, false)
               : foldCast<arith::ExtFOp>(*this, target, false);
  }
  if (isFloat())
    return floatToInteger(*this, target, toUnsigned);
  return targetFloat ? integerToFloat(*this, target)
                     : integerToInteger(*this, target, toUnsigned);
}

Scalar Scalar::toIndex() const { return to(builder->getIndexType()); }

Scalar Scalar::operator-() const {
  if (isFloat())
    return fold<arith::NegFOp>(*this, held);
  return same(static_cast<int64_t>(0)) - *this;
}

Scalar operator+(Scalar a, Scalar b) {
  return arithmetic<arith::AddFOp, complex::AddOp, arith::AddIOp>(a, b);
}
Scalar operator-(Scalar a, Scalar b) {
  return arithmetic<arith::SubFOp, complex::SubOp, arith::SubIOp>(a, b);
}
Scalar operator*(Scalar a, Scalar b) {
  return arithmetic<arith::MulFOp, complex::MulOp, arith::MulIOp>(a, b);
}

Scalar operator/(Scalar a, Scalar b) {
  if (a.isUnsigned())
    return fold<arith::DivUIOp>(a, a.value(), b.value());
  return arithmetic<arith::DivFOp, complex::DivOp, arith::DivSIOp>(a, b);
}

Scalar operator%(Scalar a, Scalar b) {
  if (a.isFloat())
    return fold<arith::RemFOp>(a, a.value(), b.value());
  if (a.isUnsigned())
    return fold<arith::RemUIOp>(a, a.value(), b.value());
  return fold<arith::RemSIOp>(a, a.value(), b.value());
}

Scalar operator<(Scalar a, Scalar b) {
  return compare(a, b, arith::CmpIPredicate::slt, arith::CmpIPredicate::ult,
                 arith::CmpFPredicate::OLT);
}
Scalar operator<=(Scalar a, Scalar b) {
  return compare(a, b, arith::CmpIPredicate::sle, arith::CmpIPredicate::ule,
                 arith::CmpFPredicate::OLE);
}
Scalar operator>(Scalar a, Scalar b) { return b < a; }
Scalar operator>=(Scalar a, Scalar b) { return b <= a; }
Scalar operator==(Scalar a, Scalar b) {
  return compare(a, b, arith::CmpIPredicate::eq, arith::CmpIPredicate::eq,
                 arith::CmpFPredicate::OEQ);
}
Scalar operator!=(Scalar a, Scalar b) {
  return compare(a, b, arith::CmpIPredicate::ne, arith::CmpIPredicate::ne,
                 arith::CmpFPredicate::UNE);
}
Scalar operator&(Scalar a, Scalar b) {
  return fold<arith::AndIOp>(a, a.value(), b.value());
}
Scalar operator|(Scalar a, Scalar b) {
  return fold<arith::OrIOp>(a, a.value(), b.value());
}

Scalar select(Scalar condition, Scalar a, Scalar b) {
  return fold<arith::SelectOp>(a, condition.value(), a.value(), b.value());
}

Scalar min(Scalar a, Scalar b) {
  if (a.isFloat())
    return fold<arith::MinimumFOp>(a, a.value(), b.value());
  if (a.isUnsigned() || a.type().isInteger(1))
    return fold<arith::MinUIOp>(a, a.value(), b.value());
  return fold<arith::MinSIOp>(a, a.value(), b.value());
}

Scalar max(Scalar a, Scalar b) {
  if (a.isFloat())
    return fold<arith::MaximumFOp>(a, a.value(), b.value());
  if (a.isUnsigned() || a.type().isInteger(1))
    return fold<arith::MaxUIOp>(a, a.value(), b.value());
  return fold<arith::MaxSIOp>(a, a.value(), b.value());
}

Scalar clamp(Scalar x, Scalar low, Scalar high) {
  return max(min(x, high), low);
}

Scalar floorDiv(Scalar a, Scalar b) {
  return fold<arith::FloorDivSIOp>(a, a.value(), b.value());
}
Scalar ceilDiv(Scalar a, Scalar b) {
  return fold<arith::CeilDivSIOp>(a, a.value(), b.value());
}

Scalar floorMod(Scalar a, Scalar b) {
  Scalar remainder = a % b;
  return select((remainder != 0) & ((remainder < 0) != (b < 0)), remainder + b,
                remainder);
}

Scalar logicalNot(Scalar x) {
  return fold<arith::XOrIOp>(x, x.value(),
                             x.same(static_cast<int64_t>(1)).value());
}

Scalar isNan(Scalar x) {
  ImplicitLocOpBuilder &b = x.getBuilder();
  return Scalar(b, b.createOrFold<arith::CmpFOp>(arith::CmpFPredicate::UNO,
                                                 x.value(), x.value()));
}

Scalar floor(Scalar x) { return fold<math::FloorOp>(x, x.value()); }
Scalar ceil(Scalar x) { return fold<math::CeilOp>(x, x.value()); }
Scalar trunc(Scalar x) { return fold<math::TruncOp>(x, x.value()); }
Scalar roundEven(Scalar x) { return fold<math::RoundEvenOp>(x, x.value()); }

Scalar abs(Scalar x) {
  if (x.isFloat())
    return fold<math::AbsFOp>(x, x.value());
  return x.isUnsigned() ? x : fold<math::AbsIOp>(x, x.value());
}

Scalar sqrt(Scalar x) { return fold<math::SqrtOp>(x, x.value()); }
Scalar exp(Scalar x) { return fold<math::ExpOp>(x, x.value()); }
Scalar log(Scalar x) { return fold<math::LogOp>(x, x.value()); }
Scalar sin(Scalar x) { return fold<math::SinOp>(x, x.value()); }
Scalar cos(Scalar x) { return fold<math::CosOp>(x, x.value()); }
Scalar tanh(Scalar x) { return fold<math::TanhOp>(x, x.value()); }
Scalar pow(Scalar x, Scalar y) {
  return fold<math::PowFOp>(x, x.value(), y.value());
}

} // namespace ashlar
