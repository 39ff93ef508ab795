//===- LoopsToBranches.cpp - structured control flow to branches ----------===//
#include "passes/lower/Passes.h"

#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Rewrite/PatternApplicator.h"

namespace ashlar {
#define GEN_PASS_DEF_LOOPSTOBRANCHES
#include "passes/lower/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

struct LoopsToBranches : ashlar::impl::LoopsToBranchesBase<LoopsToBranches> {
  void runOnOperation() override {
    RewritePatternSet upstream(&getContext());
    populateSCFToControlFlowConversionPatterns(upstream);
    FrozenRewritePatternSet patterns(std::move(upstream));
    PatternApplicator applicator(patterns);
    applicator.applyDefaultCostModel();
    SmallVector<Operation *> loops;
    // Backwards: outer ones before inner ones, whose blocks upstream's patterns
    // do not expect, and of neighbours the last first.
    getOperation().walk<WalkOrder::PostOrder>([&](Operation *op) {
      if (isa<scf::SCFDialect>(op->getDialect()) &&
          !op->hasTrait<OpTrait::IsTerminator>())
        loops.push_back(op);
    });
    PatternRewriter rewriter(&getContext());
    for (Operation *loop : llvm::reverse(loops)) {
      rewriter.setInsertionPoint(loop);
      if (succeeded(applicator.matchAndRewrite(loop, rewriter))) {
        ++numLowered;
        continue;
      }
      loop->emitError("has no form with branches");
      return signalPassFailure();
    }
  }
};

} // namespace
