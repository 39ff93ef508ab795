// QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear.
#include "passes/convert/Quantization.h"

#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/Elementwise.h"
#include "passes/convert/Families.h"
#include "passes/convert/Reduce.h"
#include "passes/convert/ScalarCast.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <cmath>

using namespace mlir;

namespace ashlar {

namespace {

// The nearest integer of an f32 of at most 22 bits as i32, whose low 16 bits
// are those of the result: added to 1.5 * 2^23, the fraction is rounded away
// (to even) and the integer stands in the low bits. Two operations less than
// rounding and converting.
Value roundInLowBits(TensorBuilder &b, Value x) {
  Value shifted = b.add(x, b.scalar(x.getType(), 12582912.0));
  return b.create<arith::BitcastOp>(b.getI32Type(), shifted);
}

Value integerOf(TensorBuilder &b, Value x) {
  if (x.getType().isF32())
    return roundInLowBits(b, x);
  return b.create<arith::FPToSIOp>(b.getI32Type(),
                                   b.create<math::RoundEvenOp>(x));
}

} // namespace

Value quantizeScalar(TensorBuilder &b, Value scaled, Value zeroPoint,
                     Type type) {
  Type real = scaled.getType();
  unsigned width = type.getIntOrFloatBitWidth();
  bool isUnsigned = ashlar::isUnsigned(type);
  Value low = b.scalar(real, isUnsigned ? 0 : -std::ldexp(1.0, width - 1));
  Value high =
      b.scalar(real, std::ldexp(1.0, isUnsigned ? width : width - 1) - 1);
  if (zeroPoint) {
    Value shift = b.createOrFold<arith::SIToFPOp>(real, zeroPoint);
    low = b.sub(low, shift);
    high = b.sub(high, shift);
  }
  // Saturated between integers before rounding, which is the same. A NaN gives
  // the lower bound.
  scaled = b.select(b.gt(scaled, low), scaled, low);
  scaled = b.select(b.lt(scaled, high), scaled, high);
  Value integer = integerOf(b, scaled);
  if (zeroPoint)
    integer = b.add(integer, zeroPoint);
  return b.create<arith::TruncIOp>(heldType(type), integer);
}

Value toInt32(TensorBuilder &b, Value value, Type type) {
  if (type.getIntOrFloatBitWidth() == 32)
    return value;
  return isUnsigned(type)
             ? b.createOrFold<arith::ExtUIOp>(b.getI32Type(), value)
             : b.createOrFold<arith::ExtSIOp>(b.getI32Type(), value);
}

Value alongAxis(TensorBuilder &b, Value parameter, int64_t axis, int64_t rank) {
  auto type = cast<RankedTensorType>(parameter.getType());
  if (type.getRank() == 0)
    return parameter;
  if (type.hasStaticShape() && type.getNumElements() == 1)
    return b.reshape(parameter, {});
  SmallVector<int64_t> after =
      llvm::to_vector(llvm::seq<int64_t>(1, rank - axis));
  return b.unsqueeze(parameter, after);
}

Value unlessZero(Value zeroPoint) {
  if (!zeroPoint)
    return {};
  auto values = constantIntegers(zeroPoint);
  return values && llvm::all_of(*values, [](int64_t v) { return v == 0; })
             ? Value()
             : zeroPoint;
}

namespace {

// Scale and zero point of a tensor, each for the element at hand.
class Parameters {
public:
  Parameters(TensorBuilder &b, Value x, Value scale, Value zeroPoint,
             int64_t axis, int64_t blockSize) {
    auto type = cast<RankedTensorType>(x.getType());
    int64_t rank = type.getRank(),
            scaleRank = cast<RankedTensorType>(scale.getType()).getRank();
    this->axis = axis < 0 ? axis + rank : axis;
    blocked = blockSize > 0 && scaleRank == rank;
    block = blockSize;
    this->scale = blocked ? scale : alongAxis(b, scale, this->axis, rank);
    this->zeroPoint = unlessZero(zeroPoint);
    if (this->zeroPoint && !blocked)
      this->zeroPoint = alongAxis(b, this->zeroPoint, this->axis, rank);
  }

