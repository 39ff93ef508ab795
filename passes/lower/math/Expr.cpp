#include "passes/lower/math/Expr.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinTypes.h"

#include "dialects/tile/TileDialect.h"

using namespace mlir;

namespace ashlar::math {

static Type elementOf(Type type) { return getElementTypeOrSelf(type); }

bool Expr::isInteger() const { return isa<IntegerType>(elementOf(type())); }

Type Expr::withElement(Type element) const {
  if (auto vector = dyn_cast<VectorType>(type()))
    return vector.clone(element);
  return element;
}

static Expr makeConstant(const Expr &like, TypedAttr scalar) {
  TypedAttr attribute = scalar;
  if (auto vector = dyn_cast<VectorType>(like.type()))
    attribute = DenseElementsAttr::get(vector.clone(scalar.getType()),
                                       Attribute(scalar));
  return Expr(like.getBuilder(),
              like.getBuilder().create<arith::ConstantOp>(attribute));
}

Expr Expr::number(double value) const {
  return makeConstant(*this, builder->getFloatAttr(elementOf(type()), value));
}

Expr Expr::integer(int64_t value) const {
  return makeConstant(*this, builder->getIntegerAttr(elementOf(type()), value));
}

template <typename FloatOp, typename IntegerOp>
static Expr binary(const Expr &a, const Expr &b) {
  ImplicitLocOpBuilder &builder = a.getBuilder();
  if (a.isInteger())
    return Expr(builder, builder.create<IntegerOp>(a.value(), b.value()));
  return Expr(builder, builder.create<FloatOp>(a.value(), b.value()));
}

Expr Expr::operator+(const Expr &other) const {
  return binary<arith::AddFOp, arith::AddIOp>(*this, other);
}
Expr Expr::operator-(const Expr &other) const {
  return binary<arith::SubFOp, arith::SubIOp>(*this, other);
}
Expr Expr::operator*(const Expr &other) const {
  return binary<arith::MulFOp, arith::MulIOp>(*this, other);
}
Expr Expr::operator/(const Expr &other) const {
  return binary<arith::DivFOp, arith::DivSIOp>(*this, other);
}
Expr Expr::operator-() const {
  return Expr(*builder, builder->create<arith::NegFOp>(held));
}

static Expr compare(const Expr &a, const Expr &b, arith::CmpFPredicate real,
                    arith::CmpIPredicate integer) {
  ImplicitLocOpBuilder &builder = a.getBuilder();
  if (a.isInteger())
    return Expr(builder,
                builder.create<arith::CmpIOp>(integer, a.value(), b.value()));
  return Expr(builder,
              builder.create<arith::CmpFOp>(real, a.value(), b.value()));
}

Expr Expr::operator<(const Expr &other) const {
  return compare(*this, other, arith::CmpFPredicate::OLT,
                 arith::CmpIPredicate::slt);
}
Expr Expr::operator==(const Expr &other) const {
  return compare(*this, other, arith::CmpFPredicate::OEQ,
                 arith::CmpIPredicate::eq);
}
Expr Expr::operator!=(const Expr &other) const {
  return compare(*this, other, arith::CmpFPredicate::UNE,
                 arith::CmpIPredicate::ne);
}

Expr Expr::operator&(const Expr &other) const {
  return Expr(*builder, builder->create<arith::AndIOp>(held, other.held));
}
Expr Expr::operator|(const Expr &other) const {
  return Expr(*builder, builder->create<arith::OrIOp>(held, other.held));
}
Expr Expr::operator^(const Expr &other) const {
  return Expr(*builder, builder->create<arith::XOrIOp>(held, other.held));
}
Expr Expr::operator!() const { return *this ^ integer(1); }

Expr Expr::shiftLeft(int64_t bits) const {
  return Expr(*builder,
              builder->create<arith::ShLIOp>(held, integer(bits).held));
}
Expr Expr::shiftRight(int64_t bits) const {
  return Expr(*builder,
              builder->create<arith::ShRSIOp>(held, integer(bits).held));
}

Expr Expr::bits() const {
  Type element =
      builder->getIntegerType(elementOf(type()).getIntOrFloatBitWidth());
  return Expr(*builder,
              builder->create<arith::BitcastOp>(withElement(element), held));
}
Expr Expr::fromBits() const {
  Type element = elementOf(type()).isInteger(64) ? Type(builder->getF64Type())
                                                 : Type(builder->getF32Type());
  return Expr(*builder,
              builder->create<arith::BitcastOp>(withElement(element), held));
}
Expr Expr::toDouble() const {
  return Expr(*builder, builder->create<arith::ExtFOp>(
                            withElement(builder->getF64Type()), held));
}
Expr Expr::toSingle() const {
  return Expr(*builder, builder->create<arith::TruncFOp>(
                            withElement(builder->getF32Type()), held));
}
Expr Expr::toInt32() const {
  return Expr(*builder, builder->create<arith::TruncIOp>(
                            withElement(builder->getI32Type()), held));
}
Expr Expr::toFloat32() const {
  return Expr(*builder, builder->create<arith::SIToFPOp>(
                            withElement(builder->getF32Type()), held));
}

Expr fma(const Expr &a, const Expr &b, const Expr &c) {
  ImplicitLocOpBuilder &builder = a.getBuilder();
  return Expr(builder, builder.create<mlir::math::FmaOp>(a.value(), b.value(),
                                                         c.value()));
}

Expr select(const Expr &condition, const Expr &whenTrue,
            const Expr &whenFalse) {
  ImplicitLocOpBuilder &builder = condition.getBuilder();
  return Expr(builder, builder.create<arith::SelectOp>(condition.value(),
                                                       whenTrue.value(),
                                                       whenFalse.value()));
}

Expr abs(const Expr &x) {
  return Expr(x.getBuilder(),
              x.getBuilder().create<mlir::math::AbsFOp>(x.value()));
}
Expr sqrt(const Expr &x) {
  return Expr(x.getBuilder(),
              x.getBuilder().create<mlir::math::SqrtOp>(x.value()));
}

Expr copysign(const Expr &magnitude, const Expr &sign) {
  ImplicitLocOpBuilder &builder = sign.getBuilder();
  return Expr(builder, builder.create<mlir::math::CopySignOp>(magnitude.value(),
                                                              sign.value()));
}

Expr clamp(const Expr &x, double low, double high) {
  Expr above = select(x < low, low, x);
  return select(above > high, high, above);
}

Expr polynomial(const Expr &x, ArrayRef<double> coefficients) {
  Expr result = x.number(coefficients.back());
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    result = fma(result, x, coefficient);
  return result;
}

Rounded roundToInteger(const Expr &x, double scale) {
  // Adding 1.5 * 2^(mantissa bits) leaves the integer in the low bits of the
  // sum.
  bool wide = elementOf(x.type()).isF64();
  double magic = wide ? 0x1.8p52 : 0x1.8p23;
  Expr shifted = scale == 1 ? x + magic : fma(x, scale, magic);
  int64_t bias = wide ? llvm::bit_cast<int64_t>(magic)
                      : llvm::bit_cast<int32_t>(static_cast<float>(magic));
  Expr raw = shifted.bits();
  return {shifted - magic, raw - raw.integer(bias)};
}

bool hasScaleByPower(const Expr &p) {
  constexpr int64_t kLanes = 16;
  auto vector = dyn_cast<VectorType>(p.type());
  return vector && vector.getRank() == 1 && vector.getNumElements() == kLanes &&
         !vector.isScalable() && vector.getElementType().isF32() &&
         tile::getTarget(p.getBuilder().getInsertionBlock()->getParentOp())
                 .getVectorBytes() == kLanes * 4;
}

Expr scaleByPower(const Expr &p, const Expr &n) {
  ImplicitLocOpBuilder &b = p.getBuilder();
  constexpr int64_t kCurrentRounding = 4;
  Value all = arith::ConstantOp::create(b, b.getI16IntegerAttr(-1));
  Value rounding =
      arith::ConstantOp::create(b, b.getI32IntegerAttr(kCurrentRounding));
  return Expr(b, LLVM::CallIntrinsicOp::create(
                     b, p.type(),
                     b.getStringAttr("llvm.x86.avx512.mask.scalef.ps.512"),
                     ValueRange{p.value(), n.value(), p.value(), all, rounding})
                     .getResult(0));
}

Expr powerOfTwo(const Expr &n) {
  bool wide = elementOf(n.type()).isInteger(64);
  return (n + n.integer(wide ? 1023 : 127))
      .shiftLeft(wide ? 52 : 23)
      .fromBits();
}

} // namespace ashlar::math
