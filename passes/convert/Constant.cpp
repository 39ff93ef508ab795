// onnx.Constant to arith.constant.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/Families.h"
#include "passes/convert/OnnxLowering.h"

using namespace mlir;

namespace ashlar {

static Lowered lowerConstant(onnx::ConstantOp op, onnx::ConstantOp::Adaptor,
                             TensorBuilder &b) {
  ElementsAttr value = withStorageElements(op.getValue());
  if (!value ||
      !isa<IntegerType, FloatType, ComplexType>(value.getElementType()))
    return b.unsupported("with elements that are not numbers");
  return b.create<arith::ConstantOp>(cast<TypedAttr>(value)).getResult();
}

void populateConstantPatterns(const OnnxTypeConverter &converter,
                              RewritePatternSet &patterns) {
  addLowering<onnx::ConstantOp>(converter, patterns, lowerConstant);
}

} // namespace ashlar
