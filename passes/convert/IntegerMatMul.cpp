// MatMulInteger and QLinearMatMul.
#include "passes/convert/IntegerContraction.h"

#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"
#include "passes/convert/PlainLoops.h"
#include "passes/convert/Quantization.h"
#include "passes/convert/ScalarCast.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;

namespace ashlar {

// The map from the loops (batch..., m, k, n) to one operand, whose dims are
// those of `loops`; unit dims stay at 0.
static AffineMap operandMap(TensorBuilder &b, Value tensor, unsigned loopCount,
                            ArrayRef<unsigned> loops,
                            ArrayRef<OpFoldResult> loopSizes) {
  SmallVector<AffineExpr> results;
  auto own = b.dims(tensor);
  for (auto [size, loop] :
       llvm::zip(own, ArrayRef(loops).take_back(own.size()))) {
    bool stays = getConstantIntValue(size) == 1 &&
                 getConstantIntValue(loopSizes[loop]) != 1;
    results.push_back(stays ? b.getAffineConstantExpr(0)
                            : b.getAffineDimExpr(loop));
  }
  return AffineMap::get(loopCount, 0, results, b.getContext());
}

// Products are summed with the columns innermost: contiguous in the right
// operand and in the result.
static Value multiplyMatrices(Emitter &e, const QuantizedOperand &lhs,
                              const QuantizedOperand &rhs) {
  auto left = e.dims(lhs.tensor), right = e.dims(rhs.tensor);
  OpFoldResult rows = left[left.size() - 2], columns = right.back(),
               depth = left.back();
  e.requireSameSize(depth, right[right.size() - 2]);
  TensorBuilder::Sizes loops;
  size_t batches = std::max(left.size(), right.size()) - 2;
  for (size_t axis = 0; axis < batches; ++axis) {
    auto sizeIn = [&](const TensorBuilder::Sizes &sizes) {
      size_t own = sizes.size() - 2;
      return axis + own < batches ? e.size(1) : sizes[axis + own - batches];
    };
    OpFoldResult a = sizeIn(left), b = sizeIn(right);
    // A batch size known to be 1 gives way; two unknown ones have to agree.
    bool one = getConstantIntValue(a) == 1;
    if (!one && getConstantIntValue(b) != 1)
      e.requireSameSize(a, b);
    loops.push_back(one ? b : a);
  }
  TensorBuilder::Sizes result = loops;
  result.push_back(rows), result.push_back(columns);
  loops.push_back(rows), loops.push_back(depth), loops.push_back(columns);
  unsigned count = loops.size(), m = count - 3, k = count - 2, n = count - 1;
  SmallVector<unsigned> leftLoops, rightLoops, resultLoops;
  for (unsigned axis = 0; axis < batches; ++axis)
    for (auto *list : {&leftLoops, &rightLoops, &resultLoops})
      list->push_back(axis);
  leftLoops.append({m, k}), rightLoops.append({k, n}),
      resultLoops.append({m, n});

  SmallVector<Value> inputs = {lhs.tensor, rhs.tensor};
  SmallVector<AffineMap> maps = {
      operandMap(e, lhs.tensor, count, leftLoops, loops),
      operandMap(e, rhs.tensor, count, rightLoops, loops)};
  for (auto [operand, list] :
       {std::pair(&lhs, &leftLoops), std::pair(&rhs, &rightLoops)})
    if (operand->zeroPoint) {
      inputs.push_back(operand->zeroPoint);
      maps.push_back(operandMap(e, operand->zeroPoint, count, *list, loops));
    }
  Value init = e.filled(result, e.zero(e.getI32Type()));
  maps.push_back(operandMap(e, init, count, resultLoops, loops));
  SmallVector<utils::IteratorType> iterators(count,
                                             utils::IteratorType::parallel);
  iterators[k] = utils::IteratorType::reduction;
  auto op = e.create<linalg::GenericOp>(
      TypeRange{init.getType()}, inputs, ValueRange{init}, maps, iterators,
      [&](OpBuilder &nested, Location loc, ValueRange v) {
        TensorBuilder b(loc, nested);
        Value x = toInt32(b, v[0], lhs.type), y = toInt32(b, v[1], rhs.type);
        unsigned next = 2;
        if (lhs.zeroPoint)
          x = b.sub(x, toInt32(b, v[next++], lhs.type));
        if (rhs.zeroPoint)
          y = b.sub(y, toInt32(b, v[next++], rhs.type));
        b.create<linalg::YieldOp>(b.add(v.back(), b.mul(x, y)));
      });
  return op.getResult(0);
}

Value multiplyIntegers(Emitter &e, const QuantizedOperand &lhs,
                       const QuantizedOperand &rhs) {
  auto rankOf = [](Value tensor) {
    return cast<RankedTensorType>(tensor.getType()).getRank();
  };
  QuantizedOperand left = lhs, right = rhs;
  bool rowVector = rankOf(lhs.tensor) == 1,
       columnVector = rankOf(rhs.tensor) == 1;
  if (rowVector)
    left.tensor = e.unsqueeze(lhs.tensor, 0);
  if (columnVector)
    right.tensor = e.unsqueeze(rhs.tensor, 1);
  Value product = multiplyMatrices(e, left, right);
  SmallVector<int64_t> dropped;
  if (rowVector)
    dropped.push_back(rankOf(product) - 2);
  if (columnVector)
    dropped.push_back(rankOf(product) - 1);
  return dropped.empty() ? product : e.squeeze(product, dropped);
}

Value requantizationScale(Emitter &e, Value lhs, Value rhs, Value result,
                          int64_t lhsAxis, int64_t rhsAxis, int64_t rank) {
  SmallVector<Value> scales = {alongAxis(e, lhs, lhsAxis, rank),
                               alongAxis(e, rhs, rhsAxis, rank),
                               alongAxis(e, result, lhsAxis, rank)};
  return e.map(e.getF32Type(), scales, [](TensorBuilder &b, ValueRange v) {
    return b.div(b.mul(b.widen(v[0]), b.widen(v[1])), b.widen(v[2]));
  });
}

Value requantize(Emitter &e, Value sums, Value bias, Value scale,
                 Value zeroPoint, Type type) {
  SmallVector<Value> inputs = {sums, scale};
  for (Value optional : {bias, zeroPoint})
    if (optional)
      inputs.push_back(optional);
  return e.mapTo(e.dims(sums), heldType(type), inputs,
                 [&](TensorBuilder &b, ValueRange v) {
                   Value sum = bias ? b.add(v[0], v[2]) : v[0];
                   Value real =
                       b.createOrFold<arith::SIToFPOp>(b.getF32Type(), sum);
                   return quantizeScalar(
                       b, b.mul(real, v[1]),
                       zeroPoint ? toInt32(b, v.back(), type) : Value(), type);
                 });
}

namespace {

// The zero point of a matrix operand: one value, or one for each row of the
// left or column of the right operand.
Value matrixZeroPoint(Emitter &e, Value zeroPoint, Value tensor, bool left) {
  zeroPoint = unlessZero(zeroPoint);
  int64_t rank = cast<RankedTensorType>(tensor.getType()).getRank();
  if (!zeroPoint || cast<RankedTensorType>(zeroPoint.getType()).getRank() > 1)
    return zeroPoint;
  return alongAxis(e, zeroPoint, left ? rank - 2 : rank - 1, rank);
}

Lowered lowerMatMulInteger(onnx::MatMulIntegerOp op,
                           onnx::MatMulIntegerOp::Adaptor in, Emitter &e) {
  warnPlainLoops(op, op.getA(), op.getB(),
                 "an operand is a vector, or has a zero point for each row or "
                 "matrix");
  QuantizedOperand a{in.getA(),
                     matrixZeroPoint(e, in.getAZeroPoint(), in.getA(), true),
                     elementType(op.getA().getType())};
  QuantizedOperand b{in.getB(),
                     matrixZeroPoint(e, in.getBZeroPoint(), in.getB(), false),
                     elementType(op.getB().getType())};
  return multiplyIntegers(e, a, b);
}

Lowered lowerQLinearMatMul(onnx::QLinearMatMulOp op,
                           onnx::QLinearMatMulOp::Adaptor in, Emitter &e) {
  Type type = elementType(op.getY().getType());
  if (!isa<IntegerType>(type) || !isa<IntegerType>(elementType(in.getA())) ||
      !isa<IntegerType>(elementType(in.getB())))
    return e.unsupported("with operands that are not integers");
  warnPlainLoops(op, op.getA(), op.getB(),
                 "its scales or zero points are not constants, or not one for "
                 "each factor");
  QuantizedOperand a{in.getA(),
                     matrixZeroPoint(e, in.getAZeroPoint(), in.getA(), true),
                     elementType(op.getA().getType())};
  QuantizedOperand b{in.getB(),
                     matrixZeroPoint(e, in.getBZeroPoint(), in.getB(), false),
                     elementType(op.getB().getType())};
  Value sums = multiplyIntegers(e, a, b);
  int64_t rank = cast<RankedTensorType>(sums.getType()).getRank();
  Value scale = requantizationScale(e, in.getAScale(), in.getBScale(),
                                    in.getYScale(), rank - 2, rank - 1, rank);
  Value zeroPoint = unlessZero(in.getYZeroPoint());
  if (zeroPoint)
    zeroPoint = alongAxis(e, zeroPoint, rank - 2, rank);
  return requantize(e, sums, {}, scale, zeroPoint, type);
}

} // namespace

void populateIntegerMatMulPatterns(const OnnxTypeConverter &converter,
                                   RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerMatMulInteger, lowerQLinearMatMul);
}

} // namespace ashlar
