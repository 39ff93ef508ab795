//===- SerialLoopsToGrids.cpp - loops of long programs as tasks -----------===//
#include "passes/kernel/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include "dialects/nn/NnDialect.h"
#include "dialects/tile/TileDialect.h"

namespace ashlar {
#define GEN_PASS_DEF_SERIALLOOPSTOGRIDS
#include "passes/kernel/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

/// Loops in one function that LLVM still walks through in passing.
constexpr size_t kMany = 128;

/// True if the loop may be a task: its results are in memory, no task is in
/// it, and nothing in it ends the run.
bool canBeTask(scf::ForOp loop) {
  return loop.getNumResults() == 0 &&
         !loop.walk([](Operation *op) {
                return isa<tile::GridOp, nn::RequireOp>(op)
                           ? WalkResult::interrupt()
                           : WalkResult::advance();
              })
              .wasInterrupted();
}

struct SerialLoopsToGrids
    : ashlar::impl::SerialLoopsToGridsBase<SerialLoopsToGrids> {
  void runOnOperation() override {
    if (getOperation().isExternal())
      return;
    SmallVector<scf::ForOp> loops;
    for (auto loop : getOperation().getBody().front().getOps<scf::ForOp>())
      if (canBeTask(loop))
        loops.push_back(loop);
    if (loops.size() < kMany)
      return;
    for (scf::ForOp loop : loops) {
      ImplicitLocOpBuilder b(loop.getLoc(), loop);
      auto grid = tile::GridOp::create(b, arith::ConstantIndexOp::create(b, 1));
      loop->moveBefore(&grid.getBody().front(), grid.getBody().front().begin());
    }
  }
};

} // namespace
