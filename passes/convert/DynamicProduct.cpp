#include "passes/convert/DynamicProduct.h"

#include "passes/convert/Contraction.h"
#include "passes/convert/MatrixProduct.h"
#include "passes/convert/ReducedPrecision.h"

using namespace mlir;

namespace ashlar {

namespace {

/// Zero points that are not one number, of bytes whose sign was set by adding
/// `shift`.
Value shiftedZeroPoints(TensorBuilder &b, Value zeroPoints, Type type,
                        int64_t shift) {
  Type i32 = b.getI32Type();
  return b.map(i32, zeroPoints, [&](TensorBuilder &inner, ValueRange x) {
    return inner.add(toInt32(inner, x[0], type), inner.integer(i32, shift));
  });
}

} // namespace

ByteMatrix byteMatrix(Emitter &e, Value stacked, Type type, Value scales,
                      Value zeroPoints, int64_t number) {
  Value matrix = partOf(e, stacked, number);
  bool isSingle = isSingleZeroPoint(zeroPoints);
  QuantizedTensor bytes =
      withSignedness(e, matrix, isSingle ? zeroPoints : Value(), type,
                     /*wanted=*/false);
  ByteMatrix result{bytes.tensor, partOf(e, scales, number), bytes.zeroPoint,
                    sumBytes(e, bytes.tensor, {0}, /*isUnsigned=*/false,
                             /*keepDims=*/false)};
  if (!isSingle)
    result.zeroPoint = shiftedZeroPoints(e, partOf(e, zeroPoints, number), type,
                                         isUnsigned(type) ? -128 : 0);
  if (!result.zeroPoint)
    return result;
  Value depth = e.fromScalar(
      arith::IndexCastOp::create(e, e.getI32Type(), e.dimValue(matrix, 0)));
  result.columns =
      e.map(e.getI32Type(), {result.columns, depth, result.zeroPoint},
            [](TensorBuilder &b, ValueRange v) {
              return b.sub(v[0], b.mul(v[1], v[2]));
            });
  return result;
}

Value multiplyBytes(TensorBuilder &b, const DynamicBytes &lhs,
                    const ByteMatrix &rhs) {
  Type f32 = b.getF32Type(), u8 = b.getIntegerType(8, /*isSigned=*/false);
  Value sums = makeMatmul(b, lhs.bytes, rhs.integers);
  SmallVector<Value> inputs = {sums, rhs.columns, lhs.zeroPoint, lhs.scale,
                               rhs.scale};
  if (rhs.zeroPoint)
    inputs.append({sumBytes(b, lhs.bytes, {1}, /*isUnsigned=*/true,
                            /*keepDims=*/true),
                   rhs.zeroPoint});
  return b.mapTo(
      b.dims(sums), f32, inputs,
      [&](TensorBuilder &inner, ValueRange v) -> Value {
        Value sum = inner.sub(v[0], inner.mul(v[1], toInt32(inner, v[2], u8)));
        if (rhs.zeroPoint)
          sum = inner.sub(sum, inner.mul(v[5], v[6]));
        return inner.mul(inner.createOrFold<arith::SIToFPOp>(f32, sum),
                         inner.mul(v[3], v[4]));
      });
}

} // namespace ashlar
