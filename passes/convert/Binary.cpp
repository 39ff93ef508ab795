// Arithmetic, comparisons and logic of two and of many values.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/Elementwise.h"
#include "passes/convert/Families.h"

using namespace mlir;

namespace ashlar {

namespace {

using BinaryFunction = Value (*)(TensorBuilder &, Value, Value,
                                 bool isUnsigned);

template <typename OpT, BinaryFunction function>
Lowered lowerArithmetic(OpT op, typename OpT::Adaptor in, TensorBuilder &b) {
  ValueRange inputs = in.getOperands();
  if (failed(requireNumbers(b, inputs[0].getType())))
    return failure();
  bool isUnsigned = ashlar::isUnsigned(op->getOperand(0).getType());
  return mapComputed(b, elementType(inputs[0]), inputs,
                     [&](TensorBuilder &b, ValueRange v) {
                       return function(b, v[0], v[1], isUnsigned);
                     });
}

template <typename OpT, BinaryFunction function>
Lowered lowerComparison(OpT op, typename OpT::Adaptor in, TensorBuilder &b) {
  ValueRange inputs = in.getOperands();
  if (failed(requireNumbers(b, inputs[0].getType())))
    return failure();
  bool isUnsigned = ashlar::isUnsigned(op->getOperand(0).getType());
  return mapComputed(b, b.getI1Type(), inputs,
                     [&](TensorBuilder &b, ValueRange v) {
                       return function(b, v[0], v[1], isUnsigned);
                     });
}

Value add(TensorBuilder &b, Value x, Value y, bool) { return b.add(x, y); }
Value sub(TensorBuilder &b, Value x, Value y, bool) { return b.sub(x, y); }
Value mul(TensorBuilder &b, Value x, Value y, bool) { return b.mul(x, y); }
Value div(TensorBuilder &b, Value x, Value y, bool isUnsigned) {
  return b.div(x, y, isUnsigned);
}
Value equal(TensorBuilder &b, Value x, Value y, bool) { return b.eq(x, y); }
Value less(TensorBuilder &b, Value x, Value y, bool isUnsigned) {
  return b.lt(x, y, isUnsigned);
}
Value lessOrEqual(TensorBuilder &b, Value x, Value y, bool isUnsigned) {
  return b.le(x, y, isUnsigned);
}
Value greater(TensorBuilder &b, Value x, Value y, bool isUnsigned) {
  return b.gt(x, y, isUnsigned);
}
Value greaterOrEqual(TensorBuilder &b, Value x, Value y, bool isUnsigned) {
  return b.ge(x, y, isUnsigned);
}
Value bitAnd(TensorBuilder &b, Value x, Value y, bool) {
  return b.logicalAnd(x, y);
}
Value bitOr(TensorBuilder &b, Value x, Value y, bool) {
  return b.logicalOr(x, y);
}
Value bitXor(TensorBuilder &b, Value x, Value y, bool) {
  return b.createOrFold<arith::XOrIOp>(x, y);
}
Value minimum(TensorBuilder &b, Value x, Value y, bool isUnsigned) {
  return b.min(x, y, isUnsigned);
}
Value maximum(TensorBuilder &b, Value x, Value y, bool isUnsigned) {
  return b.max(x, y, isUnsigned);
}

// The remainder has the sign of the divisor, or with fmod that of the dividend.
Lowered lowerMod(onnx::ModOp op, onnx::ModOp::Adaptor in, TensorBuilder &b) {
  Type type = elementType(in.getA());
  if (failed(requireNumbers(b, in.getA().getType())))
    return failure();
  bool isUnsigned = ashlar::isUnsigned(op.getA().getType()),
       fmod = op.getFmod() != 0;
  return mapComputed(
      b, type, in.getOperands(), [&](TensorBuilder &b, ValueRange v) {
        Value remainder = b.rem(v[0], v[1], isUnsigned);
        if (fmod || isUnsigned)
          return remainder;
        Value zero = b.zero(remainder.getType());
        Value otherSign = b.createOrFold<arith::XOrIOp>(b.lt(remainder, zero),
                                                        b.lt(v[1], zero));
        Value adjust = b.logicalAnd(b.ne(remainder, zero), otherSign);
        return b.select(adjust, b.add(remainder, v[1]), remainder);
      });
}

// Shifts by the width or more give 0.
Lowered lowerBitShift(onnx::BitShiftOp op, onnx::BitShiftOp::Adaptor in,
                      TensorBuilder &b) {
  Type type = elementType(in.getX());
  bool left = op.getDirection() == "LEFT";
  return b.map(type, in.getOperands(), [&](TensorBuilder &b, ValueRange v) {
    Value width = b.integer(type, type.getIntOrFloatBitWidth());
    Value fits = b.lt(v[1], width, /*isUnsigned=*/true);
    Value count = b.select(fits, v[1], b.zero(type));
    Value shifted = left ? b.createOrFold<arith::ShLIOp>(v[0], count)
                         : b.createOrFold<arith::ShRUIOp>(v[0], count);
    return b.select(fits, shifted, b.zero(type));
  });
}

template <typename OpT, BinaryFunction function>
Lowered lowerVariadic(OpT op, typename OpT::Adaptor in, TensorBuilder &b) {
  ValueRange inputs = in.getOperands();
  if (failed(requireNumbers(b, inputs[0].getType())))
    return failure();
  bool isUnsigned = ashlar::isUnsigned(op->getOperand(0).getType());
  return mapComputed(
      b, elementType(inputs[0]), inputs, [&](TensorBuilder &b, ValueRange v) {
        Value result = v[0];
        for (Value next : v.drop_front())
          result = function(b, result, next, isUnsigned);
        if (std::is_same_v<OpT, onnx::MeanOp>)
          result =
              b.div(result, b.scalar(result.getType(), v.size()), isUnsigned);
        return result;
      });
}

Lowered lowerWhere(onnx::WhereOp op, onnx::WhereOp::Adaptor in,
                   TensorBuilder &b) {
  return b.map(elementType(in.getX()),
               {in.getCondition(), in.getX(), in.getY()},
               [](TensorBuilder &b, ValueRange v) {
                 return b.select(v[0], v[1], v[2]);
               });
}

} // namespace

void populateBinaryPatterns(const OnnxTypeConverter &converter,
                            RewritePatternSet &patterns) {
#define LOWERING(OP, FORM, FUNCTION)                                           \
  addLowering<onnx::OP##Op>(converter, patterns, FORM<onnx::OP##Op, FUNCTION>);
  LOWERING(Add, lowerArithmetic, add)
  LOWERING(Sub, lowerArithmetic, sub)
  LOWERING(Mul, lowerArithmetic, mul)
  LOWERING(Div, lowerArithmetic, div)
  LOWERING(And, lowerArithmetic, bitAnd)
  LOWERING(Or, lowerArithmetic, bitOr)
  LOWERING(Xor, lowerArithmetic, bitXor)
  LOWERING(BitwiseAnd, lowerArithmetic, bitAnd)
  LOWERING(BitwiseOr, lowerArithmetic, bitOr)
  LOWERING(BitwiseXor, lowerArithmetic, bitXor)
  LOWERING(Equal, lowerComparison, equal)
  LOWERING(Less, lowerComparison, less)
  LOWERING(LessOrEqual, lowerComparison, lessOrEqual)
  LOWERING(Greater, lowerComparison, greater)
  LOWERING(GreaterOrEqual, lowerComparison, greaterOrEqual)
  LOWERING(Sum, lowerVariadic, add)
  LOWERING(Mean, lowerVariadic, add)
  LOWERING(Max, lowerVariadic, maximum)
  LOWERING(Min, lowerVariadic, minimum)
#undef LOWERING
  addLowering<onnx::ModOp>(converter, patterns, lowerMod);
  addLowering<onnx::BitShiftOp>(converter, patterns, lowerBitShift);
  addLowering<onnx::WhereOp>(converter, patterns, lowerWhere);
}

} // namespace ashlar
