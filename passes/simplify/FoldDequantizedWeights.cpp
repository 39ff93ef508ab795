#include "passes/simplify/Passes.h"

#include "passes/simplify/ConstantFolding.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_FOLDDEQUANTIZEDWEIGHTS
#include "passes/simplify/Passes.h.inc"

namespace {

struct FoldDequantizedWeights
    : impl::FoldDequantizedWeightsBase<FoldDequantizedWeights> {
  void runOnOperation() override {
    foldForward(getOperation(), [](Operation *op) {
      return isa<DequantizeLinearOp>(op) && foldOperation(op);
    });
  }
};

} // namespace
} // namespace ashlar
