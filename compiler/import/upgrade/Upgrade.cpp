#include "compiler/import/upgrade/Upgrade.h"

using namespace mlir;

namespace ashlar {

void attributeToInput(NodeBuilder &b, ImportNode &node, StringRef attribute,
                      unsigned index) {
  if (auto values = node.take<DenseI64ArrayAttr>(attribute))
    node.setInput(index, b.constant(node.loc, values.asArrayRef()));
}

FailureOr<SmallVector<Value>> upgradeAndBuild(NodeBuilder &b,
                                              ImportNode &node) {
  // A memory hint of the first opsets.
  node.attributes.erase("consumed_inputs");
  if (node.domain.empty())
    for (ArrayRef<Upgrade> family :
         {elementwiseUpgrades(), normalizationUpgrades(), poolingUpgrades(),
          recurrentUpgrades(), reductionUpgrades(), resizeUpgrades(),
          shapeUpgrades(), softmaxUpgrades()})
      for (const Upgrade &upgrade : family) {
        if (upgrade.op != node.op || node.since >= upgrade.below)
          continue;
        SmallVector<Value> results;
        if (failed(upgrade.apply(b, node, results)))
          return failure();
        if (!results.empty())
          return results;
      }
  return b.build(node);
}

} // namespace ashlar
