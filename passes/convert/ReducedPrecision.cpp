//===- ReducedPrecision.cpp - operands of integer and bf16 products -------===//
#include "passes/convert/ReducedPrecision.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/bit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include "passes/analysis/ConstantData.h"

using namespace mlir;
using namespace ashlar;

namespace {

Value makeConstant(TensorBuilder &b, ElementsAttr data) {
  return arith::ConstantOp::create(b, cast<TypedAttr>(data));
}

Value flipSign(TensorBuilder &b, Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (auto data = constantData(tensor))
    return makeConstant(
        b, makeConstantData(type, "bytes", [&](MutableArrayRef<char> bytes) {
          for (auto [index, byte] : llvm::enumerate(bytes))
            byte = data->at<char>(index) ^ char(0x80);
        }));
  return b.map(b.getI8Type(), tensor, [](TensorBuilder &inner, ValueRange x) {
    return arith::XOrIOp::create(inner, x[0],
                                 inner.integer(inner.getI8Type(), -128))
        .getResult();
  });
}

/// The bits of all elements of a constant, if they are the same.
std::optional<uint8_t> constantByte(Value tensor) {
  // Small tensors are put together from scalars.
  if (auto values = constantIntegers(tensor))
    return !values->empty() && llvm::all_equal(*values)
               ? std::optional<uint8_t>(values->front())
               : std::nullopt;
  auto data = constantData(tensor);
  if (!data || data->bytes.empty() || !llvm::all_equal(data->bytes))
    return std::nullopt;
  return data->bytes.front();
}

/// Bits of `value` rounded to bf16, to nearest, ties to even.
uint16_t bf16Bits(float value) {
  uint32_t bits = llvm::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return (bits >> 16) | 0x40; // stays not a number
  return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

/// For each element of the shape left over by `axes`, its index.
int64_t keptIndex(int64_t linear, ArrayRef<int64_t> shape,
                  ArrayRef<int64_t> axes) {
  SmallVector<int64_t> position(shape.size());
  for (int64_t axis = shape.size() - 1; axis >= 0; --axis) {
    position[axis] = linear % shape[axis];
    linear /= shape[axis];
  }
  int64_t kept = 0;
  for (auto [axis, size] : llvm::enumerate(shape))
    if (!llvm::is_contained(axes, axis))
      kept = kept * size + position[axis];
  return kept;
}

/// Elements of 16 bits in f32, so that weights can be packed now.
Value widenConstant(TensorBuilder &b, const ConstantData &data,
                    RankedTensorType type) {
  const llvm::fltSemantics &semantics =
      cast<FloatType>(type.getElementType()).getFloatSemantics();
  return makeConstant(
      b, makeConstantData(
             RankedTensorType::get(type.getShape(), b.getF32Type()), "widened",
             [&](MutableArrayRef<char> raw) {
               auto *values = reinterpret_cast<float *>(raw.data());
               for (int64_t i = 0, n = type.getNumElements(); i < n; ++i)
                 values[i] = APFloat(semantics, APInt(16, data.at<uint16_t>(i)))
                                 .convertToFloat();
             }));
}

} // namespace

bool ashlar::isSingleZeroPoint(Value zeroPoint) {
  if (!zeroPoint)
    return true;
  auto type = cast<RankedTensorType>(zeroPoint.getType());
  return (type.hasStaticShape() && type.getNumElements() == 1) ||
         constantByte(zeroPoint);
}

QuantizedTensor ashlar::withSignedness(TensorBuilder &b, Value tensor,
                                       Value zeroPoint, Type type,
                                       bool wanted) {
  bool isUnsigned = ashlar::isUnsigned(type);
  QuantizedTensor result{tensor, {}, 0};
  int64_t shift = isUnsigned == wanted ? 0 : wanted ? 128 : -128;
  if (shift)
    result.tensor = flipSign(b, tensor);
  result.known = shift;
  if (!zeroPoint && !shift)
    return result;
  if (zeroPoint) {
    if (auto bits = constantByte(zeroPoint))
      result.known =
          (isUnsigned ? int64_t(*bits) : int64_t(int8_t(*bits))) + shift;
    else
      result.known = std::nullopt;
  }
  if (result.known) {
    if (*result.known == 0)
      return result;
    result.zeroPoint = b.fromScalar(b.integer(b.getI32Type(), *result.known));
    return result;
  }
  auto zeroType = cast<RankedTensorType>(zeroPoint.getType());
  bool isOne = zeroType.hasStaticShape() && zeroType.getNumElements() == 1;
  result.zeroPoint = b.map(
      b.getI32Type(), isOne ? b.reshape(zeroPoint, {}) : zeroPoint,
      [&](TensorBuilder &inner, ValueRange x) {
        Value value =
            isUnsigned
                ? inner.createOrFold<arith::ExtUIOp>(inner.getI32Type(), x[0])
                : inner.createOrFold<arith::ExtSIOp>(inner.getI32Type(), x[0]);
        return inner.add(value, inner.integer(inner.getI32Type(), shift));
      });
  return result;
}

Value ashlar::sumBytes(TensorBuilder &b, Value tensor, ArrayRef<int64_t> axes,
                       bool isUnsigned, bool keepDims) {
  auto type = cast<RankedTensorType>(tensor.getType());
  auto data = constantData(tensor);
  if (data) {
    SmallVector<int64_t> shape;
    for (auto [axis, size] : llvm::enumerate(type.getShape()))
      if (!llvm::is_contained(axes, axis))
        shape.push_back(size);
      else if (keepDims)
        shape.push_back(1);
    auto resultType = RankedTensorType::get(shape, b.getI32Type());
    return makeConstant(
        b, makeConstantData(resultType, "sums", [&](MutableArrayRef<char> raw) {
          auto *sums = reinterpret_cast<int32_t *>(raw.data());
          for (int64_t i = 0, count = type.getNumElements(); i < count; ++i)
            sums[keptIndex(i, type.getShape(), axes)] +=
                isUnsigned ? int32_t(data->at<uint8_t>(i))
                           : int32_t(data->at<int8_t>(i));
        }));
  }
  Value wide = b.map(
      b.getI32Type(), tensor, [&](TensorBuilder &inner, ValueRange x) -> Value {
        if (isUnsigned)
          return arith::ExtUIOp::create(inner, inner.getI32Type(), x[0]);
        return arith::ExtSIOp::create(inner, inner.getI32Type(), x[0]);
      });
  return b.reduce(wide, axes, keepDims, b.zero(b.getI32Type()),
                  [](TensorBuilder &inner, Value element, Value sum) {
                    return inner.add(sum, element);
                  });
}

Value ashlar::toF32(TensorBuilder &b, Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (type.getElementType().isF32())
    return tensor;
  if (auto data = constantData(tensor);
      data && (type.getElementType().isF16() || type.getElementType().isBF16()))
    return widenConstant(b, *data, type);
  return b.map(b.getF32Type(), tensor, [](TensorBuilder &inner, ValueRange x) {
    return inner.widen(x[0]);
  });
}

Value ashlar::fromF32(TensorBuilder &b, Value tensor, Type type) {
  if (type.isF32())
    return tensor;
  return b.map(type, tensor, [&](TensorBuilder &inner, ValueRange x) {
    return inner.narrow(x[0], type);
  });
}

Value ashlar::roundToBf16(TensorBuilder &b, Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (type.getElementType().isBF16())
    return tensor;
  if (auto data = constantData(tensor);
      data && type.getElementType().isF32() && type.hasStaticShape())
    return makeConstant(
        b, makeConstantData(
               RankedTensorType::get(type.getShape(), b.getBF16Type()),
               "rounded", [&](MutableArrayRef<char> raw) {
                 auto *values = reinterpret_cast<uint16_t *>(raw.data());
                 for (int64_t i = 0, n = type.getNumElements(); i < n; ++i)
                   values[i] = bf16Bits(data->at<float>(i));
               }));
  return b.map(b.getBF16Type(), tensor, [](TensorBuilder &inner, ValueRange x) {
    return inner.narrow(inner.widen(x[0]), inner.getBF16Type());
  });
}

bool ashlar::isMarkedBf16(Operation *op) {
  auto precision = op->getAttrOfType<StringAttr>("ashlar.precision");
  return precision && precision.getValue() == "bf16";
}
