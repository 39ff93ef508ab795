//===- IntegerMatrixProduct.cpp - MatMulInteger ---------------------------===//
//
// The fast way for products of integer matrices: nn.matmul of bytes. With zero
// points a0 and b0 (one for each column, or one),
//   sum (a - a0)(b - b0) = sum a b - a0 (sum b - K b0) - b0 sum a,
// where sum b is one number a column, sum a one a row. What fails here goes to
// the general lowering.
//
//===----------------------------------------------------------------------===//
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/Families.h"
#include "passes/convert/MatrixProduct.h"
#include "passes/convert/OnnxLowering.h"
#include "passes/convert/ReducedPrecision.h"

using namespace mlir;
using namespace ashlar;

namespace {

int64_t rankOf(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getRank();
}

Value multiply(TensorBuilder &b, Value x, Value y) {
  return b.map(b.getI32Type(), {x, y}, [](TensorBuilder &inner, ValueRange v) {
    return inner.mul(v[0], v[1]);
  });
}

Value subtract(TensorBuilder &b, Value x, Value y) {
  return b.map(b.getI32Type(), {x, y}, [](TensorBuilder &inner, ValueRange v) {
    return inner.sub(v[0], v[1]);
  });
}

Lowered lowerMatMulInteger(onnx::MatMulIntegerOp op,
                           onnx::MatMulIntegerOp::Adaptor in,
                           TensorBuilder &b) {
  int64_t rank = rankOf(in.getA()), rhsRank = rankOf(in.getB());
  if (rank < 2 || rhsRank < 2)
    return b.unsupported("on the fast path with vectors");
  if (!isSingleZeroPoint(in.getAZeroPoint()) ||
      (!isSingleZeroPoint(in.getBZeroPoint()) &&
       rankOf(in.getBZeroPoint()) != 1))
    return b.unsupported("on the fast path with a zero point a row or matrix");
  QuantizedTensor lhs =
      withSignedness(b, in.getA(), in.getAZeroPoint(),
                     elementType(op.getA().getType()), /*wanted=*/true);
  QuantizedTensor rhs =
      withSignedness(b, in.getB(), in.getBZeroPoint(),
                     elementType(op.getB().getType()), /*wanted=*/false);
  Value sums = multiplyStacks(b, lhs.tensor, rhs.tensor);
  if (lhs.zeroPoint) {
    Value columns = sumBytes(b, rhs.tensor, {rhsRank - 2},
                             /*isUnsigned=*/false, /*keepDims=*/rhsRank > 2);
    if (rhs.zeroPoint) {
      Value depth = b.fromScalar(arith::IndexCastOp::create(
          b, b.getI32Type(), b.dimValue(in.getB(), rhsRank - 2)));
      columns = subtract(b, columns, multiply(b, depth, rhs.zeroPoint));
    }
    sums = subtract(b, sums, multiply(b, columns, lhs.zeroPoint));
  }
  if (rhs.zeroPoint) {
    Value rows = sumBytes(b, lhs.tensor, {rank - 1}, /*isUnsigned=*/true,
                          /*keepDims=*/true);
    sums = subtract(b, sums, multiply(b, rows, rhs.zeroPoint));
  }
  return sums;
}

} // namespace

void ashlar::populateIntegerMatrixProductPatterns(
    const OnnxTypeConverter &converter, RewritePatternSet &patterns) {
  addLowering<onnx::MatMulIntegerOp>(converter, patterns, lowerMatMulInteger,
                                     /*benefit=*/2);
}
