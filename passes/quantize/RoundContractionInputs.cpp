#include "passes/quantize/Passes.h"

#include "dialects/onnx/OnnxOps.h"
#include "dialects/onnx/OperatorSchema.h"
#include "passes/analysis/GraphPatterns.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_ROUNDCONTRACTIONINPUTS
#include "passes/quantize/Passes.h.inc"

namespace {

struct RoundContractionInputs
    : impl::RoundContractionInputsBase<RoundContractionInputs> {
  void runOnOperation() override {
    SmallVector<Operation *> contractions;
    getOperation()->walk([&](Operation *op) {
      // The module has the attribute, too: what is asked for.
      auto precision = op == getOperation()
                           ? StringAttr()
                           : op->getAttrOfType<StringAttr>("ashlar.precision");
      if (precision && precision.getValue() == "bf16")
        contractions.push_back(op);
    });
    for (Operation *op : contractions) {
      OpBuilder builder(op);
      // The factors; a bias is added in f32 anyhow.
      for (unsigned factor : {0u, 1u})
        op->setOperand(factor, rounded(builder, op, op->getOperand(factor)));
      op->setAttr("ashlar.precision", builder.getStringAttr("f32"));
      op->setAttr("ashlar.precision_reason",
                  builder.getStringAttr("inputs rounded to bf16"));
      ++numRounded;
    }
  }

  Value rounded(OpBuilder &builder, Operation *op, Value value) {
    auto type = cast<ShapedType>(value.getType());
    Value narrow =
        convert(builder, op, value, type.clone(builder.getBF16Type()));
    return convert(builder, op, narrow, type);
  }

  Value convert(OpBuilder &builder, Operation *op, Value value, Type type) {
    OperationState state(op->getLoc(), CastOp::getOperationName());
    state.addOperands(value);
    state.addTypes(type);
    state.addAttribute(
        "to", builder.getI64IntegerAttr(
                  int64_t(elementTypeToOnnx(getElementTypeOrSelf(type)))));
    return builder.create(state)->getResult(0);
  }
};

} // namespace
} // namespace ashlar
