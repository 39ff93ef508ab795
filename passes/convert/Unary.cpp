// Functions of one value.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/Elementwise.h"
#include "passes/convert/Families.h"
#include "passes/convert/LowBit.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace ashlar {

LogicalResult requireNumbers(TensorBuilder &b, TypeRange types) {
  for (Type type : types) {
    Type element = elementType(type);
    if (!isa<IntegerType, FloatType>(element)) {
      std::string text;
      llvm::raw_string_ostream(text) << "with elements of type " << element;
      return b.unsupported(text);
    }
  }
  return success();
}

Value mapComputed(TensorBuilder &b, Type element, ValueRange inputs,
                  TensorBuilder::Body body) {
  return b.map(element, inputs, [&](TensorBuilder &b, ValueRange raw) {
    SmallVector<Value> wide =
        llvm::map_to_vector<4>(raw, [&](Value x) { return b.widen(x); });
    return b.narrow(body(b, wide), element);
  });
}

namespace {

using ScalarFunction = Value (*)(TensorBuilder &, Value);

// Operators defined for floats only.
template <typename OpT, ScalarFunction function>
Lowered lowerFloatFunction(OpT op, typename OpT::Adaptor in, TensorBuilder &b) {
  Value x = in.getOperands()[0];
  if (!isa<FloatType>(elementType(x)))
    return requireNumbers(b, x.getType()).failed()
               ? failure()
               : b.unsupported("with integer elements");
  return mapComputed(b, elementType(x), x, [](TensorBuilder &b, ValueRange v) {
    return function(b, v[0]);
  });
}

template <typename MathOp> Value makeMath(TensorBuilder &b, Value x) {
  return b.create<MathOp>(x).getResult();
}

Value makeReciprocal(TensorBuilder &b, Value x) {
  return b.div(b.scalar(x.getType(), 1), x);
}

// Operators that integers have too.
using NumberFunction = Value (*)(TensorBuilder &, Value, bool isUnsigned);

template <typename OpT, NumberFunction function>
Lowered lowerNumberFunction(OpT op, typename OpT::Adaptor in,
                            TensorBuilder &b) {
  Value x = in.getOperands()[0];
  if (failed(requireNumbers(b, x.getType())))
    return failure();
  bool isUnsigned = ashlar::isUnsigned(op->getOperand(0).getType());
  return mapComputed(b, elementType(x), x, [&](TensorBuilder &b, ValueRange v) {
    return function(b, v[0], isUnsigned);
  });
}

Value makeAbs(TensorBuilder &b, Value x, bool isUnsigned) {
  if (isa<FloatType>(x.getType()))
    return b.create<math::AbsFOp>(x);
  return isUnsigned ? x : b.max(x, b.neg(x));
}

Value makeNeg(TensorBuilder &b, Value x, bool) { return b.neg(x); }

// Zero and NaN stay what they are.
Value makeSign(TensorBuilder &b, Value x, bool isUnsigned) {
  Type type = x.getType();
  Value zero = b.zero(type);
  Value one = b.scalar(type, 1);
  Value notPositive =
      isUnsigned ? x : b.select(b.lt(x, zero), b.scalar(type, -1), x);
  return b.select(b.gt(x, zero, isUnsigned), one, notPositive);
}

Value makeReluOfAny(TensorBuilder &b, Value x, bool isUnsigned) {
  return isUnsigned ? x : makeRelu(b, x);
}

// A map of values of any float type to booleans.
Lowered testFloats(TensorBuilder &b, Value x, Type type,
                   TensorBuilder::Body body) {
  return mapComputed(b, b.getI1Type(), x, [&](TensorBuilder &b, ValueRange v) {
    return body(b, isSmallFloat(type) ? decodeSmallFloat(b, v[0], type) : v[0]);
  });
}

Lowered lowerIsNaN(onnx::IsNaNOp op, onnx::IsNaNOp::Adaptor in,
                   TensorBuilder &b) {
  if (failed(requireNumbers(b, in.getX().getType())))
    return failure();
  return testFloats(
      b, in.getX(), elementType(op.getX().getType()),
      [](TensorBuilder &b, ValueRange v) { return b.ne(v[0], v[0]); });
}

Lowered lowerIsInf(onnx::IsInfOp op, onnx::IsInfOp::Adaptor in,
                   TensorBuilder &b) {
  if (failed(requireNumbers(b, in.getX().getType())))
    return failure();
  bool positive = op.getDetectPositive() != 0,
       negative = op.getDetectNegative() != 0;
  return testFloats(
      b, in.getX(), elementType(op.getX().getType()),
      [&](TensorBuilder &b, ValueRange v) {
        Type type = v[0].getType();
        Value result = b.boolean(false);
        if (positive)
          result = b.logicalOr(result, b.eq(v[0], b.highest(type, false)));
        if (negative)
          result = b.logicalOr(result, b.eq(v[0], b.lowest(type, false)));
        return result;
      });
}

// Every bit flipped: Not of a boolean, BitwiseNot of an integer.
template <typename OpT>
Lowered lowerFlip(OpT op, typename OpT::Adaptor in, TensorBuilder &b) {
  Value x = in.getX();
  return b.map(elementType(x), x, [](TensorBuilder &b, ValueRange v) -> Value {
    return b.createOrFold<arith::XOrIOp>(v[0], b.integer(v[0].getType(), -1));
  });
}

template <typename OpT>
Lowered lowerIdentity(OpT op, typename OpT::Adaptor in, TensorBuilder &b) {
  return in.getOperands()[0];
}

} // namespace

