//===- OperationCount.cpp - about how much work a block is ----------------===//
#include "passes/analysis/OperationCount.h"

#include "llvm/Support/MathExtras.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

#include "dialects/tile/TileDialect.h"

using namespace mlir;
using namespace ashlar;

/// Iterations of an operation's regions.
static int64_t tripsOf(Operation &op) {
  constexpr int64_t kUnknown = 16;
  if (auto grid = dyn_cast<tile::GridOp>(op))
    return getConstantIntValue(grid.getCount()).value_or(kUnknown);
  auto loop = dyn_cast<LoopLikeOpInterface>(op);
  auto lows = loop ? loop.getLoopLowerBounds() : std::nullopt;
  auto highs = loop ? loop.getLoopUpperBounds() : std::nullopt;
  auto steps = loop ? loop.getLoopSteps() : std::nullopt;
  if (!lows || !highs || !steps)
    return loop ? kUnknown : 1;
  int64_t trips = 1;
  for (auto [low, high, step] : llvm::zip(*lows, *highs, *steps)) {
    auto from = getConstantIntValue(low), to = getConstantIntValue(high);
    auto by = getConstantIntValue(step);
    trips *=
        from && to && by && *by > 0
            ? int64_t(llvm::divideCeil(std::max<int64_t>(*to - *from, 0), *by))
            : kUnknown;
  }
  return trips;
}

/// What an elementary function becomes.
constexpr int64_t kFunction = 24;

static bool isFunction(Operation &op) {
  return isa_and_present<math::MathDialect>(op.getDialect()) &&
         !isa<math::FmaOp, math::AbsFOp, math::SqrtOp>(op);
}

int64_t ashlar::countOperations(Block &block) {
  int64_t total = 0;
  for (Operation &op : block) {
    total += isFunction(op) ? kFunction : 1;
    int64_t trips = tripsOf(op);
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        total += trips * countOperations(inner);
  }
  return total;
}
