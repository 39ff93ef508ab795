#include "passes/simplify/Passes.h"

#include "passes/simplify/ConstantFolding.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_FOLDDEQUANTIZEDWEIGHTS
#include "passes/simplify/Passes.h.inc"

namespace {

bool movesElements(Operation *op) {
  return isa<TransposeOp, ReshapeOp, FlattenOp, SqueezeOp, UnsqueezeOp,
             MaxPoolOp, SliceOp, SplitOp, ConcatOp, PadOp>(op);
}

// Whether a value is dequantized when the model runs.
bool isQuantizedActivation(Value value) {
  Operation *op = value.getDefiningOp();
  while (op && movesElements(op))
    op = op->getOperand(0).getDefiningOp();
  auto dequantize = dyn_cast_or_null<DequantizeLinearOp>(op);
  return dequantize && !constantOf(dequantize.getX());
}

// Whether something may use the integers that a value is dequantized from: a
// contraction with a quantized activation (that of a recurrent layer's input is
// one), or a lookup in a table.
bool hasIntegerUser(Value value) {
  return llvm::any_of(value.getUses(), [](OpOperand &use) {
    Operation *user = use.getOwner();
    if (isa<ConvOp, ConvTransposeOp, MatMulOp, GemmOp>(user))
      return use.getOperandNumber() > 0 &&
             isQuantizedActivation(user->getOperand(0));
    if (isa<LSTMOp, GRUOp, RNNOp>(user))
      return use.getOperandNumber() == 1 &&
             isQuantizedActivation(user->getOperand(0));
    if (isa<GatherOp>(user))
      return use.getOperandNumber() == 0;
    return movesElements(user) && hasIntegerUser(user->getResult(0));
  });
}

struct FoldDequantizedWeights
    : impl::FoldDequantizedWeightsBase<FoldDequantizedWeights> {
  using Base::Base;
  void runOnOperation() override {
    foldForward(getOperation(), [&](Operation *op) {
      return isa<DequantizeLinearOp>(op) &&
             !(keepIntegers && hasIntegerUser(op->getResult(0))) &&
             foldOperation(op);
    });
  }
};

} // namespace
} // namespace ashlar
