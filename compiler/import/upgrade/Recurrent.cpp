// Recurrent layers and Scan.
#include "compiler/import/upgrade/Upgrade.h"

using namespace mlir;

namespace ashlar {
namespace {

// Whether the sequence of outputs is wanted shows from the node's outputs.
LogicalResult dropOutputSequence(NodeBuilder &, ImportNode &node,
                                 SmallVectorImpl<Value> &) {
  node.attributes.erase("output_sequence");
  return success();
}

// Scan-8 ran over a batch. A batch of one, without lengths, is a plain Scan.
LogicalResult scanOfOneBatch(NodeBuilder &b, ImportNode &node,
                             SmallVectorImpl<Value> &results) {
  bool single = !node.input(0) && node.inputs.size() > 1;
  for (Value value : ArrayRef(node.inputs)
                         .drop_front(std::min<size_t>(1, node.inputs.size()))) {
    auto type = value ? dyn_cast<RankedTensorType>(value.getType()) : nullptr;
    single &= type && type.getRank() > 0 && type.getDimSize(0) == 1;
  }
  if (!single)
    return node.unsupported("is not supported over a batch, as in opset 8");
  Value zero = b.constant(node.loc, {int64_t(0)});
  node.inputs.erase(node.inputs.begin());
  for (Value &value : node.inputs)
    if (!(value = b.emit(node.loc, "Squeeze", {value, zero})))
      return failure();
  if (auto directions = node.take<DenseI64ArrayAttr>("directions"))
    node.attributes.set("scan_input_directions", directions);
  SmallVector<Type> declared;
  for (ImportResult &result : node.results)
    declared.push_back(std::exchange(result.declared, Type()));
  FailureOr<SmallVector<Value>> made = b.build(node);
  if (failed(made))
    return failure();
  for (auto [value, type] : llvm::zip(*made, declared)) {
    results.push_back(
        value ? b.emit(node.loc, "Unsqueeze", {value, zero}, {}, type)
              : Value());
    if (value && !results.back())
      return failure();
  }
  return success();
}

} // namespace

ArrayRef<Upgrade> recurrentUpgrades() {
  static constexpr Upgrade table[] = {
      {"LSTM", 7, dropOutputSequence},
      {"GRU", 7, dropOutputSequence},
      {"RNN", 7, dropOutputSequence},
      {"Scan", 9, scanOfOneBatch},
  };
  return table;
}

} // namespace ashlar
