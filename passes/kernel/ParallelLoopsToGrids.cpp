//===- ParallelLoopsToGrids.cpp - grids of parallel loops -----------------===//
#include "passes/kernel/Passes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

#include "dialects/nn/NnDialect.h"
#include "dialects/tile/TileDialect.h"
#include "passes/analysis/OperationCount.h"
#include "passes/kernel/IndexArithmetic.h"

namespace ashlar {
#define GEN_PASS_DEF_PARALLELLOOPSTOGRIDS
#include "passes/kernel/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

using Index = OpFoldResult;

/// Tasks of a grid at most.
constexpr int64_t kTasks = 32;
/// Elementary operations below which a call of the executor does not pay.
constexpr int64_t kWorthwhile = 1 << 12;

/// Copies the body of `loop` to the insertion point, with its axes from
/// `axis` on as loops.
void emitNest(IndexArithmetic &b, scf::ParallelOp loop, unsigned axis,
              IRMapping &mapping) {
  if (axis == loop.getNumLoops()) {
    for (Operation &op : loop.getBody()->without_terminator())
      b.clone(op, mapping);
    return;
  }
  auto nest =
      scf::ForOp::create(b, loop.getLowerBound()[axis],
                         loop.getUpperBound()[axis], loop.getStep()[axis]);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(nest.getBody());
  mapping.map(loop.getInductionVars()[axis], nest.getInductionVar());
  emitNest(b, loop, axis + 1, mapping);
}

/// Iterations along an axis that begins at 0 and steps by 1.
std::optional<Index> extentOf(scf::ParallelOp loop, unsigned axis) {
  if (getConstantIntValue(loop.getLowerBound()[axis]) != 0 ||
      getConstantIntValue(loop.getStep()[axis]) != 1)
    return std::nullopt;
  return getAsOpFoldResult(loop.getUpperBound()[axis]);
}

/// How many leading axes the tasks are cut from: as few as give enough, not
/// the innermost one of several, whose elements are contiguous. 0: no grid.
unsigned chooseAxes(IndexArithmetic &b, scf::ParallelOp loop) {
  if (loop->getParentOfType<tile::GridOp>() ||
      loop->getParentOfType<LoopLikeOpInterface>() || loop.getNumReductions())
    return 0;
  // A failed requirement ends the run, which a task cannot do.
  if (loop.getBody()
          ->walk([](nn::RequireOp) { return WalkResult::interrupt(); })
          .wasInterrupted())
    return 0;
  int64_t trips = 1;
  for (unsigned axis = 0; axis < loop.getNumLoops(); ++axis) {
    auto extent = extentOf(loop, axis);
    if (!extent)
      return 0;
    trips *= b.known(*extent).value_or(64);
  }
  if (trips * countOperations(*loop.getBody()) < kWorthwhile)
    return 0;
  int64_t tasks = 1;
  unsigned axes = 0;
  while (axes < loop.getNumLoops() && tasks < 8) {
    if (axes > 0 && axes + 1 == loop.getNumLoops() && tasks > 1)
      break;
    tasks *= b.known(*extentOf(loop, axes)).value_or(64);
    ++axes;
  }
  return axes;
}

void makeGrid(IndexArithmetic &b, scf::ParallelOp loop, unsigned axes) {
  Index iterations = b.fixed(1);
  SmallVector<Index> extents;
  for (unsigned axis = 0; axis < axes; ++axis) {
    extents.push_back(*extentOf(loop, axis));
    iterations = b.mul(iterations, extents.back());
  }
  Index each = b.ceilDiv(iterations, kTasks);
  if (!b.known(each))
    each = arith::MaxUIOp::create(b, b.value(each), b.value(b.fixed(1)))
               .getResult();
  Index count = b.div(b.sub(b.add(iterations, each), b.fixed(1)), each);
  auto grid = tile::GridOp::create(b, b.value(count));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&grid.getBody().front());
  Index low = b.mul(Index(Value(grid.getTask())), each);
  Index high = b.min(b.add(low, each), iterations);
  auto range =
      scf::ForOp::create(b, b.value(low), b.value(high), b.value(b.fixed(1)));
  b.setInsertionPointToStart(range.getBody());
  IRMapping mapping;
  Index rest = range.getInductionVar();
  for (unsigned axis = axes; axis-- > 0;) {
    Index place = axis ? b.rem(rest, extents[axis]) : rest;
    mapping.map(loop.getInductionVars()[axis], b.value(place));
    if (axis)
      rest = b.div(rest, extents[axis]);
  }
  emitNest(b, loop, axes, mapping);
}

struct ParallelLoopsToGrids
    : ashlar::impl::ParallelLoopsToGridsBase<ParallelLoopsToGrids> {
  void runOnOperation() override {
    // Outer loops first: what lies inside a grid becomes plain loops.
    for (SmallVector<scf::ParallelOp> found = findOutermost(); !found.empty();
         found = findOutermost())
      for (scf::ParallelOp loop : found)
        lower(loop);
  }

  SmallVector<scf::ParallelOp> findOutermost() {
    SmallVector<scf::ParallelOp> found;
    getOperation().walk<WalkOrder::PreOrder>([&](scf::ParallelOp loop) {
      found.push_back(loop);
      return WalkResult::skip();
    });
    return found;
  }

  void lower(scf::ParallelOp loop) {
    IndexArithmetic b(loop.getLoc(), loop);
    if (unsigned axes = chooseAxes(b, loop)) {
      makeGrid(b, loop, axes);
    } else {
      IRMapping mapping;
      emitNest(b, loop, 0, mapping);
    }
    loop.erase();
  }
};

} // namespace
