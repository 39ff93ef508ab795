// Operators that move elements of constants. What only renames elements shares
// the bytes.
#include "dialects/onnx/OnnxOps.h"
#include "passes/simplify/evaluate/Evaluate.h"
#include "passes/simplify/evaluate/NumberTypes.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

SmallVector<int64_t> stridesOf(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t i = int64_t(shape.size()) - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

// Copies the elements at offset + sum(position * stride) to the result, in its
// order. Strides are in elements of the source and may be negative or zero.
// Rows of consecutive elements are copied at once.
void gatherStrided(const ConstantTensor &source, ConstantBuilder &result,
                   ArrayRef<int64_t> shape, int64_t offset,
                   ArrayRef<int64_t> strides) {
  unsigned width = source.elementBytes();
  const char *from = source.bytes().data();
  char *to = result.bytes();
  if (llvm::is_contained(shape, 0))
    return;
  int64_t rank = shape.size();
  int64_t row = rank > 0 ? shape.back() : 1;
  bool dense = rank == 0 || strides.back() == 1;
  SmallVector<int64_t> position(rank, 0);
  for (bool more = true; more;) {
    int64_t at = offset;
    for (int64_t axis = 0; axis + 1 < rank; ++axis)
      at += position[axis] * strides[axis];
    if (dense) {
      std::memcpy(to, from + at * width, row * width);
    } else {
      for (int64_t i = 0; i < row; ++i)
        std::memcpy(to + i * width, from + (at + i * strides.back()) * width,
                    width);
    }
    to += row * width;
    more = false;
    for (int64_t axis = rank - 2; axis >= 0; --axis) {
      if (++position[axis] < shape[axis]) {
        more = true;
        break;
      }
      position[axis] = 0;
    }
  }
}

bool evaluateRename(Evaluation &evaluation) {
  evaluation.results[0] = reshapeConstant(evaluation.operands[0],
                                          evaluation.resultTypes[0].getShape());
  return evaluation.results[0] != nullptr;
}

bool evaluateIdentity(Evaluation &evaluation) {
  evaluation.results[0] = evaluation.operands[0];
  return true;
}

bool evaluateTranspose(Evaluation &evaluation) {
  auto op = cast<TransposeOp>(evaluation.op);
  auto source = ConstantTensor::read(evaluation.operands[0]);
  if (!source)
    return false;
  ArrayRef<int64_t> shape = evaluation.resultTypes[0].getShape();
  SmallVector<int64_t> sourceStrides = stridesOf(source->getShape());
  SmallVector<int64_t> strides;
  for (size_t i = 0; i < shape.size(); ++i)
    strides.push_back(sourceStrides[op.getPerm() ? (*op.getPerm())[i]
                                                 : shape.size() - 1 - i]);
  ConstantBuilder builder(evaluation.resultTypes[0]);
  gatherStrided(*source, builder, shape, 0, strides);
  evaluation.results[0] = std::move(builder).finish();
  return true;
}

bool evaluateSlice(Evaluation &evaluation) {
  auto op = cast<SliceOp>(evaluation.op);
  auto source = ConstantTensor::read(evaluation.of(op.getData()));
  auto starts = evaluation.integers(op.getStarts());
  auto axes = evaluation.integers(op.getAxes());
  auto steps = evaluation.integers(op.getSteps());
  if (!source || !starts || (op.getAxes() && !axes) ||
      (op.getSteps() && !steps))
    return false;
  ArrayRef<int64_t> shape = source->getShape();
  int64_t rank = shape.size();
  SmallVector<int64_t> strides = stridesOf(shape);
  SmallVector<int64_t> sourceStrides = strides;
  int64_t offset = 0;
  for (auto [index, start] : llvm::enumerate(*starts)) {
    int64_t axis = axes ? (*axes)[index] : index;
    axis += axis < 0 ? rank : 0;
    int64_t step = steps ? (*steps)[index] : 1;
    int64_t first = start < 0 ? start + shape[axis] : start;
    first = std::max<int64_t>(
        0, std::min(first, step > 0 ? shape[axis] : shape[axis] - 1));
    offset += first * sourceStrides[axis];
    strides[axis] = sourceStrides[axis] * step;
  }
  ConstantBuilder builder(evaluation.resultTypes[0]);
  gatherStrided(*source, builder, evaluation.resultTypes[0].getShape(), offset,
                strides);
  evaluation.results[0] = std::move(builder).finish();
  return true;
}

bool evaluateExpand(Evaluation &evaluation) {
  auto source = ConstantTensor::read(evaluation.operands[0]);
  if (!source)
    return false;
  ArrayRef<int64_t> from = source->getShape();
  ArrayRef<int64_t> shape = evaluation.resultTypes[0].getShape();
  SmallVector<int64_t> strides(shape.size(), 0), own = stridesOf(from);
  for (size_t i = 0; i < from.size(); ++i)
    strides[shape.size() - from.size() + i] = from[i] == 1 ? 0 : own[i];
  ConstantBuilder builder(evaluation.resultTypes[0]);
  gatherStrided(*source, builder, shape, 0, strides);
  evaluation.results[0] = std::move(builder).finish();
  return true;
}

bool evaluateTile(Evaluation &evaluation) {
  auto source = ConstantTensor::read(evaluation.operands[0]);
  if (!source)
    return false;
  ArrayRef<int64_t> from = source->getShape();
  ArrayRef<int64_t> shape = evaluation.resultTypes[0].getShape();
  if (llvm::is_contained(shape, 0))
    return false;
  // Every axis as [repeats, size], the repeats with stride zero.
  SmallVector<int64_t> split, strides, own = stridesOf(from);
  for (size_t i = 0; i < from.size(); ++i) {
    split.append({shape[i] / from[i], from[i]});
    strides.append({0, own[i]});
  }
  ConstantBuilder builder(evaluation.resultTypes[0]);
  gatherStrided(*source, builder, split, 0, strides);
  evaluation.results[0] = std::move(builder).finish();
  return true;
}

bool evaluateSplit(Evaluation &evaluation) {
  auto op = cast<SplitOp>(evaluation.op);
  auto source = ConstantTensor::read(evaluation.of(op.getInput()));
  if (!source)
    return false;
  int64_t axis = op.getAxis();
  axis += axis < 0 ? source->getShape().size() : 0;
  SmallVector<int64_t> strides = stridesOf(source->getShape());
  int64_t offset = 0;
  for (auto [index, type] : llvm::enumerate(evaluation.resultTypes)) {
    ConstantBuilder builder(type);
    gatherStrided(*source, builder, type.getShape(), offset, strides);
    evaluation.results[index] = std::move(builder).finish();
    offset += type.getDimSize(axis) * strides[axis];
  }
  return true;
}

bool evaluateConcat(Evaluation &evaluation) {
  auto op = cast<ConcatOp>(evaluation.op);
  RankedTensorType type = evaluation.resultTypes[0];
  unsigned width = bytesOf(type.getElementType());
  if (width == 0)
    return false;
  int64_t axis = op.getAxis();
  axis += axis < 0 ? type.getRank() : 0;
  int64_t outer = 1;
  for (int64_t i = 0; i < axis; ++i)
    outer *= type.getDimSize(i);
  ConstantBuilder builder(type);
  int64_t rowBytes = outer ? type.getNumElements() / outer * int64_t(width) : 0,
          at = 0;
  for (ElementsAttr operand : evaluation.operands) {
    auto part = ConstantTensor::read(operand);
    if (!part)
      return false;
    int64_t bytes = outer ? part->size() / outer * int64_t(width) : 0;
    for (int64_t i = 0; i < outer; ++i)
      std::memcpy(builder.bytes() + i * rowBytes + at,
                  part->bytes().data() + i * bytes, bytes);
    at += bytes;
  }
  evaluation.results[0] = std::move(builder).finish();
  return true;
}

bool evaluateGather(Evaluation &evaluation) {
  auto op = cast<GatherOp>(evaluation.op);
  auto data = ConstantTensor::read(evaluation.of(op.getData()));
  auto indices = evaluation.integers(op.getIndices());
  if (!data || !indices)
    return false;
  int64_t axis = op.getAxis();
  axis += axis < 0 ? data->getShape().size() : 0;
  int64_t size = data->getShape()[axis], outer = 1, inner = 1;
  for (auto [i, dim] : llvm::enumerate(data->getShape()))
    (int64_t(i) < axis ? outer : inner) *= int64_t(i) == axis ? 1 : dim;
  int64_t row = inner * data->elementBytes();
  ConstantBuilder builder(evaluation.resultTypes[0]);
  char *to = builder.bytes();
  for (int64_t i = 0; i < outer; ++i)
    for (int64_t index : *indices) {
      if (index < -size || index >= size)
        return false;
      int64_t wrapped = index < 0 ? index + size : index;
      std::memcpy(to, data->bytes().data() + (i * size + wrapped) * row, row);
      to += row;
    }
  evaluation.results[0] = std::move(builder).finish();
  return true;
}

bool evaluateConstantOfShape(Evaluation &evaluation) {
  auto op = cast<ConstantOfShapeOp>(evaluation.op);
  RankedTensorType type = evaluation.resultTypes[0];
  unsigned width = bytesOf(type.getElementType());
  if (width == 0)
    return false;
  ConstantBuilder builder(type);
  std::memset(builder.bytes(), 0, builder.size() * width);
  if (auto value = op.getValue()) {
    auto element = ConstantTensor::read(*value);
    if (!element || element->size() != 1)
      return false;
    for (int64_t i = 0; i < builder.size(); ++i)
      std::memcpy(builder.bytes() + i * width, element->bytes().data(), width);
  }
  evaluation.results[0] = std::move(builder).finish();
  return true;
}

bool evaluateRange(Evaluation &evaluation) {
  auto start = ConstantTensor::read(evaluation.operands[0]);
  auto delta = ConstantTensor::read(evaluation.operands[2]);
  Type element = evaluation.resultTypes[0].getElementType();
  if (!start || !delta ||
      !(element.isF32() || element.isF64() || isa<IntegerType>(element)))
    return false;
  return withNumberType(element, [&](auto number) {
    using Number = decltype(number);
    using Compute = typename Number::Compute;
    Compute first = Number::load(*start->data<typename Number::Stored>());
    Compute step = Number::load(*delta->data<typename Number::Stored>());
    ConstantBuilder builder(evaluation.resultTypes[0]);
    for (int64_t i = 0; i < builder.size(); ++i)
      builder.data<typename Number::Stored>()[i] =
          Number::store(Compute(first + Compute(i) * step));
    evaluation.results[0] = std::move(builder).finish();
  });
}

bool evaluateShape(Evaluation &evaluation) {
  auto op = cast<ShapeOp>(evaluation.op);
  auto shape = cast<ShapedType>(evaluation.operands[0].getType()).getShape();
  int64_t rank = shape.size();
  auto bound = [&](int64_t value) {
    return std::min(std::max<int64_t>(value < 0 ? value + rank : value, 0),
                    rank);
  };
  int64_t start = bound(op.getStart());
  int64_t end = op.getEnd() ? bound(*op.getEnd()) : rank;
  evaluation.results[0] =
      constantOfIntegers(evaluation.resultTypes[0],
                         shape.slice(start, std::max<int64_t>(end - start, 0)));
  return true;
}

} // namespace

void ashlar::onnx::registerMovementEvaluation(EvaluatorRegistry &registry) {
  registry.add<ReshapeOp, FlattenOp, SqueezeOp, UnsqueezeOp>(evaluateRename);
  registry.add<IdentityOp>(evaluateIdentity);
  registry.add<TransposeOp>(evaluateTranspose);
  registry.add<SliceOp>(evaluateSlice);
  registry.add<ExpandOp>(evaluateExpand);
  registry.add<TileOp>(evaluateTile);
  registry.add<SplitOp>(evaluateSplit);
  registry.add<ConcatOp>(evaluateConcat);
  registry.add<GatherOp>(evaluateGather);
  registry.add<ConstantOfShapeOp>(evaluateConstantOfShape);
  registry.add<RangeOp>(evaluateRange);
  registry.add<ShapeOp>(evaluateShape);
}