void populateUnaryPatterns(const OnnxTypeConverter &converter,
                           RewritePatternSet &patterns) {
#define FLOAT_FUNCTION(OP, FUNCTION)                                           \
  addLowering<onnx::OP##Op>(converter, patterns,                               \
                            lowerFloatFunction<onnx::OP##Op, FUNCTION>);
  FLOAT_FUNCTION(Acos, makeMath<math::AcosOp>)
  FLOAT_FUNCTION(Acosh, makeMath<math::AcoshOp>)
  FLOAT_FUNCTION(Asin, makeMath<math::AsinOp>)
  FLOAT_FUNCTION(Asinh, makeMath<math::AsinhOp>)
  FLOAT_FUNCTION(Atan, makeMath<math::AtanOp>)
  FLOAT_FUNCTION(Atanh, makeMath<math::AtanhOp>)
  FLOAT_FUNCTION(Ceil, makeMath<math::CeilOp>)
  FLOAT_FUNCTION(Cos, makeMath<math::CosOp>)
  FLOAT_FUNCTION(Cosh, makeMath<math::CoshOp>)
  FLOAT_FUNCTION(Erf, makeMath<math::ErfOp>)
  FLOAT_FUNCTION(Exp, makeMath<math::ExpOp>)
  FLOAT_FUNCTION(Floor, makeMath<math::FloorOp>)
  FLOAT_FUNCTION(Log, makeMath<math::LogOp>)
  FLOAT_FUNCTION(Reciprocal, makeReciprocal)
  FLOAT_FUNCTION(Round, makeMath<math::RoundEvenOp>)
  FLOAT_FUNCTION(Sigmoid, makeSigmoid)
  FLOAT_FUNCTION(Sin, makeMath<math::SinOp>)
  FLOAT_FUNCTION(Sinh, makeMath<math::SinhOp>)
  FLOAT_FUNCTION(Softplus, makeSoftplus)
  FLOAT_FUNCTION(Sqrt, makeMath<math::SqrtOp>)
  FLOAT_FUNCTION(Tan, makeMath<math::TanOp>)
  FLOAT_FUNCTION(Tanh, makeMath<math::TanhOp>)
#undef FLOAT_FUNCTION
#define NUMBER_FUNCTION(OP, FUNCTION)                                          \
  addLowering<onnx::OP##Op>(converter, patterns,                               \
                            lowerNumberFunction<onnx::OP##Op, FUNCTION>);
  NUMBER_FUNCTION(Abs, makeAbs)
  NUMBER_FUNCTION(Neg, makeNeg)
  NUMBER_FUNCTION(Relu, makeReluOfAny)
  NUMBER_FUNCTION(Sign, makeSign)
#undef NUMBER_FUNCTION
  addLowering<onnx::IsNaNOp>(converter, patterns, lowerIsNaN);
  addLowering<onnx::IsInfOp>(converter, patterns, lowerIsInf);
  addLowering<onnx::NotOp>(converter, patterns, lowerFlip<onnx::NotOp>);
  addLowering<onnx::BitwiseNotOp>(converter, patterns,
                                  lowerFlip<onnx::BitwiseNotOp>);
  addLowering<onnx::IdentityOp>(converter, patterns,
                                lowerIdentity<onnx::IdentityOp>);
}

} // namespace ashlar
