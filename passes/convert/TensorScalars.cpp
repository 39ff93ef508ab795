//===- TensorScalars.cpp - Scalars of TensorBuilder -----------------------===//

#include "passes/convert/TensorBuilder.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace ashlar {

Type elementType(Type type) { return getElementTypeOrSelf(type); }
Type elementType(Value value) { return getElementTypeOrSelf(value.getType()); }

bool isUnsigned(Type type) {
  auto integer = dyn_cast<IntegerType>(elementType(type));
  return integer && (integer.isUnsigned() || integer.getWidth() == 1);
}

Type computeType(Type type) {
  auto real = dyn_cast<FloatType>(type);
  return real && real.getWidth() < 32 ? Float32Type::get(type.getContext())
                                      : type;
}

Value TensorBuilder::scalar(Type type, double value) {
  if (auto real = dyn_cast<FloatType>(type)) {
    llvm::APFloat number(value);
    bool inexact;
    number.convert(real.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven,
                   &inexact);
    return create<arith::ConstantOp>(FloatAttr::get(type, number));
  }
  return integer(type, static_cast<int64_t>(value));
}

Value TensorBuilder::integer(Type type, int64_t value) {
  if (isa<FloatType>(type))
    return scalar(type, static_cast<double>(value));
  if (type.isIndex())
    return create<arith::ConstantOp>(getIndexAttr(value));
  llvm::APInt bits(64, static_cast<uint64_t>(value));
  return create<arith::ConstantOp>(
      IntegerAttr::get(type, bits.sextOrTrunc(type.getIntOrFloatBitWidth())));
}

Value TensorBuilder::index(int64_t value) {
  return integer(getIndexType(), value);
}
Value TensorBuilder::boolean(bool value) { return integer(getI1Type(), value); }
Value TensorBuilder::zero(Type type) {
  return create<arith::ConstantOp>(cast<TypedAttr>(getZeroAttr(type)));
}

Value TensorBuilder::lowest(Type type, bool isUnsigned) {
  if (auto real = dyn_cast<FloatType>(type))
    return create<arith::ConstantOp>(FloatAttr::get(
        type, APFloat::getInf(real.getFloatSemantics(), /*Negative=*/true)));
  unsigned width = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  APInt bits =
      isUnsigned ? APInt::getMinValue(width) : APInt::getSignedMinValue(width);
  return create<arith::ConstantOp>(IntegerAttr::get(type, bits));
}

Value TensorBuilder::highest(Type type, bool isUnsigned) {
  if (auto real = dyn_cast<FloatType>(type))
    return create<arith::ConstantOp>(
        FloatAttr::get(type, APFloat::getInf(real.getFloatSemantics())));
  unsigned width = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  APInt bits =
      isUnsigned ? APInt::getMaxValue(width) : APInt::getSignedMaxValue(width);
  return create<arith::ConstantOp>(IntegerAttr::get(type, bits));
}

// The size of a tensor's axis, or a product of such sizes.
static bool isSize(Value index) {
  Operation *op = index.getDefiningOp();
  if (op && isa<arith::MulIOp>(op))
    return llvm::all_of(op->getOperands(), isSize);
  return op && isa<tensor::DimOp, arith::ConstantOp>(op);
}

Value TensorBuilder::toIndex(Value integer) {
  // A size that became an element of a shape tensor is that size again, also
  // where a graph keeps sizes in 32 bits.
  Value wide = integer;
  if (auto narrow = integer.getDefiningOp<arith::TruncIOp>())
    if (integer.getType().isInteger(32))
      wide = narrow.getIn();
  if (auto cast = wide.getDefiningOp<arith::IndexCastOp>())
    if (cast.getIn().getType().isIndex() && wide.getType().isInteger(64) &&
        (wide == integer || isSize(cast.getIn())))
      return cast.getIn();
  return integer.getType().isIndex()
             ? integer
             : createOrFold<arith::IndexCastOp>(getIndexType(), integer);
}

Value TensorBuilder::fromIndex(Value index, Type type) {
  return type.isIndex() ? index : createOrFold<arith::IndexCastOp>(type, index);
}

Value TensorBuilder::widen(Value scalar) {
  Type wide = computeType(scalar.getType());
  return wide == scalar.getType()
             ? scalar
             : create<arith::ExtFOp>(wide, scalar).getResult();
}

Value TensorBuilder::narrow(Value scalar, Type type) {
  return type == scalar.getType()
             ? scalar
             : create<arith::TruncFOp>(type, scalar).getResult();
}

static bool isFloat(Value v) { return isa<FloatType>(v.getType()); }

Value TensorBuilder::add(Value a, Value b) {
  return isFloat(a) ? createOrFold<arith::AddFOp>(a, b)
                    : createOrFold<arith::AddIOp>(a, b);
}

