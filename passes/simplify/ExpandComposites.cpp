#include "passes/simplify/Passes.h"

#include "passes/simplify/expand/GraphBuilder.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_EXPANDCOMPOSITES
#include "passes/simplify/Passes.h.inc"

namespace {

struct ExpandComposites : impl::ExpandCompositesBase<ExpandComposites> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populatePoolingExpansions(patterns);
    populateRearrangementExpansions(patterns);
    populateEinsumExpansions(patterns);
    populateAttentionExpansions(patterns);
    populateLinearAttentionExpansions(patterns);
    populateLossExpansions(patterns);
    populateNBitsExpansions(patterns);
    populateQuantizedExpansions(patterns);
    populateFusedExpansions(patterns);
    populateSignalExpansions(patterns);
    populateTrainingExpansions(patterns);
    populateSequenceExpansions(patterns);
    populateMachineLearningExpansions(patterns);
    if (failed(applyRewrites(getOperation(), std::move(patterns))))
      return signalPassFailure();
  }
};

} // namespace
} // namespace ashlar
