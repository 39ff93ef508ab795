#include "compiler/import/upgrade/Upgrade.h"

using namespace mlir;

namespace ashlar {

void attributeToInput(NodeBuilder &b, ImportNode &node, StringRef attribute,
                      unsigned index) {
  if (auto values = node.take<DenseI64ArrayAttr>(attribute))
    node.setInput(index, b.constant(node.loc, values.asArrayRef()));
}

static SmallVector<ArrayRef<Upgrade>> familiesOf(StringRef domain) {
  if (domain == "ai.onnx.ml")
    return {machineLearningUpgrades()};
  if (!domain.empty())
    return {};
  return {elementwiseUpgrades(), normalizationUpgrades(), poolingUpgrades(),
          recurrentUpgrades(),   reductionUpgrades(),     resizeUpgrades(),
          shapeUpgrades(),       softmaxUpgrades()};
}

FailureOr<SmallVector<Value>> upgradeAndBuild(NodeBuilder &b,
                                              ImportNode &node) {
  // A memory hint of the first opsets.
  node.attributes.erase("consumed_inputs");
  std::string op = node.op;
  for (ArrayRef<Upgrade> family : familiesOf(node.domain))
    for (const Upgrade &upgrade : family) {
      if (upgrade.op != op || node.since >= upgrade.below)
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
