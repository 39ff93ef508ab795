#include "passes/quantize/ElementMovement.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

int64_t productOf(ArrayRef<int64_t> sizes) {
  int64_t product = 1;
  for (int64_t size : sizes)
    product *= size;
  return product;
}

// Where an axis of a reshaped tensor went; nothing if it was split or merged.
std::optional<int64_t> axisAfterReshape(RankedTensorType from,
                                        RankedTensorType to, int64_t axis) {
  if (!from.hasStaticShape() || !to.hasStaticShape())
    return std::nullopt;
  int64_t before = productOf(from.getShape().take_front(axis));
  for (int64_t place = 0; place < to.getRank(); ++place)
    if (to.getDimSize(place) == from.getDimSize(axis) &&
        productOf(to.getShape().take_front(place)) == before)
      return place;
  return std::nullopt;
}

} // namespace

bool ashlar::onnx::movesElements(Operation *op) {
  if (isa<TransposeOp, ReshapeOp, FlattenOp, SqueezeOp, UnsqueezeOp, SliceOp,
          SplitOp, GatherOp, GatherElementsOp, GatherNDOp, ExpandOp, TileOp,
          DepthToSpaceOp, SpaceToDepthOp, IdentityOp>(op))
    return true;
  if (auto pool = dyn_cast<MaxPoolOp>(op))
    return op->getNumResults() == 1;
  if (auto resize = dyn_cast<ResizeOp>(op))
    return resize.getMode() == "nearest" &&
           resize.getCoordinateTransformationMode() != "tf_crop_and_resize";
  return false;
}

bool ashlar::onnx::keepsElementCount(Operation *op) {
  return isa<TransposeOp, ReshapeOp, FlattenOp, SqueezeOp, UnsqueezeOp,
             DepthToSpaceOp, SpaceToDepthOp, IdentityOp>(op);
}

std::optional<QuantizationParameters>
ashlar::onnx::parametersAfter(Operation *op,
                              const QuantizationParameters &before) {
  if (before.isPerTensor())
    return before;
  QuantizationParameters after = before;
  if (auto transpose = dyn_cast<TransposeOp>(op)) {
    int64_t rank = rankedType(op->getOperand(0)).getRank();
    if (auto perm = transpose.getPerm()) {
      for (auto [place, source] : llvm::enumerate(*perm))
        if (source == before.axis)
          after.axis = place;
    } else {
      after.axis = rank - 1 - before.axis;
    }
    return after;
  }
  if (!keepsElementCount(op) || isa<DepthToSpaceOp, SpaceToDepthOp>(op))
    return std::nullopt;
  auto axis = axisAfterReshape(rankedType(op->getOperand(0)),
                               rankedType(op->getResult(0)), before.axis);
  if (!axis)
    return std::nullopt;
  after.axis = *axis;
  return after;
}

Operation *ashlar::onnx::moveInstead(OpBuilder &builder, Operation *op,
                                     Value data) {
  Operation *moved = builder.clone(*op);
  moved->setOperand(0, data);
  Type element = cast<ShapedType>(data.getType()).getElementType();
  for (Value result : moved->getResults())
    result.setType(withElement(result.getType(), element));
  return moved;
}
