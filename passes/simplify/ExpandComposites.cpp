#include "passes/simplify/Passes.h"

#include "passes/simplify/expand/GraphBuilder.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

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
    populateQuantizedExpansions(patterns);
    populateFusedExpansions(patterns);
    //    populateSignalExpansions(patterns);
    GreedyRewriteConfig config;
    config.enableFolding(false)
        .enableConstantCSE(false)
        .setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
    if (failed(
            applyPatternsGreedily(getOperation(), std::move(patterns), config)))
      return signalPassFailure();
  }
};

} // namespace
} // namespace ashlar
