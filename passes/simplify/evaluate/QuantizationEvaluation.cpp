// DequantizeLinear of constants: (x - zero point) * scale, one rounding, per
// tensor, per axis or in blocks.
#include "dialects/onnx/OnnxOps.h"
#include "passes/simplify/evaluate/Evaluate.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

// Where the scale of each element is: along `axis`, one for every `block`
// elements.
struct ScaleIndex {
  int64_t inner = 1, extent = 1, block = 1, scaleExtent = 1;
  bool whole = true;

  int64_t of(int64_t element) const {
    if (whole)
      return 0;
    int64_t at = element / inner % extent;
    if (block == 1 && scaleExtent == extent)
      return scaleIsVector ? at : perElement(element, at);
    return perElement(element, at / block);
  }
  int64_t perElement(int64_t element, int64_t at) const {
    int64_t outer = element / inner / extent;
    return (outer * scaleExtent + at) * inner + element % inner;
  }
  bool scaleIsVector = true;
};

std::optional<ScaleIndex> indexOf(ArrayRef<int64_t> shape,
                                  ArrayRef<int64_t> scale, int64_t axis,
                                  int64_t block) {
  ScaleIndex index;
  int64_t count = 1;
  for (int64_t size : scale)
    count *= size;
  if (count == 1)
    return index;
  axis += axis < 0 ? shape.size() : 0;
  if (axis < 0 || axis >= int64_t(shape.size()))
    return std::nullopt;
  index.whole = false;
  index.extent = shape[axis];
  for (size_t i = axis + 1; i < shape.size(); ++i)
    index.inner *= shape[i];
  index.scaleIsVector = scale.size() == 1;
  if (index.scaleIsVector) {
    index.scaleExtent = index.extent;
    return scale[0] == index.extent ? std::optional(index) : std::nullopt;
  }
  if (block < 1 || scale.size() != shape.size())
    return std::nullopt;
  index.block = block;
  index.scaleExtent = scale[axis];
  return index;
}

bool evaluateDequantize(Evaluation &evaluation) {
  auto op = cast<DequantizeLinearOp>(evaluation.op);
  auto x = evaluation.integers(op.getX());
  auto scale = ConstantTensor::read(evaluation.of(op.getXScale()));
  auto zero = evaluation.integers(op.getXZeroPoint());
  RankedTensorType type = evaluation.resultTypes[0];
  if (!x || !scale || (op.getXZeroPoint() && !zero) ||
      !scale->getElementType().isF32() || !type.getElementType().isF32())
    return false;
  auto index = indexOf(type.getShape(), scale->getShape(), op.getAxis(),
                       op.getBlockSize());
  if (!index)
    return false;
  ConstantBuilder builder(type);
  for (int64_t i = 0; i < builder.size(); ++i) {
    int64_t at = index->of(i);
    // The difference fits 33 bits: exact in double, rounded once to f32.
    int64_t centred = (*x)[i] - (zero ? (*zero)[at] : 0);
    builder.data<float>()[i] = float(centred) * scale->data<float>()[at];
  }
  evaluation.results[0] = std::move(builder).finish();
  return true;
}

} // namespace

void ashlar::onnx::registerQuantizationEvaluation(EvaluatorRegistry &registry) {
  registry.add<DequantizeLinearOp>(evaluateDequantize);
}
