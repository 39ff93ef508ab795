// Operators that read where indices say: Gather, GatherElements, GatherND,
// ArrayFeatureExtractor.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace ashlar {
namespace {

using Scalars = Emitter::Scalars;
using Values = Emitter::Values;

/// Elements of a shape tensor at known places stay scalars.
std::optional<Value> gatherScalars(Emitter &e, Value data, Value indices,
                                   RankedTensorType type) {
  if (cast<RankedTensorType>(data.getType()).getRank() != 1 ||
      !TensorBuilder::isScalarTensor(data))
    return std::nullopt;
  std::optional<SmallVector<int64_t>> places = constantIntegers(indices);
  auto indicesType = cast<RankedTensorType>(indices.getType());
  if (!places || !indicesType.hasStaticShape() ||
      indicesType.getNumElements() > 16)
    return std::nullopt;
  Values all = e.elementsOf(data), taken;
  for (int64_t place : *places) {
    int64_t wrapped = wrapAxis(place, all.size());
    if (wrapped < 0 || wrapped >= static_cast<int64_t>(all.size()))
      return std::nullopt;
    taken.push_back(all[wrapped]);
  }
  return e.fromElements(indicesType.getShape(), elementType(data), taken);
}

/// One index is a slice.
Value gatherOne(Emitter &e, Value data, int64_t axis, Scalar index) {
  TensorBuilder::Sizes sizes = e.dims(data), starts(sizes.size(), e.size(0)),
                       steps(sizes.size(), e.size(1)), kept;
  starts[axis] = e.fold(e.wrapIndex(index, e.wrap(sizes[axis])));
  sizes[axis] = e.size(1);
  for (auto [i, size] : llvm::enumerate(sizes))
    if (static_cast<int64_t>(i) != axis)
      kept.push_back(size);
  if (axis + 1 == static_cast<int64_t>(sizes.size()))
    return e.squeeze(e.slice(data, starts, sizes, steps), {axis});
  return tensor::ExtractSliceOp::create(
      e, e.tensorType(kept, elementType(data)), data, starts, sizes, steps);
}

Lowered lowerGather(onnx::GatherOp op, onnx::GatherOp::Adaptor in, Emitter &e) {
  Value data = in.getData(), indices = in.getIndices();
  RankedTensorType type = e.resultType(0);
  if (std::optional<Value> scalars = gatherScalars(e, data, indices, type))
    return *scalars;
  Scalars sizes = e.sizesOfTensor(data), indexSizes = e.sizesOfTensor(indices),
          resultSizes;
  int64_t axis = wrapAxis(op.getAxis(), sizes.size());
  if (failed(e.requireIndices(indices, sizes[axis])))
    return failure();
  if (indexSizes.empty())
    return gatherOne(e, data, axis, e.wrap(e.toScalar(indices)));
  resultSizes.append(sizes.begin(), sizes.begin() + axis);
  resultSizes.append(indexSizes);
  resultSizes.append(sizes.begin() + axis + 1, sizes.end());
  return e.build(type, resultSizes, [&](ArrayRef<Scalar> at) {
    Scalar index = e.load(indices, at.slice(axis, indexSizes.size()));
    Scalars position(at.take_front(axis));
    position.push_back(e.wrapIndex(index, sizes[axis]));
    llvm::append_range(
        position, at.slice(axis + indexSizes.size(), sizes.size() - axis - 1));
    return e.load(data, position);
  });
}

Lowered lowerGatherElements(onnx::GatherElementsOp op,
                            onnx::GatherElementsOp::Adaptor in, Emitter &e) {
  Value data = in.getData(), indices = in.getIndices();
  Scalars sizes = e.sizesOfTensor(data), resultSizes = e.sizesOfTensor(indices);
  int64_t axis = wrapAxis(op.getAxis(), sizes.size());
  if (failed(e.requireIndices(indices, sizes[axis])))
    return failure();
  if (failed(e.requireInside(resultSizes, sizes, axis)))
    return failure();
  return e.build(e.resultType(0), resultSizes, [&](ArrayRef<Scalar> at) {
    Scalars position(at.take_front(sizes.size()));
    position[axis] = e.wrapIndex(e.load(indices, position), sizes[axis]);
    return e.load(data, position);
  });
}

Lowered lowerGatherND(onnx::GatherNDOp op, onnx::GatherNDOp::Adaptor in,
                      Emitter &e) {
  Value data = in.getData(), indices = in.getIndices();
  Scalars sizes = e.sizesOfTensor(data), indexSizes = e.sizesOfTensor(indices);
  int64_t batchDims = op.getBatchDims();
  std::optional<int64_t> depth = indexSizes.back().constant();
  if (!depth)
    return e.unsupported("with index tuples of unknown length");
  if (batchDims + *depth > static_cast<int64_t>(sizes.size()))
    return e.invalid("index tuples have " + Twine(*depth) +
                     " elements, the input has rank " + Twine(sizes.size()));
  if (failed(
          e.requireTuples(indices, ArrayRef(sizes).slice(batchDims, *depth))))
    return failure();
  for (int64_t axis = 0; axis < batchDims; ++axis)
    e.require(sizes[axis] == indexSizes[axis], DataError::Shape,
              "data and indices differ in a batch size");
  Scalars resultSizes(ArrayRef(indexSizes).drop_back());
  size_t outer = resultSizes.size();
  resultSizes.append(sizes.begin() + batchDims + *depth, sizes.end());
  return e.build(e.resultType(0), resultSizes, [&](ArrayRef<Scalar> at) {
    Scalars position(at.take_front(batchDims)), tuple(at.take_front(outer));
    tuple.emplace_back();
    for (int64_t i = 0; i < *depth; ++i) {
      tuple.back() = e.at(i);
      position.push_back(
          e.wrapIndex(e.load(indices, tuple), sizes[batchDims + i]));
    }
    llvm::append_range(position, at.slice(outer, resultSizes.size() - outer));
    return e.load(data, position);
  });
}

Lowered lowerArrayFeatureExtractor(onnx::MlArrayFeatureExtractorOp op,
                                   onnx::MlArrayFeatureExtractorOp::Adaptor in,
                                   Emitter &e) {
  Value data = in.getX(),
        indices = e.reshape(in.getY(), e.elementCount(in.getY()));
  Scalars sizes = e.sizesOfTensor(data), resultSizes = sizes;
  if (failed(e.requireIndices(indices, sizes.back())))
    return failure();
  if (resultSizes.size() == 1)
    resultSizes.insert(resultSizes.begin(), e.at(1));
  resultSizes.back() = e.sizeOf(indices, 0);
  size_t extra = resultSizes.size() - sizes.size();
  return e.build(e.resultType(0), resultSizes, [&](ArrayRef<Scalar> at) {
    Scalars position(at.slice(extra, sizes.size()));
    position.back() =
        e.wrapIndex(e.load(indices, position.back()), sizes.back());
    return e.load(data, position);
  });
}

} // namespace

void populateGatherPatterns(const OnnxTypeConverter &converter,
                            RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerGather, lowerGatherElements,
               lowerGatherND, lowerArrayFeatureExtractor);
}

} // namespace ashlar
