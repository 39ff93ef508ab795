// Softmax and its kin before opset 13: the input is seen as a matrix, split
// before `axis`; from 13 on they work along one axis.
#include "compiler/import/upgrade/Upgrade.h"

using namespace mlir;

namespace ashlar {

static LogicalResult alongOneAxis(NodeBuilder &b, ImportNode &node,
                                  SmallVectorImpl<Value> &results) {
  Value x = node.input(0);
  if (!x)
    return success();
  int64_t axis = node.intAttr("axis", 1);
  node.attributes.erase("axis");
  std::optional<int64_t> rank = rankOf(x);
  // Along the last axis both mean the same.
  if (axis == -1 || (rank && axis == *rank - 1)) {
    node.attributes.set("axis", b.builder.getI64IntegerAttr(-1));
    return success();
  }
  Value shape = b.emit(node.loc, "Shape", x);
  Value matrix = b.emit(node.loc, "Flatten", x, {b.attribute("axis", axis)});
  if (!shape || !matrix)
    return failure();
  Value rows = b.emit(node.loc, node.op, matrix, {b.attribute("axis", -1)});
  if (!rows)
    return failure();
  Type declared = node.results.empty() ? Type() : node.results.front().declared;
  Value back = b.emit(node.loc, "Reshape", {rows, shape}, {}, declared);
  if (!back)
    return failure();
  results.push_back(back);
  return success();
}

ArrayRef<Upgrade> softmaxUpgrades() {
  static constexpr Upgrade table[] = {
      {"Softmax", 13, alongOneAxis},
      {"LogSoftmax", 13, alongOneAxis},
      {"Hardmax", 13, alongOneAxis},
  };
  return table;
}

} // namespace ashlar
