// Activation functions with parameters.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/Elementwise.h"
#include "passes/convert/Families.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>

using namespace mlir;

namespace ashlar {

Value makeSigmoid(TensorBuilder &b, Value x) {
  Value one = b.scalar(x.getType(), 1);
  return b.div(one, b.add(one, b.create<math::ExpOp>(b.neg(x))));
}

// log(1 + exp(x)) without overflow.
Value makeSoftplus(TensorBuilder &b, Value x) {
  Value tail = b.create<math::Log1pOp>(
      b.create<math::ExpOp>(b.neg(b.create<math::AbsFOp>(x))));
  return b.add(makeRelu(b, x), tail);
}

// A NaN stays: it is not below zero.
Value makeRelu(TensorBuilder &b, Value x) {
  Value zero = b.zero(x.getType());
  return b.select(b.lt(x, zero), zero, x);
}

Value makeClamp(TensorBuilder &b, Value x, Value low, Value high,
                bool isUnsigned) {
  if (low)
    x = b.select(b.lt(x, low, isUnsigned), low, x);
  if (high)
    x = b.select(b.gt(x, high, isUnsigned), high, x);
  return x;
}

Value makeGelu(TensorBuilder &b, Value x) {
  Type type = x.getType();
  Value half = b.mul(b.scalar(type, 0.5), x);
  Value erf =
      b.create<math::ErfOp>(b.mul(x, b.scalar(type, 0.70710678118654752440)));
  return b.mul(half, b.add(b.scalar(type, 1), erf));
}

Value makeGeluTanh(TensorBuilder &b, Value x) {
  Type type = x.getType();
  Value cube = b.mul(x, b.mul(x, x));
  Value inner = b.add(x, b.mul(b.scalar(type, 0.044715), cube));
  Value tanh = b.create<math::TanhOp>(
      b.mul(b.scalar(type, 0.79788456080286535588), inner));
  return b.mul(b.mul(b.scalar(type, 0.5), x), b.add(b.scalar(type, 1), tanh));
}

namespace {

template <typename OpT> using Formula = Value (*)(TensorBuilder &, OpT, Value);

template <typename OpT, Formula<OpT> formula>
Lowered lowerActivation(OpT op, typename OpT::Adaptor in, TensorBuilder &b) {
  Value x = in.getOperands()[0];
  if (!isa<FloatType>(elementType(x)))
    return requireNumbers(b, x.getType()).failed()
               ? failure()
               : b.unsupported("with integer elements");
  return mapComputed(b, elementType(x), x, [&](TensorBuilder &b, ValueRange v) {
    return formula(b, op, v[0]);
  });
}

Value constantLike(TensorBuilder &b, Value x, const APFloat &value) {
  return b.scalar(x.getType(), value.convertToDouble());
}

Value isNegative(TensorBuilder &b, Value x) {
  return b.lt(x, b.zero(x.getType()));
}
Value expm1(TensorBuilder &b, Value x) { return b.create<math::ExpM1Op>(x); }

Value celu(TensorBuilder &b, onnx::CeluOp op, Value x) {
  Value alpha = constantLike(b, x, op.getAlpha());
  return b.select(isNegative(b, x), b.mul(alpha, expm1(b, b.div(x, alpha))), x);
}

Value elu(TensorBuilder &b, onnx::EluOp op, Value x) {
  return b.select(isNegative(b, x),
                  b.mul(constantLike(b, x, op.getAlpha()), expm1(b, x)), x);
}

Value selu(TensorBuilder &b, onnx::SeluOp op, Value x) {
  Value negative = b.mul(constantLike(b, x, op.getAlpha()), expm1(b, x));
  return b.mul(constantLike(b, x, op.getGamma()),
               b.select(isNegative(b, x), negative, x));
}

Value gelu(TensorBuilder &b, onnx::GeluOp op, Value x) {
  return op.getApproximate() == "tanh" ? makeGeluTanh(b, x) : makeGelu(b, x);
}

Value hardSigmoid(TensorBuilder &b, Value x, double alpha, double beta) {
  Type type = x.getType();
  Value line = b.add(b.mul(b.scalar(type, alpha), x), b.scalar(type, beta));
  return makeClamp(b, line, b.zero(type), b.scalar(type, 1));
}

Value hardSigmoidOf(TensorBuilder &b, onnx::HardSigmoidOp op, Value x) {
  return hardSigmoid(b, x, op.getAlpha().convertToDouble(),
                     op.getBeta().convertToDouble());
}

Value hardSwish(TensorBuilder &b, onnx::HardSwishOp op, Value x) {
  return b.mul(x, hardSigmoid(b, x, 1.0 / 6, 0.5));
}

Value leakyRelu(TensorBuilder &b, onnx::LeakyReluOp op, Value x) {
  return b.select(isNegative(b, x), b.mul(constantLike(b, x, op.getAlpha()), x),
                  x);
}

Value mish(TensorBuilder &b, onnx::MishOp op, Value x) {
  return b.mul(x, b.create<math::TanhOp>(makeSoftplus(b, x)));
}

Value softsign(TensorBuilder &b, onnx::SoftsignOp op, Value x) {
  return b.div(x, b.add(b.scalar(x.getType(), 1), b.create<math::AbsFOp>(x)));
}

Value swish(TensorBuilder &b, onnx::SwishOp op, Value x) {
  return b.mul(x, makeSigmoid(b, b.mul(constantLike(b, x, op.getAlpha()), x)));
}

Value quickGelu(TensorBuilder &b, onnx::MsQuickGeluOp op, Value x) {
  return b.mul(x, makeSigmoid(b, b.mul(constantLike(b, x, op.getAlpha()), x)));
}

Value msGelu(TensorBuilder &b, onnx::MsGeluOp op, Value x) {
  return makeGelu(b, x);
}

Value thresholdedRelu(TensorBuilder &b, onnx::ThresholdedReluOp op, Value x) {
  return b.select(b.gt(x, constantLike(b, x, op.getAlpha())), x,
                  b.zero(x.getType()));
}

// With an optional bias that is added first.
Lowered lowerFastGelu(onnx::MsFastGeluOp op, onnx::MsFastGeluOp::Adaptor in,
                      TensorBuilder &b) {
  return mapComputed(b, elementType(in.getX()), in.getOperands(),
                     [](TensorBuilder &b, ValueRange v) {
                       return makeGeluTanh(b, v.size() > 1 ? b.add(v[0], v[1])
                                                           : v[0]);
                     });
}

Lowered lowerBiasGelu(onnx::MsBiasGeluOp op, onnx::MsBiasGeluOp::Adaptor in,
                      TensorBuilder &b) {
  return mapComputed(b, elementType(in.getA()), in.getOperands(),
                     [](TensorBuilder &b, ValueRange v) {
                       return makeGelu(b, b.add(v[0], v[1]));
                     });
}

Lowered lowerPRelu(onnx::PReluOp op, onnx::PReluOp::Adaptor in,
                   TensorBuilder &b) {
  if (failed(requireNumbers(b, in.getX().getType())))
    return failure();
  // An unsigned value is never negative.
  if (isUnsigned(op.getX().getType()))
    return in.getX();
  return mapComputed(b, elementType(in.getX()), {in.getX(), in.getSlope()},
                     [](TensorBuilder &b, ValueRange v) {
                       return b.select(isNegative(b, v[0]), b.mul(v[0], v[1]),
                                       v[0]);
                     });
}

Lowered lowerClip(onnx::ClipOp op, onnx::ClipOp::Adaptor in, TensorBuilder &b) {
  Value x = in.getInput();
  if (failed(requireNumbers(b, x.getType())))
    return failure();
  bool isUnsigned = ashlar::isUnsigned(op.getInput().getType());
  SmallVector<Value> inputs = {x};
  for (Value bound : {in.getMin(), in.getMax()})
    if (bound)
      inputs.push_back(b.reshape(bound, {}));
  return b.mapTo(b.dims(x), elementType(x), inputs,
                 [&](TensorBuilder &b, ValueRange v) {
                   Value low = in.getMin() ? v[1] : Value();
                   Value high = in.getMax() ? v.back() : Value();
                   return makeClamp(b, v[0], low, high, isUnsigned);
                 });
}

// The parameters are floats for every element type.
Lowered lowerShrink(onnx::ShrinkOp op, onnx::ShrinkOp::Adaptor in,
                    TensorBuilder &b) {
  Value x = in.getInput();
  if (failed(requireNumbers(b, x.getType())))
    return failure();
  Type element = elementType(x);
  bool isUnsigned = ashlar::isUnsigned(op.getInput().getType());
  return mapComputed(
      b, element, x, [&](TensorBuilder &b, ValueRange v) -> Value {
        Value number = v[0];
        bool integer = isa<IntegerType>(element);
        if (integer)
          number = isUnsigned
                       ? b.create<arith::UIToFPOp>(b.getF64Type(), number)
                             .getResult()
                       : b.create<arith::SIToFPOp>(b.getF64Type(), number)
                             .getResult();
        Value bias = constantLike(b, number, op.getBias()),
              limit = constantLike(b, number, op.getLambd());
        Value zero = b.zero(number.getType());
        Value above = b.select(b.gt(number, limit), b.sub(number, bias), zero);
        Value result =
            b.select(b.lt(number, b.neg(limit)), b.add(number, bias), above);
        if (!integer)
          return result;
        return isUnsigned
                   ? b.create<arith::FPToUIOp>(element, result).getResult()
                   : b.create<arith::FPToSIOp>(element, result).getResult();
      });
}

} // namespace

void populateActivationPatterns(const OnnxTypeConverter &converter,
                                RewritePatternSet &patterns) {
#define ACTIVATION(OP, FORMULA)                                                \
  addLowering<onnx::OP##Op>(converter, patterns,                               \
                            lowerActivation<onnx::OP##Op, FORMULA>);
  ACTIVATION(Celu, celu)
  ACTIVATION(Elu, elu)
  ACTIVATION(Gelu, gelu)
  ACTIVATION(HardSigmoid, hardSigmoidOf)
  ACTIVATION(HardSwish, hardSwish)
  ACTIVATION(LeakyRelu, leakyRelu)
  ACTIVATION(Mish, mish)
  ACTIVATION(MsGelu, msGelu)
  ACTIVATION(MsQuickGelu, quickGelu)
  ACTIVATION(Selu, selu)
  ACTIVATION(Softsign, softsign)
  ACTIVATION(Swish, swish)
  ACTIVATION(ThresholdedRelu, thresholdedRelu)
#undef ACTIVATION
  addLowering<onnx::ClipOp>(converter, patterns, lowerClip);
  addLowering<onnx::MsBiasGeluOp>(converter, patterns, lowerBiasGelu);
  addLowering<onnx::MsFastGeluOp>(converter, patterns, lowerFastGelu);
  addLowering<onnx::PReluOp>(converter, patterns, lowerPRelu);
  addLowering<onnx::ShrinkOp>(converter, patterns, lowerShrink);
}

} // namespace ashlar
