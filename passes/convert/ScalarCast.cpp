#include "passes/convert/ScalarCast.h"

#include <cmath>

using namespace mlir;

namespace ashlar {

static bool isOrdinaryFloat(Type type) {
  return isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(type);
}

bool canCastScalar(Type from, Type to) {
  auto known = [](Type type) {
    return isa<IntegerType>(type) || isOrdinaryFloat(type) ||
           isSmallFloat(type);
  };
  return known(from) && known(to);
}

static Value castToBool(TensorBuilder &b, Value value) {
  // A NaN counts as true.
  Value wide = b.widen(value);
  return b.ne(wide, b.zero(wide.getType()));
}

static Value castInteger(TensorBuilder &b, Value value, bool fromUnsigned,
                         Type to) {
  unsigned width = value.getType().getIntOrFloatBitWidth(),
           wanted = to.getIntOrFloatBitWidth();
  if (wanted == width)
    return value;
  if (wanted < width)
    return b.createOrFold<arith::TruncIOp>(to, value);
  return fromUnsigned ? b.createOrFold<arith::ExtUIOp>(to, value)
                      : b.createOrFold<arith::ExtSIOp>(to, value);
}

static Value castFloat(TensorBuilder &b, Value value, Type to) {
  Type from = value.getType();
  if (from == to)
    return value;
  unsigned width = from.getIntOrFloatBitWidth(),
           wanted = to.getIntOrFloatBitWidth();
  if (wanted > width)
    return b.createOrFold<arith::ExtFOp>(to, value);
  if (wanted < width)
    return b.createOrFold<arith::TruncFOp>(to, value);
  // f16 and bf16.
  return b.createOrFold<arith::TruncFOp>(
      to, b.createOrFold<arith::ExtFOp>(b.getF32Type(), value));
}

static Value castIntegerToFloat(TensorBuilder &b, Value value,
                                bool fromUnsigned, Type to) {
  // Small floats take the rounded f32 value (exact for integers up to 24 bits),
  // as reference implementations do.
  Type wide = computeType(to);
  Value real = fromUnsigned ? b.createOrFold<arith::UIToFPOp>(wide, value)
                            : b.createOrFold<arith::SIToFPOp>(wide, value);
  return b.narrow(real, to);
}

// The conversion instruction is defined for values in range only: others go
// through 0 and are replaced afterwards.
static Value saturateToInteger(TensorBuilder &b, Value value, Type to,
                               bool toUnsigned) {
  Type type = value.getType();
  unsigned width = to.getIntOrFloatBitWidth();
  // Both limits are powers of two, or 0, and so exact.
  Value low = b.scalar(type, toUnsigned ? 0.0 : -std::ldexp(1.0, width - 1));
  Value high = b.scalar(type, std::ldexp(1.0, toUnsigned ? width : width - 1));
  Value fits = b.logicalAnd(b.ge(value, low), b.lt(value, high));
  Value safe = b.select(fits, value, b.zero(type));
  Value result = toUnsigned ? b.createOrFold<arith::FPToUIOp>(to, safe)
                            : b.createOrFold<arith::FPToSIOp>(to, safe);
  result = b.select(b.ge(value, high), b.highest(to, toUnsigned), result);
  return toUnsigned ? result
                    : b.select(b.lt(value, low), b.lowest(to, false), result);
}

static Value castFloatToInteger(TensorBuilder &b, Value value, Type to,
                                bool toUnsigned) {
  unsigned width = to.getIntOrFloatBitWidth();
  value = b.widen(value);
  if (width == 64 && toUnsigned) {
    // Negative values wrap like those of smaller types.
    Value negative = saturateToInteger(b, value, to, false);
    return b.select(b.lt(value, b.zero(value.getType())), negative,
                    saturateToInteger(b, value, to, true));
  }
  if (width == 32 && toUnsigned)
    return b.createOrFold<arith::TruncIOp>(
        to, saturateToInteger(b, value, b.getI64Type(), false));
  if (width >= 32)
    return saturateToInteger(b, value, to, false);
  return b.createOrFold<arith::TruncIOp>(
      to, saturateToInteger(b, value, b.getI32Type(), false));
}

Type heldType(Type type) {
  unsigned width = isLowBit(type) ? 8 : type.getIntOrFloatBitWidth();
  return isa<IntegerType>(type) || isLowBit(type)
             ? IntegerType::get(type.getContext(), width)
             : type;
}

// Keeps the low bits of a byte, extended by the sign or by zeros.
static Value wrapToWidth(TensorBuilder &b, Value byte, Type type) {
  Value count = b.integer(byte.getType(), 8 - type.getIntOrFloatBitWidth());
  Value high = b.createOrFold<arith::ShLIOp>(byte, count);
  return isUnsigned(type) ? b.createOrFold<arith::ShRUIOp>(high, count)
                          : b.createOrFold<arith::ShRSIOp>(high, count);
}

Value castScalar(TensorBuilder &b, Value value, Type from, Type to,
                 SmallFloatRounding rounding) {
  if (from == to)
    return value;
  if (isSmallFloat(from))
    return castScalar(b, decodeSmallFloat(b, value, from), b.getF32Type(), to,
                      rounding);
  if (isSmallFloat(to))
    return encodeSmallFloat(b, castScalar(b, value, from, b.getF32Type()), to,
                            rounding);
  Type target = heldType(to);
  bool fromFloat = isa<FloatType>(from), toFloat = isa<FloatType>(to);
  if (target.isInteger(1))
    return castToBool(b, value);
  if (toFloat)
    return fromFloat ? castFloat(b, value, target)
                     : castIntegerToFloat(b, value, isUnsigned(from), target);
  Value result = fromFloat
                     ? castFloatToInteger(b, value, target, isUnsigned(to))
                     : castInteger(b, value, isUnsigned(from), target);
  return isLowBit(to) ? wrapToWidth(b, result, to) : result;
}

} // namespace ashlar
