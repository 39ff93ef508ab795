// Reductions: axes were an attribute up to 17 (ReduceSum: up to 12).
#include "compiler/import/upgrade/Upgrade.h"

using namespace mlir;

namespace ashlar {

static LogicalResult axesToInput(NodeBuilder &b, ImportNode &node,
                                 SmallVectorImpl<Value> &) {
  attributeToInput(b, node, "axes", 1);
  return success();
}

ArrayRef<Upgrade> reductionUpgrades() {
  static constexpr Upgrade table[] = {
      {"ReduceL1", 18, axesToInput},
      {"ReduceL2", 18, axesToInput},
      {"ReduceLogSum", 18, axesToInput},
      {"ReduceLogSumExp", 18, axesToInput},
      {"ReduceMax", 18, axesToInput},
      {"ReduceMean", 18, axesToInput},
      {"ReduceMin", 18, axesToInput},
      {"ReduceProd", 18, axesToInput},
      {"ReduceSumSquare", 18, axesToInput},
      {"ReduceSum", 13, axesToInput},
  };
  return table;
}

} // namespace ashlar
