// Matrix products of element types that have no fast path.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/Contraction.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"
#include "passes/convert/PlainLoops.h"

using namespace mlir;

namespace ashlar {
namespace {

Lowered lowerMatMul(onnx::MatMulOp op, onnx::MatMulOp::Adaptor in, Emitter &e) {
  warnPlainLoops(op, op.getA(), op.getB());
  Type element = e.resultType(0).getElementType(), wide = computeType(element);
  bool isUnsignedProduct = isUnsigned(op.getA().getType());
  Value product = multiply(e, in.getA(), in.getB(), wide, isUnsignedProduct,
                           isUnsignedProduct);
  if (wide == element)
    return product;
  return e.map(element, product, [&](TensorBuilder &b, ValueRange x) {
    return b.narrow(x[0], element);
  });
}

Lowered lowerGemm(onnx::GemmOp op, onnx::GemmOp::Adaptor in, Emitter &e) {
  warnPlainLoops(op, op.getA(), op.getB());
  Type element = e.resultType(0).getElementType(), wide = computeType(element);
  Value a = op.getTransA() ? transposeMatrix(e, in.getA()) : in.getA();
  Value b = op.getTransB() ? transposeMatrix(e, in.getB()) : in.getB();
  SmallVector<Value> inputs = {multiply(e, a, b, wide)};
  if (in.getC())
    inputs.push_back(in.getC());
  double alpha = op.getAlpha().convertToFloat(),
         beta = op.getBeta().convertToFloat();
  return e.map(element, inputs, [&](TensorBuilder &b, ValueRange x) -> Value {
    Scalar sum = Scalar(b, x[0]);
    sum = alpha == 1 ? sum : sum * alpha;
    if (x.size() > 1) {
      Scalar c = Scalar(b, x[1]).to(wide);
      sum = sum + (beta == 1 ? c : c * beta);
    }
    return sum.to(element);
  });
}

} // namespace

void populateGeneralMatMulPatterns(const OnnxTypeConverter &converter,
                                   RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerMatMul, lowerGemm);
}

} // namespace ashlar