Value TensorBuilder::sub(Value a, Value b) {
  return isFloat(a) ? createOrFold<arith::SubFOp>(a, b)
                    : createOrFold<arith::SubIOp>(a, b);
}

Value TensorBuilder::mul(Value a, Value b) {
  return isFloat(a) ? createOrFold<arith::MulFOp>(a, b)
                    : createOrFold<arith::MulIOp>(a, b);
}

// The divisor with which an integer division is defined for every pair of
// values: 1 in place of 0 and, for signed types, of the -1 that overflows.
static Value safeDivisor(TensorBuilder &builder, Value a, Value b,
                         bool isUnsigned) {
  llvm::APInt known;
  if (matchPattern(b, m_ConstantInt(&known)) && !known.isZero() &&
      (isUnsigned || !known.isAllOnes()))
    return b;
  Value bad = builder.eq(b, builder.zero(b.getType()));
  if (!isUnsigned) {
    Value overflow =
        builder.logicalAnd(builder.eq(a, builder.lowest(a.getType(), false)),
                           builder.eq(b, builder.integer(b.getType(), -1)));
    bad = builder.logicalOr(bad, overflow);
  }
  return builder.select(bad, builder.integer(b.getType(), 1), b);
}

Value TensorBuilder::div(Value a, Value b, bool isUnsigned) {
  if (isFloat(a))
    return createOrFold<arith::DivFOp>(a, b);
  Value divisor = safeDivisor(*this, a, b, isUnsigned);
  Value quotient = isUnsigned ? createOrFold<arith::DivUIOp>(a, divisor)
                              : createOrFold<arith::DivSIOp>(a, divisor);
  if (divisor == b)
    return quotient;
  return select(eq(b, zero(b.getType())), zero(a.getType()), quotient);
}

Value TensorBuilder::rem(Value a, Value b, bool isUnsigned) {
  if (isFloat(a))
    return createOrFold<arith::RemFOp>(a, b);
  Value divisor = safeDivisor(*this, a, b, isUnsigned);
  return isUnsigned ? createOrFold<arith::RemUIOp>(a, divisor)
                    : createOrFold<arith::RemSIOp>(a, divisor);
}

Value TensorBuilder::min(Value a, Value b, bool isUnsigned) {
  if (isFloat(a))
    return createOrFold<arith::MinimumFOp>(a, b);
  return isUnsigned ? createOrFold<arith::MinUIOp>(a, b)
                    : createOrFold<arith::MinSIOp>(a, b);
}

Value TensorBuilder::max(Value a, Value b, bool isUnsigned) {
  if (isFloat(a))
    return createOrFold<arith::MaximumFOp>(a, b);
  return isUnsigned ? createOrFold<arith::MaxUIOp>(a, b)
                    : createOrFold<arith::MaxSIOp>(a, b);
}

Value TensorBuilder::neg(Value a) {
  return isFloat(a) ? createOrFold<arith::NegFOp>(a)
                    : sub(zero(a.getType()), a);
}

Value TensorBuilder::select(Value condition, Value whenTrue, Value whenFalse) {
  return createOrFold<arith::SelectOp>(condition, whenTrue, whenFalse);
}

Value TensorBuilder::logicalAnd(Value a, Value b) {
  return createOrFold<arith::AndIOp>(a, b);
}
Value TensorBuilder::logicalOr(Value a, Value b) {
  return createOrFold<arith::OrIOp>(a, b);
}
Value TensorBuilder::logicalNot(Value a) {
  return createOrFold<arith::XOrIOp>(a, boolean(true));
}

Value TensorBuilder::eq(Value a, Value b) {
  return isFloat(a)
             ? createOrFold<arith::CmpFOp>(arith::CmpFPredicate::OEQ, a, b)
             : createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq, a, b);
}

Value TensorBuilder::ne(Value a, Value b) {
  return isFloat(a)
             ? createOrFold<arith::CmpFOp>(arith::CmpFPredicate::UNE, a, b)
             : createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ne, a, b);
}

Value TensorBuilder::lt(Value a, Value b, bool isUnsigned) {
  if (isFloat(a))
    return createOrFold<arith::CmpFOp>(arith::CmpFPredicate::OLT, a, b);
  return createOrFold<arith::CmpIOp>(
      isUnsigned ? arith::CmpIPredicate::ult : arith::CmpIPredicate::slt, a, b);
}

Value TensorBuilder::le(Value a, Value b, bool isUnsigned) {
  if (isFloat(a))
    return createOrFold<arith::CmpFOp>(arith::CmpFPredicate::OLE, a, b);
  return createOrFold<arith::CmpIOp>(
      isUnsigned ? arith::CmpIPredicate::ule : arith::CmpIPredicate::sle, a, b);
}

} // namespace ashlar
