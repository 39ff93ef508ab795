#include "passes/convert/LowBit.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>

using namespace mlir;

namespace ashlar {

bool isSmallFloat(Type type) {
  return isa<Float8E4M3FNType, Float8E4M3FNUZType, Float8E5M2Type,
             Float8E5M2FNUZType, Float8E8M0FNUType, Float4E2M1FNType>(type);
}

bool isLowBit(Type type) {
  auto integer = dyn_cast<IntegerType>(type);
  return isSmallFloat(type) ||
         (integer && integer.getWidth() > 1 && integer.getWidth() < 8);
}

namespace {

// Sign, exponent and mantissa, from the highest bit down. Codes are without
// sign.
struct Format {
  int exponentBits, mantissaBits, bias;
  int greatest; // code of the greatest finite number
  int infinity; // code, or that of NaN where there is none
  int nan;      // code; with the sign set where `unsignedZero`
  bool hasNan, unsignedZero;

  int signBit() const { return 1 << (exponentBits + mantissaBits); }
};

Format formatOf(Type type) {
  if (isa<Float8E4M3FNType>(type))
    return {4, 3, 7, 0x7e, 0x7f, 0x7f, true, false};
  if (isa<Float8E4M3FNUZType>(type))
    return {4, 3, 8, 0x7f, 0x80, 0x80, true, true};
  if (isa<Float8E5M2Type>(type))
    return {5, 2, 15, 0x7b, 0x7c, 0x7e, true, false};
  if (isa<Float8E5M2FNUZType>(type))
    return {5, 2, 16, 0x7f, 0x80, 0x80, true, true};
  // f4E2M1FN has no NaN; reference implementations make it minus zero.
  return {2, 1, 1, 0x7, 0x7, 0x8, false, false};
}

Value bitsOf(TensorBuilder &b, Value real) {
  return b.create<arith::BitcastOp>(b.getI32Type(), real);
}
Value realOf(TensorBuilder &b, Value bits) {
  return b.create<arith::BitcastOp>(b.getF32Type(), bits);
}
Value i32(TensorBuilder &b, int64_t value) {
  return b.integer(b.getI32Type(), value);
}
Value f32(TensorBuilder &b, double value) {
  return b.scalar(b.getF32Type(), value);
}
Value shiftLeft(TensorBuilder &b, Value x, int count) {
  return b.createOrFold<arith::ShLIOp>(x, i32(b, count));
}
Value shiftRight(TensorBuilder &b, Value x, int count) {
  return b.createOrFold<arith::ShRUIOp>(x, i32(b, count));
}
Value notANumber(TensorBuilder &b) { return realOf(b, i32(b, 0x7fc00000)); }

// 2^(code - 127); 2^-127 is a denormal f32.
Value decodePowerOfTwo(TensorBuilder &b, Value code) {
  Value normal = shiftLeft(b, code, 23);
  Value bits = b.select(b.eq(code, i32(b, 0)), i32(b, 0x400000), normal);
  return b.select(b.eq(code, i32(b, 0xff)), notANumber(b), realOf(b, bits));
}

Value encodePowerOfTwo(TensorBuilder &b, Value value,
                       SmallFloatRounding rounding) {
  Value bits = b.logicalAnd(bitsOf(b, value), i32(b, 0x7fffffff));
  Value exponent = shiftRight(b, bits, 23),
        mantissa = b.logicalAnd(bits, i32(b, 0x7fffff));
  // Denormal numbers lie below the least power, 2^-127, or, from 0x400000 up,
  // between it and the next.
  Value tiny = b.eq(exponent, i32(b, 0));
  Value fraction = b.select(tiny,
                            b.select(b.lt(mantissa, i32(b, 0x400000)),
                                     i32(b, 0), shiftLeft(b, mantissa, 1)),
                            mantissa);
  fraction = b.logicalAnd(fraction, i32(b, 0x7fffff));
  Value up = b.boolean(false);
  if (rounding.mode == "up")
    up = b.ne(fraction, i32(b, 0));
  else if (rounding.mode == "nearest")
    up = b.ge(fraction, i32(b, 0x400000));
  Value code = b.add(exponent, b.select(up, i32(b, 1), i32(b, 0)));
  Value limit = rounding.saturate ? i32(b, 0xfe) : i32(b, 0xff);
  code = b.min(code, limit);
  if (!rounding.saturate)
    code = b.select(b.eq(bits, i32(b, 0)), i32(b, 0xff), code);
  return b.select(b.ne(value, value), i32(b, 0xff), code);
}

} // namespace

Value decodeSmallFloat(TensorBuilder &b, Value byte, Type type) {
  Value code = b.createOrFold<arith::ExtUIOp>(b.getI32Type(), byte);
  if (isa<Float8E8M0FNUType>(type))
    return decodePowerOfTwo(b, code);
  Format format = formatOf(type);
  Value magnitude = b.logicalAnd(code, i32(b, format.signBit() - 1));
  Value normal =
      realOf(b, b.add(shiftLeft(b, magnitude, 23 - format.mantissaBits),
                      i32(b, int64_t(127 - format.bias) << 23)));
  Value small =
      b.mul(b.create<arith::SIToFPOp>(b.getF32Type(), magnitude),
            f32(b, std::ldexp(1.0, 1 - format.bias - format.mantissaBits)));
  Value result = b.select(b.lt(magnitude, i32(b, 1 << format.mantissaBits)),
                          small, normal);
  if (isa<Float8E5M2Type>(type)) {
    result = b.select(b.eq(magnitude, i32(b, format.infinity)),
                      f32(b, INFINITY), result);
    result = b.select(b.gt(magnitude, i32(b, format.infinity)), notANumber(b),
                      result);
  }
  Value sign = b.logicalAnd(code, i32(b, format.signBit()));
  result = b.select(b.ne(sign, i32(b, 0)), b.neg(result), result);
  if (format.hasNan && !isa<Float8E5M2Type>(type)) {
    Value tested = format.unsignedZero ? code : magnitude;
    result = b.select(b.eq(tested, i32(b, format.nan)), notANumber(b), result);
  }
  return result;
}

Value encodeSmallFloat(TensorBuilder &b, Value value, Type type,
                       SmallFloatRounding rounding) {
  if (isa<Float8E8M0FNUType>(type))
    return b.createOrFold<arith::TruncIOp>(
        b.getI8Type(), encodePowerOfTwo(b, value, rounding));
  Format format = formatOf(type);
  int shift = 23 - format.mantissaBits;
  Value bits = bitsOf(b, value);
  Value magnitude = b.logicalAnd(bits, i32(b, 0x7fffffff));
  // Nearest even on the bits; the code of a normal number follows from those
  // that are left.
  Value odd = b.logicalAnd(shiftRight(b, magnitude, shift), i32(b, 1));
  Value rounded = b.add(magnitude, b.add(i32(b, (1 << (shift - 1)) - 1), odd));
  Value normal = b.sub(shiftRight(b, rounded, shift),
                       i32(b, (127 - format.bias) << format.mantissaBits));
  // Below the least normal number codes are multiples of the least denormal
  // one.
  double least = std::ldexp(1.0, 1 - format.bias);
  Value isSmall = b.lt(realOf(b, magnitude), f32(b, least));
  Value units =
      b.mul(b.select(isSmall, realOf(b, magnitude), f32(b, 0)),
            f32(b, std::ldexp(1.0, format.bias - 1 + format.mantissaBits)));
  Value small = b.create<arith::FPToSIOp>(b.getI32Type(),
                                          b.create<math::RoundEvenOp>(units));
  Value code = b.select(isSmall, small, normal);
  Value tooLarge = b.gt(code, i32(b, format.greatest));
  code = b.select(tooLarge,
                  i32(b, rounding.saturate ? format.greatest : format.infinity),
                  code);
  Value negative = b.lt(bits, i32(b, 0));
  if (format.unsignedZero)
    negative = b.logicalAnd(negative, b.ne(code, i32(b, 0)));
  Value isNan = b.ne(value, value);
  code = b.select(isNan, i32(b, format.nan), code);
  // The sign of the one NaN of these formats is part of its code.
  Value sign = b.select(negative, i32(b, format.signBit()), i32(b, 0));
  code = b.createOrFold<arith::OrIOp>(code, sign);
  return b.createOrFold<arith::TruncIOp>(b.getI8Type(), code);
}

} // namespace ashlar
