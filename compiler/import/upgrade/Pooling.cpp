// Pooling: exponents were floats once, and RoiAlign measured coordinates
// otherwise.
#include "compiler/import/upgrade/Upgrade.h"
#include <cmath>

using namespace mlir;

namespace ashlar {
namespace {

LogicalResult integerExponent(NodeBuilder &b, ImportNode &node,
                              SmallVectorImpl<Value> &) {
  auto p = dyn_cast_or_null<FloatAttr>(node.attributes.get("p"));
  if (!p)
    return success();
  double value = p.getValueAsDouble();
  // Larger ones are beyond any use, and beyond conversion.
  if (!(std::abs(value) < 1e9) || value != double(int64_t(value)))
    return node.unsupported(
        "is not supported with an exponent that is no integer");
  node.attributes.set("p", b.builder.getI64IntegerAttr(int64_t(value)));
  return success();
}

LogicalResult roiCoordinates(NodeBuilder &b, ImportNode &node,
                             SmallVectorImpl<Value> &) {
  node.attributes.set("coordinate_transformation_mode",
                      b.builder.getStringAttr("output_half_pixel"));
  return success();
}

} // namespace

ArrayRef<Upgrade> poolingUpgrades() {
  static constexpr Upgrade table[] = {
      {"LpPool", 2, integerExponent},
      {"GlobalLpPool", 2, integerExponent},
      {"RoiAlign", 16, roiCoordinates},
  };
  return table;
}

} // namespace ashlar
