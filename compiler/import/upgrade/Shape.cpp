// Operators that move or select elements: most had attributes that became
// operands.
#include "compiler/import/upgrade/Upgrade.h"

using namespace mlir;

namespace ashlar {
namespace {

LogicalResult axesToInput(NodeBuilder &b, ImportNode &node,
                          SmallVectorImpl<Value> &) {
  attributeToInput(b, node, "axes", 1);
  return success();
}

LogicalResult splitToInput(NodeBuilder &b, ImportNode &node,
                           SmallVectorImpl<Value> &) {
  attributeToInput(b, node, "split", 1);
  return success();
}

// Without lengths the number of parts is the number of outputs; from 18 on it
// is an attribute.
LogicalResult countSplits(NodeBuilder &b, ImportNode &node,
                          SmallVectorImpl<Value> &) {
  if (!node.input(1))
    node.attributes.set("num_outputs",
                        b.builder.getI64IntegerAttr(node.results.size()));
  return success();
}

LogicalResult shapeToInput(NodeBuilder &b, ImportNode &node,
                           SmallVectorImpl<Value> &) {
  attributeToInput(b, node, "shape", 1);
  return success();
}

LogicalResult sliceToInputs(NodeBuilder &b, ImportNode &node,
                            SmallVectorImpl<Value> &) {
  attributeToInput(b, node, "starts", 1);
  attributeToInput(b, node, "ends", 2);
  attributeToInput(b, node, "axes", 3);
  return success();
}

LogicalResult tileRepeats(NodeBuilder &b, ImportNode &node,
                          SmallVectorImpl<Value> &) {
  // Tile-1: `tiles` copies along `axis`, both scalar operands: ones before and
  // after it.
  Value x = node.input(0), tiles = node.input(1), axis = node.input(2);
  if (!x || !tiles || !axis)
    return success();
  auto asInts = [&](Value value) {
    Value ints =
        b.emit(node.loc, "Cast", value, {b.attribute("to", int64_t(7))});
    return ints ? b.emit(node.loc, "Reshape",
                         {ints, b.constant(node.loc, {int64_t(1)})})
                : Value();
  };
  Value rank = b.emit(node.loc, "Shape", b.emit(node.loc, "Shape", x));
  Value count = asInts(tiles), at = asInts(axis);
  if (!rank || !count || !at)
    return failure();
  auto oneType = RankedTensorType::get({1}, b.builder.getI64Type());
  NamedAttribute ones = b.builder.getNamedAttr(
      "value", DenseElementsAttr::get(oneType, ArrayRef<int64_t>{1}));
  Value allOnes = b.emit(node.loc, "ConstantOfShape", rank, {ones});
  Value repeats = b.emit(node.loc, "ScatterElements", {allOnes, at, count});
  if (!repeats)
    return failure();
  node.inputs = {x, repeats};
  return success();
}

// Pad-1 called it `paddings`.
LogicalResult padName(NodeBuilder &b, ImportNode &node,
                      SmallVectorImpl<Value> &) {
  if (auto pads = node.take<DenseI64ArrayAttr>("paddings"))
    node.attributes.set("pads", pads);
  return success();
}

LogicalResult padToInputs(NodeBuilder &b, ImportNode &node,
                          SmallVectorImpl<Value> &) {
  attributeToInput(b, node, "pads", 1);
  auto value = node.take<FloatAttr>("value");
  auto type =
      node.input(0) ? dyn_cast<TensorType>(node.input(0).getType()) : nullptr;
  if (value && type)
    node.setInput(2, b.splat(node.loc,
                             RankedTensorType::get({}, type.getElementType()),
                             value.getValueAsDouble()));
  return success();
}

LogicalResult scatterName(NodeBuilder &, ImportNode &node,
                          SmallVectorImpl<Value> &) {
  node.op = "ScatterElements";
  return success();
}

LogicalResult topKCount(NodeBuilder &b, ImportNode &node,
                        SmallVectorImpl<Value> &) {
  if (auto k = node.take<IntegerAttr>("k"))
    node.setInput(1, b.constant(node.loc, {k.getInt()}));
  return success();
}

// Concat-1 had an axis of 1 where none was written.
LogicalResult concatAxis(NodeBuilder &b, ImportNode &node,
                         SmallVectorImpl<Value> &) {
  if (!node.attributes.get("axis"))
    node.attributes.set("axis", b.builder.getI64IntegerAttr(1));
  return success();
}

LogicalResult dftAxis(NodeBuilder &b, ImportNode &node,
                      SmallVectorImpl<Value> &) {
  int64_t axis = node.intAttr("axis", 1);
  node.attributes.erase("axis");
  node.setInput(2, b.scalar(node.loc, axis));
  return success();
}

// Modes were renamed: bilinear to linear, bicubic to cubic.
LogicalResult gridSampleMode(NodeBuilder &b, ImportNode &node,
                             SmallVectorImpl<Value> &) {
  StringRef mode = node.stringAttr("mode", "bilinear");
  StringRef newest = mode == "bilinear"  ? "linear"
                     : mode == "bicubic" ? "cubic"
                                         : mode;
  node.attributes.set("mode", b.builder.getStringAttr(newest));
  return success();
}

} // namespace

ArrayRef<Upgrade> shapeUpgrades() {
  static constexpr Upgrade table[] = {
      {"Squeeze", 13, axesToInput}, {"Unsqueeze", 13, axesToInput},
      {"Split", 13, splitToInput},  {"Split", 18, countSplits},
      {"Reshape", 5, shapeToInput}, {"Slice", 10, sliceToInputs},
      {"Tile", 6, tileRepeats},     {"Pad", 2, padName},
      {"Pad", 11, padToInputs},     {"Scatter", 12, scatterName},
      {"TopK", 10, topKCount},      {"Concat", 4, concatAxis},
      {"DFT", 20, dftAxis},         {"GridSample", 20, gridSampleMode},
  };
  return table;
}

} // namespace ashlar
