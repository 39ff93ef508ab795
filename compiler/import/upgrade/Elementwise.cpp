// Elementwise operators: before opset 7 broadcasting was asked for by
// attributes; Clip had its bounds as attributes up to 10.
#include "compiler/import/upgrade/Upgrade.h"

using namespace mlir;

namespace ashlar {
namespace {

// `small` with ones put behind its shape, so that its first dimension meets
// dimension `axis` of `large`.
Value alignAt(NodeBuilder &b, Location loc, Value large, Value small,
              int64_t axis) {
  std::optional<int64_t> largeRank = rankOf(large), smallRank = rankOf(small);
  if (largeRank && smallRank) {
    int64_t behind =
        *largeRank - (axis < 0 ? axis + *largeRank : axis) - *smallRank;
    if (behind <= 0)
      return small;
    SmallVector<int64_t> axes =
        llvm::to_vector(llvm::seq<int64_t>(*smallRank, *smallRank + behind));
    return b.emit(loc, "Unsqueeze", {small, b.constant(loc, axes)});
  }
  // Ranks are not known yet: compute the shape.
  Value shape = b.emit(loc, "Shape", small);
  Value rank = axis < 0 ? b.constant(loc, {int64_t(0)})
                        : b.emit(loc, "Shape", b.emit(loc, "Shape", large));
  Value behind = b.emit(loc, "Sub", {rank, b.constant(loc, {axis})});
  behind = b.emit(loc, "Sub", {behind, b.emit(loc, "Shape", shape)});
  auto oneType = RankedTensorType::get({1}, b.builder.getI64Type());
  NamedAttribute one = b.builder.getNamedAttr(
      "value", DenseElementsAttr::get(oneType, ArrayRef<int64_t>{1}));
  Value ones = b.emit(loc, "ConstantOfShape", behind, {one});
  Value aligned =
      b.emit(loc, "Concat", {shape, ones}, {b.attribute("axis", int64_t(0))});
  return b.emit(loc, "Reshape", {small, aligned});
}

LogicalResult broadcastAttributes(NodeBuilder &b, ImportNode &node,
                                  SmallVectorImpl<Value> &) {
  auto axis = node.take<IntegerAttr>("axis");
  auto broadcast = node.take<IntegerAttr>("broadcast");
  if (!broadcast || !broadcast.getInt() || !axis || !node.input(0) ||
      !node.input(1))
    return success();
  node.inputs[1] =
      alignAt(b, node.loc, node.inputs[0], node.inputs[1], axis.getInt());
  return success(bool(node.inputs[1]));
}

// A slope of rank one belongs to the channels.
LogicalResult preluSlope(NodeBuilder &b, ImportNode &node,
                         SmallVectorImpl<Value> &) {
  Value slope = node.input(1);
  auto type = slope ? dyn_cast<RankedTensorType>(slope.getType()) : nullptr;
  if (!type || type.getRank() != 1 || type.getDimSize(0) == 1)
    return success();
  node.inputs[1] = alignAt(b, node.loc, node.inputs[0], slope, 1);
  return success(bool(node.inputs[1]));
}

LogicalResult dropBroadcast(NodeBuilder &, ImportNode &node,
                            SmallVectorImpl<Value> &) {
  node.attributes.erase("broadcast");
  return success();
}

LogicalResult clipBounds(NodeBuilder &b, ImportNode &node,
                         SmallVectorImpl<Value> &) {
  auto type =
      node.input(0) ? dyn_cast<TensorType>(node.input(0).getType()) : nullptr;
  for (auto [name, index] : {std::pair("min", 1u), std::pair("max", 2u)}) {
    auto bound = node.take<FloatAttr>(name);
    if (bound && type)
      node.setInput(index,
                    b.splat(node.loc,
                            RankedTensorType::get({}, type.getElementType()),
                            bound.getValueAsDouble()));
  }
  return success();
}

// The default differs in the fifth digit.
LogicalResult seluAlpha(NodeBuilder &b, ImportNode &node,
                        SmallVectorImpl<Value> &) {
  if (!node.attributes.get("alpha"))
    node.attributes.set("alpha", b.builder.getF32FloatAttr(1.6732f));
  return success();
}

// Types by name, as in "FLOAT".
LogicalResult castTo(NodeBuilder &b, ImportNode &node,
                     SmallVectorImpl<Value> &) {
  auto name = node.take<StringAttr>("to");
  if (!name)
    return success();
  static constexpr llvm::StringLiteral names[] = {
      "FLOAT",  "UINT8",  "INT8",   "UINT16",    "INT16",
      "INT32",  "INT64",  "STRING", "BOOL",      "FLOAT16",
      "DOUBLE", "UINT32", "UINT64", "COMPLEX64", "COMPLEX128"};
  const auto *found = llvm::find_if(names, [&](StringRef known) {
    return known.equals_insensitive(name.getValue());
  });
  if (found == std::end(names))
    return node.error() << "attribute 'to' names the unknown type '"
                        << name.getValue() << "'";
  node.attributes.set(
      "to", b.builder.getI64IntegerAttr(found - std::begin(names) + 1));
  return success();
}

} // namespace

ArrayRef<Upgrade> elementwiseUpgrades() {
  static constexpr Upgrade table[] = {
      {"Add", 7, broadcastAttributes},
      {"Sub", 7, broadcastAttributes},
      {"Mul", 7, broadcastAttributes},
      {"Div", 7, broadcastAttributes},
      {"Pow", 7, broadcastAttributes},
      {"And", 7, broadcastAttributes},
      {"Or", 7, broadcastAttributes},
      {"Xor", 7, broadcastAttributes},
      {"Equal", 7, broadcastAttributes},
      {"Less", 7, broadcastAttributes},
      {"Greater", 7, broadcastAttributes},
      {"PRelu", 7, preluSlope},
      {"Gemm", 7, dropBroadcast},
      {"Clip", 11, clipBounds},
      {"Selu", 6, seluAlpha},
      {"Cast", 6, castTo},
  };
  return table;
}

} // namespace ashlar