  // Calls the body with the element of x, the scale and the zero point or null.
  Value map(TensorBuilder &b, Value x, Type element,
            llvm::function_ref<Value(TensorBuilder &, Value, Value, Value)>
                body) const {
    auto sizes = b.dims(x);
    if (blocked)
      return b.generic(
          sizes, element, x, b.getMultiDimIdentityMap(sizes.size()),
          [&](TensorBuilder &b, ValueRange v) {
            SmallVector<Value> at = blockIndex(b, sizes.size());
            Value zero =
                zeroPoint
                    ? b.create<tensor::ExtractOp>(zeroPoint, at).getResult()
                    : Value();
            return body(b, v[0], b.create<tensor::ExtractOp>(scale, at), zero);
          });
    SmallVector<Value> inputs = {x, scale};
    if (zeroPoint)
      inputs.push_back(zeroPoint);
    return b.mapTo(sizes, element, inputs, [&](TensorBuilder &b, ValueRange v) {
      return body(b, v[0], v[1], zeroPoint ? v[2] : Value());
    });
  }

private:
  SmallVector<Value> blockIndex(TensorBuilder &b, int64_t rank) const {
    SmallVector<Value> at;
    for (int64_t dim = 0; dim < rank; ++dim) {
      Value index = b.create<linalg::IndexOp>(dim);
      at.push_back(dim == axis
                       ? b.div(index, b.index(block), /*isUnsigned=*/true)
                       : index);
    }
    return at;
  }

