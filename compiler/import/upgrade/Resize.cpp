// Upsample became Resize, and Resize learned to say how coordinates are meant.
#include "compiler/import/upgrade/Upgrade.h"
#include "dialects/onnx/OnnxOps.h"

using namespace mlir;

namespace ashlar {
namespace {

// Scale factors when they are constant and few.
std::optional<SmallVector<float>> constantScales(Value value) {
  auto constant = value ? value.getDefiningOp<onnx::ConstantOp>() : nullptr;
  auto elements =
      constant ? dyn_cast<DenseFPElementsAttr>(constant.getValue()) : nullptr;
  if (!elements || !elements.getElementType().isF32())
    return std::nullopt;
  return SmallVector<float>(elements.getValues<float>());
}

Value scaleConstant(NodeBuilder &b, Location loc, ArrayRef<float> scales) {
  auto type =
      RankedTensorType::get(int64_t(scales.size()), b.builder.getF32Type());
  return b.constant(loc,
                    cast<ElementsAttr>(DenseElementsAttr::get(type, scales)));
}

// Nearest neighbours before opset 11: the one before when growing, the one
// after when shrinking; coordinates are simply divided by the scale.
LogicalResult oldCoordinates(NodeBuilder &b, ImportNode &node, Value scales) {
  StringRef mode = node.stringAttr("mode", "nearest");
  if (mode == "bilinear" || mode == "trilinear")
    mode = "linear";
  StringRef nearest = "floor";
  if (std::optional<SmallVector<float>> known = constantScales(scales);
      known && mode == "nearest") {
    bool grows = llvm::any_of(*known, [](float scale) { return scale > 1; });
    bool shrinks = llvm::any_of(*known, [](float scale) { return scale < 1; });
    if (grows && shrinks)
      return node.unsupported(
          "is not supported where it grows one axis and shrinks another");
    nearest = shrinks ? "ceil" : "floor";
  }
  node.op = "Resize";
  node.inputs = {node.input(0), Value(), scales};
  node.attributes.set("mode", b.builder.getStringAttr(mode));
  node.attributes.set("coordinate_transformation_mode",
                      b.builder.getStringAttr("asymmetric"));
  node.attributes.set("nearest_mode", b.builder.getStringAttr(nearest));
  return success();
}

LogicalResult upsample(NodeBuilder &b, ImportNode &node,
                       SmallVectorImpl<Value> &) {
  Value scales = node.input(1);
  if (auto list = node.take<DenseF32ArrayAttr>("scales"))
    scales = scaleConstant(b, node.loc, list.asArrayRef());
  auto height = node.take<FloatAttr>("height_scale"),
       width = node.take<FloatAttr>("width_scale");
  if (height && width)
    scales = scaleConstant(b, node.loc,
                           {1.0f, 1.0f, float(height.getValueAsDouble()),
                            float(width.getValueAsDouble())});
  if (!scales)
    return node.error() << "has no scales";
  return oldCoordinates(b, node, scales);
}

LogicalResult resize10(NodeBuilder &b, ImportNode &node,
                       SmallVectorImpl<Value> &) {
  return oldCoordinates(b, node, node.input(1));
}

// A mode of opsets 11 and 12: (x + 0.5) / scale. It lies half a pixel behind
// half_pixel, which another rounding makes up for.
LogicalResult tfHalfPixel(NodeBuilder &b, ImportNode &node,
                          SmallVectorImpl<Value> &) {
  if (node.stringAttr("coordinate_transformation_mode", "") !=
      "tf_half_pixel_for_nn")
    return success();
  StringRef rounding = node.stringAttr("nearest_mode", "round_prefer_floor");
  StringRef newest = rounding == "floor"                ? "round_prefer_ceil"
                     : rounding == "round_prefer_floor" ? "ceil"
                                                        : "";
  if (newest.empty() || node.stringAttr("mode", "nearest") != "nearest")
    return node.unsupported(
        "is not supported with tf_half_pixel_for_nn and nearest_mode '" +
        rounding + "'");
  node.attributes.set("coordinate_transformation_mode",
                      b.builder.getStringAttr("half_pixel"));
  node.attributes.set("nearest_mode", b.builder.getStringAttr(newest));
  return success();
}

// Operands could not be left out in opset 11, and exporters still pass empty
// ones.
LogicalResult dropEmptyInputs(NodeBuilder &, ImportNode &node,
                              SmallVectorImpl<Value> &) {
  for (unsigned i = 1; i < node.inputs.size(); ++i) {
    auto type = node.inputs[i]
                    ? dyn_cast<RankedTensorType>(node.inputs[i].getType())
                    : nullptr;
    if (type && type.hasStaticShape() && type.getNumElements() == 0)
      node.inputs[i] = Value();
  }
  return success();
}

} // namespace

ArrayRef<Upgrade> resizeUpgrades() {
  static constexpr Upgrade table[] = {
      {"Upsample", INT64_MAX, upsample},
      {"Resize", 11, resize10},
      {"Resize", 13, tfHalfPixel},
      {"Resize", INT64_MAX, dropEmptyInputs},
  };
  return table;
}

} // namespace ashlar
