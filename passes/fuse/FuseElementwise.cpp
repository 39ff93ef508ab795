//===- FuseElementwise.cpp - chains of elementwise operations -------------===//
#include "passes/fuse/Passes.h"

#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include "dialects/nn/NnDialect.h"
#include "passes/analysis/TransposeMatch.h"

namespace ashlar {
#define GEN_PASS_DEF_FUSEELEMENTWISE
#include "passes/fuse/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

/// Whether a chain of elementwise operations starts in a contraction or pool,
/// of which it will be the epilogue. (What was fused already may have dead
/// users still: uses are not counted.)
bool startsInContraction(linalg::GenericOp op) {
  return llvm::any_of(op.getDpsInputs(), [](Value input) {
    Operation *producer = input.getDefiningOp();
    if (!producer)
      return false;
    if (isa<nn::ConvOp, nn::MatmulOp, nn::PoolOp>(producer))
      return true;
    auto generic = dyn_cast<linalg::GenericOp>(producer);
    return generic && generic.getNumParallelLoops() == generic.getNumLoops() &&
           startsInContraction(generic);
  });
}

/// Whether to compute the operand's producer inside its consumer.
bool shouldFuse(OpOperand *operand) {
  auto producer = operand->get().getDefiningOp<linalg::GenericOp>();
  auto consumer = dyn_cast<linalg::GenericOp>(operand->getOwner());
  if (!producer || !consumer)
    return false;
  // Computed once for one user; a transpose is better done by itself, where
  // it moves whole vectors.
  if (!producer->hasOneUse() || matchTranspose(operand->get()))
    return false;
  // What a contraction stores as bytes is not kept wide for a later one.
  if (getElementTypeOrSelf(operand->get().getType()).isInteger(8) &&
      startsInContraction(producer))
    return false;
  // A value that the consumer reads again and again is computed once.
  AffineMap access = consumer.getMatchingIndexingMap(operand);
  return access.isPermutation();
}

struct FuseElementwise : ashlar::impl::FuseElementwiseBase<FuseElementwise> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    linalg::populateElementwiseOpsFusionPatterns(patterns, shouldFuse);
    linalg::GenericOp::getCanonicalizationPatterns(patterns, &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