  Value scale, zeroPoint;
  int64_t axis, block;
  bool blocked;
};

std::string typeText(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

bool isQuantizedInteger(Type type) {
  auto integer = dyn_cast<IntegerType>(type);
  return integer && integer.getWidth() > 1 && integer.getWidth() <= 16;
}

Lowered lowerQuantize(onnx::QuantizeLinearOp op,
                      onnx::QuantizeLinearOp::Adaptor in, TensorBuilder &b) {
  Type from = elementType(op.getX().getType()),
       to = elementType(op.getY().getType());
  Type scaleType = elementType(op.getYScale().getType());
  Type zeroType =
      op.getYZeroPoint() ? elementType(op.getYZeroPoint().getType()) : to;
  if ((!isQuantizedInteger(to) && !isSmallFloat(to)) ||
      !canCastScalar(from, b.getF32Type()))
    return b.unsupported("from " + typeText(from) + " to " + typeText(to));
  Parameters parameters(b, in.getX(), in.getYScale(), in.getYZeroPoint(),
                        op.getAxis(), op.getBlockSize());
  Type compute = from.isF64() && !isSmallFloat(to) ? Type(b.getF64Type())
                                                   : Type(b.getF32Type());
  SmallFloatRounding rounding{op.getSaturate() != 0};
  return parameters.map(
      b, in.getX(), heldType(to),
      [&](TensorBuilder &b, Value x, Value scale, Value zero) {
        Value real = castScalar(b, x, from, compute);
        Value scaled = b.div(real, castScalar(b, scale, scaleType, compute));
        if (isSmallFloat(to))
          return encodeSmallFloat(
              b,
              zero ? b.add(scaled, castScalar(b, zero, zeroType, compute))
                   : scaled,
              to, rounding);
        return quantizeScalar(b, scaled,
                              zero ? toInt32(b, zero, zeroType) : zero, to);
      });
}

Lowered lowerDequantize(onnx::DequantizeLinearOp op,
                        onnx::DequantizeLinearOp::Adaptor in,
                        TensorBuilder &b) {
  Type from = elementType(op.getX().getType()),
       to = elementType(op.getY().getType());
  Type scaleType = elementType(op.getXScale().getType());
  auto integer = dyn_cast<IntegerType>(from);
  if ((!isSmallFloat(from) && (!integer || integer.getWidth() > 32)) ||
      !isa<FloatType>(to) || isSmallFloat(to))
    return b.unsupported("from " + typeText(from) + " to " + typeText(to));
  Parameters parameters(b, in.getX(), in.getXScale(), in.getXZeroPoint(),
                        op.getAxis(), op.getBlockSize());
  Type compute = computeType(to);
  auto realOf = [&](TensorBuilder &b, Value value) {
    return castScalar(b, value, from, compute);
  };
  return parameters.map(
      b, in.getX(), to,
      [&](TensorBuilder &b, Value x, Value scale, Value zero) {
        Value distance;
        if (isSmallFloat(from)) {
          distance = zero ? b.sub(realOf(b, x), realOf(b, zero)) : realOf(b, x);
        } else {
          distance = toInt32(b, x, from);
          if (zero)
            distance = b.sub(distance, toInt32(b, zero, from));
          distance = b.createOrFold<arith::SIToFPOp>(compute, distance);
        }
        return b.narrow(
            b.mul(distance, castScalar(b, scale, scaleType, compute)), to);
      });
}

Lowered lowerDynamicQuantize(onnx::DynamicQuantizeLinearOp,
                             onnx::DynamicQuantizeLinearOp::Adaptor in,
                             TensorBuilder &b) {
  DynamicBytes result = quantizeDynamically(b, in.getX());
  return SmallVector<Value>{result.bytes, result.scale, result.zeroPoint};
}

} // namespace

// Scale and zero point of u8 that cover the data and 0.
DynamicBytes quantizeDynamically(TensorBuilder &b, Value x) {
  Type f32 = b.getF32Type(), u8 = b.getIntegerType(8, /*isSigned=*/false);
  SmallVector<int64_t> axes = llvm::to_vector(
      llvm::seq<int64_t>(0, cast<RankedTensorType>(x.getType()).getRank()));
  auto extreme = [&](TensorBuilder::Combiner combiner) {
    // The range holds zero. NaNs are passed over.
    return b.reduce(x, axes, /*keepDims=*/false, b.zero(f32), combiner);
  };
  Value least = extreme([](TensorBuilder &b, Value x, Value best) -> Value {
    return arith::MinNumFOp::create(b, best, x);
  });
  Value greatest = extreme([](TensorBuilder &b, Value x, Value best) -> Value {
    return arith::MaxNumFOp::create(b, best, x);
  });
  Value scale =
      b.map(f32, {least, greatest}, [](TensorBuilder &b, ValueRange v) {
        return b.div(b.sub(v[1], v[0]), b.scalar(v[0].getType(), 255));
      });
  // A tensor of zeros has scale 0, by which nothing can be divided.
  auto divisor = [](TensorBuilder &b, Value scale) {
    return b.select(b.eq(scale, b.zero(scale.getType())),
                    b.scalar(scale.getType(), 1), scale);
  };
  Value zeroPoint =
      b.map(b.getI8Type(), {least, scale}, [&](TensorBuilder &b, ValueRange v) {
        return quantizeScalar(b, b.div(b.neg(v[0]), divisor(b, v[1])), {}, u8);
      });
  Value y = b.map(b.getI8Type(), {x, scale, zeroPoint},
                  [&](TensorBuilder &b, ValueRange v) {
                    return quantizeScalar(b, b.div(v[0], divisor(b, v[1])),
                                          toInt32(b, v[2], u8), u8);
                  });
  return {y, scale, zeroPoint};
}

void populateQuantizePatterns(const OnnxTypeConverter &converter,
                              RewritePatternSet &patterns) {
  addLowering<onnx::QuantizeLinearOp>(converter, patterns, lowerQuantize);
  addLowering<onnx::DequantizeLinearOp>(converter, patterns, lowerDequantize);
  addLowering<onnx::DynamicQuantizeLinearOp>(converter, patterns,
                                             lowerDynamicQuantize);
}

} // namespace ashlar
