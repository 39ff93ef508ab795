// Normalisations and Dropout: what was for training goes, old layouts of the
// parameters are brought to the new one.
#include "compiler/import/upgrade/Upgrade.h"

using namespace mlir;

namespace ashlar {
namespace {

bool wants(const ImportNode &node, unsigned index) {
  return index < node.results.size() && !node.results[index].name.empty();
}

// Up to opset 6 `is_test` chose between training (the default) and inference.
LogicalResult dropIsTest(NodeBuilder &, ImportNode &node,
                         SmallVectorImpl<Value> &) {
  bool isTest = node.intAttr("is_test", 0) != 0;
  node.attributes.erase("is_test");
  if (!isTest)
    return node.unsupported("is not supported in training mode");
  return success();
}

// In inference the ratio has no meaning. Before opset 10 the mask had the type
// of the data.
LogicalResult dropoutRatio(NodeBuilder &b, ImportNode &node,
                           SmallVectorImpl<Value> &results) {
  node.attributes.erase("ratio");
  if (node.since >= 10 || !wants(node, 1) || !node.input(0))
    return success();
  Type element = cast<TensorType>(node.input(0).getType()).getElementType();
  Type declared = std::exchange(node.results[1].declared, Type());
  FailureOr<SmallVector<Value>> made = b.build(node);
  if (failed(made))
    return failure();
  NamedAttribute to =
      b.attribute("to", int64_t(onnx::elementTypeToOnnx(element)));
  Value mask = b.emit(node.loc, "Cast", (*made)[1], {to}, declared);
  if (!mask)
    return failure();
  results.assign({(*made)[0], mask});
  return success();
}

// Statistics of each position instead of each channel: said with elementwise
// operators, whose broadcasting puts the batch in front.
LogicalResult perPosition(NodeBuilder &b, ImportNode &node,
                          SmallVectorImpl<Value> &results) {
  bool spatial = node.intAttr("spatial", 1) != 0;
  node.attributes.erase("spatial");
  if (spatial || node.inputs.size() != 5 ||
      llvm::is_contained(node.inputs, Value()))
    return success();
  auto epsilonAttr = node.take<FloatAttr>("epsilon");
  double epsilon = epsilonAttr ? epsilonAttr.getValueAsDouble() : double(1e-5f);
  auto type = dyn_cast<TensorType>(node.inputs[4].getType());
  if (!type)
    return success();
  Location loc = node.loc;
  auto binary = [&](StringRef op, Value lhs, Value rhs) {
    return lhs && rhs ? b.emit(loc, op, {lhs, rhs}) : Value();
  };
  Value small =
      b.splat(loc, RankedTensorType::get({}, type.getElementType()), epsilon);
  Value variance = binary("Add", node.inputs[4], small);
  Value deviation = variance ? b.emit(loc, "Sqrt", variance) : Value();
  Value scaled =
      binary("Div", binary("Sub", node.inputs[0], node.inputs[3]), deviation);
  Value y =
      binary("Add", binary("Mul", scaled, node.inputs[1]), node.inputs[2]);
  if (!y)
    return failure();
  results.assign({y});
  results.resize(node.results.size());
  return success();
}

// Up to 13 further outputs meant training.
LogicalResult inferenceOnly(NodeBuilder &, ImportNode &node,
                            SmallVectorImpl<Value> &) {
  for (unsigned i = 1; i < node.results.size(); ++i)
    if (wants(node, i))
      return node.unsupported("is not supported in training mode");
  node.results.resize(std::min<size_t>(node.results.size(), 1));
  return success();
}

// Scale and bias were given for each group, now for each channel.
LogicalResult perChannel(NodeBuilder &b, ImportNode &node,
                         SmallVectorImpl<Value> &) {
  int64_t groups = node.intAttr("num_groups", 0);
  if (groups < 1 || node.inputs.size() != 3 ||
      llvm::is_contained(node.inputs, Value()))
    return success();
  Location loc = node.loc;
  NamedAttribute range[] = {b.attribute("start", int64_t(1)),
                            b.attribute("end", int64_t(2))};
  Value channels = b.emit(loc, "Shape", node.inputs[0], range);
  Value count = b.constant(loc, {groups});
  Value each = b.emit(loc, "Div", {channels, count});
  Value shape =
      b.emit(loc, "Concat", {count, each}, {b.attribute("axis", int64_t(0))});
  Value last = b.constant(loc, {int64_t(1)}),
        flat = b.constant(loc, {int64_t(-1)});
  for (Value &parameter : MutableArrayRef(node.inputs).drop_front()) {
    Value column = b.emit(loc, "Unsqueeze", {parameter, last});
    Value repeated = column ? b.emit(loc, "Expand", {column, shape}) : Value();
    parameter = repeated ? b.emit(loc, "Reshape", {repeated, flat}) : Value();
    if (!parameter)
      return failure();
  }
  return success();
}

} // namespace

ArrayRef<Upgrade> normalizationUpgrades() {
  static constexpr Upgrade table[] = {
      {"Dropout", 7, dropIsTest},
      {"Dropout", 12, dropoutRatio},
      {"BatchNormalization", 7, dropIsTest},
      {"BatchNormalization", 14, inferenceOnly},
      {"BatchNormalization", 9, perPosition},
      {"GroupNormalization", 21, perChannel},
  };
  return table;
}

} // namespace ashlar
