//===- MatrixProduct.cpp - MatMul and Gemm in floats ----------------------===//
//
// The fast way: nn.matmul with one batch axis at most. What fails here (f64)
// goes to the general lowering.
//
//===----------------------------------------------------------------------===//
#include "passes/convert/MatrixProduct.h"
#include "dialects/nn/NnDialect.h"
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/Families.h"
#include "passes/convert/OnnxLowering.h"
#include "passes/convert/ReducedPrecision.h"

using namespace mlir;
using namespace ashlar;

Value ashlar::makeMatmul(TensorBuilder &b, Value lhs, Value rhs) {
  TensorBuilder::Sizes sizes = b.dims(lhs);
  sizes.back() = b.dims(rhs).back();
  Type accumulator = nn::accumulatorType(elementType(lhs));
  Value init = b.empty(sizes, accumulator);
  auto product = nn::MatmulOp::create(b, TypeRange{init.getType()}, lhs, rhs,
                                      ValueRange(), init, UnitAttr());
  nn::addTrivialEpilogue(b, product.getEpilogue(), b.getLoc(), accumulator, {});
  return product->getResult(0);
}

namespace {

using Sizes = TensorBuilder::Sizes;

int64_t rankOf(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getRank();
}

/// An operand as the product takes it.
Value toFactor(TensorBuilder &b, Operation *op, Value tensor) {
  return isMarkedBf16(op) ? roundToBf16(b, tensor) : toF32(b, tensor);
}

} // namespace

Value ashlar::multiplyStacks(TensorBuilder &b, Value lhs, Value rhs) {
  Sizes left = b.dims(lhs), right = b.dims(rhs);
  size_t leftRank = left.size(), rightRank = right.size();
  if (rightRank == 2) {
    if (leftRank <= 3)
      return makeMatmul(b, lhs, rhs);
    // All batches share the right side: they are rows.
    OpFoldResult rows = b.product(ArrayRef(left).drop_back());
    Value product = makeMatmul(b, b.reshape(lhs, {rows, left.back()}), rhs);
    left.back() = right.back();
    return b.reshape(product, left);
  }
  // Stacks of the same shape become one batch axis.
  size_t rank = std::max(leftRank, rightRank);
  Sizes batch;
  for (size_t axis = 0; axis + 2 < rank; ++axis) {
    auto at = [&](const Sizes &sizes) -> OpFoldResult {
      size_t missing = rank - sizes.size();
      return axis < missing ? b.size(1) : sizes[axis - missing];
    };
    OpFoldResult x = at(left), y = at(right);
    if (TensorBuilder::sameSize(x, y) || getConstantIntValue(y) == 1)
      batch.push_back(x);
    else if (getConstantIntValue(x) == 1)
      batch.push_back(y);
    else
      batch.push_back(b.sizeMax(x, y));
  }
  auto toStack = [&](Value tensor, Sizes sizes) -> Value {
    Sizes wanted = batch;
    wanted.append(sizes.end() - 2, sizes.end());
    bool same = sizes.size() == wanted.size();
    for (size_t axis = 0; same && axis < wanted.size(); ++axis)
      same = TensorBuilder::sameSize(sizes[axis], wanted[axis]);
    if (!same)
      tensor = b.broadcastTo(tensor, wanted);
    return b.reshape(
        tensor, {b.product(batch), wanted[wanted.size() - 2], wanted.back()});
  };
  Value product = makeMatmul(b, toStack(lhs, left), toStack(rhs, right));
  Sizes result = batch;
  result.push_back(left[leftRank - 2]);
  result.push_back(right.back());
  return b.reshape(product, result);
}

namespace {

bool isFloat(Type type) {
  return type.isF32() || type.isF16() || type.isBF16();
}

Lowered lowerMatMul(onnx::MatMulOp op, onnx::MatMulOp::Adaptor in,
                    TensorBuilder &b) {
  Type type = elementType(in.getA());
  if (!isFloat(type))
    return b.unsupported("on the fast path with these elements");
  Value lhs = toFactor(b, op, in.getA()), rhs = toFactor(b, op, in.getB());
  bool leftVector = rankOf(lhs) == 1, rightVector = rankOf(rhs) == 1;
  if (leftVector)
    lhs = b.unsqueeze(lhs, {0});
  if (rightVector)
    rhs = b.unsqueeze(rhs, {1});
  Value product = multiplyStacks(b, lhs, rhs);
  if (rightVector)
    product = b.squeeze(product, {rankOf(product) - 1});
  if (leftVector)
    product = b.squeeze(product, {rankOf(product) - (rightVector ? 1 : 2)});
  return fromF32(b, product, type);
}

Lowered lowerGemm(onnx::GemmOp op, onnx::GemmOp::Adaptor in, TensorBuilder &b) {
  Type type = elementType(in.getA());
  if (!isFloat(type))
    return b.unsupported("on the fast path with these elements");
  Value lhs = toFactor(b, op, in.getA()), rhs = toFactor(b, op, in.getB());
  if (op.getTransA())
    lhs = b.transpose(lhs, {1, 0});
  if (op.getTransB())
    rhs = b.transpose(rhs, {1, 0});
  Value result = makeMatmul(b, lhs, rhs);
  Type f32 = b.getF32Type();
  double alpha = op.getAlpha().convertToDouble();
  double beta = op.getBeta().convertToDouble();
  if (alpha != 1.0)
    result = b.map(f32, result, [&](TensorBuilder &inner, ValueRange x) {
      return inner.mul(x[0], inner.scalar(f32, alpha));
    });
  if (in.getC() && beta != 0.0) {
    Sizes sizes = b.dims(result);
    result = b.mapTo(sizes, f32, {result, toF32(b, in.getC())},
                     [&](TensorBuilder &inner, ValueRange x) {
                       Value added =
                           beta == 1.0
                               ? x[1]
                               : inner.mul(x[1], inner.scalar(f32, beta));
                       return inner.add(x[0], added);
                     });
  }
  return fromF32(b, result, type);
}

} // namespace

void ashlar::populateMatrixProductPatterns(const OnnxTypeConverter &converter,
                                           RewritePatternSet &patterns) {
  addLowering<onnx::MatMulOp>(converter, patterns, lowerMatMul, /*benefit=*/2);
  addLowering<onnx::GemmOp>(converter, patterns, lowerGemm, /*benefit=*/2);
}
