// Operators that cut and join: Slice, Split, Concat.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace ashlar {
namespace {

using Scalars = Emitter::Scalars;
using Values = Emitter::Values;

//===--- Slice
//-----------------------------------------------------------------------------------------------------===//

/// The part of one axis that is taken: `count` elements from `start` on, `step`
/// apart.
struct AxisSlice {
  Scalar start, count, step;
};

/// Clamps a start or end as ONNX says: counted from the end where negative,
/// then into [low, high].
Scalar clampBound(Emitter &e, Scalar bound, Scalar size, Scalar low,
                  Scalar high) {
  std::optional<int64_t> known = bound.constant();
  // Exporters write huge numbers for "to the end".
  if (known && *known >= std::numeric_limits<int32_t>::max())
    return high;
  if (known && *known <= std::numeric_limits<int32_t>::min() &&
      !size.constant())
    return low;
  Scalar wrapped = known ? (*known < 0 ? bound + size : bound)
                         : select(bound < 0, bound + size, bound);
  if (known && *known == 0 && low.constant() == 0)
    return e.at(0);
  return clamp(wrapped, low, high);
}

AxisSlice forwardSlice(Emitter &e, Scalar start, Scalar end, Scalar step,
                       Scalar size) {
  Scalar first = clampBound(e, start, size, e.at(0), size),
         last = clampBound(e, end, size, e.at(0), size);
  Scalar span = last - first;
  // From the beginning there is nothing to clamp.
  Scalar length = first.constant() == 0 ? span : max(span, e.at(0));
  return {first, step.constant() == 1 ? length : ceilDiv(length, step), step};
}

AxisSlice backwardSlice(Emitter &e, Scalar start, Scalar end, Scalar step,
                        Scalar size) {
  Scalar first = clampBound(e, start, size, e.at(-1), size - 1),
         last = clampBound(e, end, size, e.at(-1), size - 1);
  return {first, ceilDiv(max(first - last, e.at(0)), -step), step};
}

AxisSlice sliceAxis(Emitter &e, Scalar start, Scalar end, Scalar step,
                    Scalar size) {
  if (std::optional<int64_t> known = step.constant())
    return *known > 0 ? forwardSlice(e, start, end, step, size)
                      : backwardSlice(e, start, end, step, size);
  e.require(step != 0, DataError::Value, "a step is 0");
  Scalar isForward = step > 0;
  // So large that it makes no difference, so small that nothing overflows.
  Scalar far = e.at(int64_t(1) << 40);
  Scalar safeStep = clamp(select(step == 0, e.at(1), step), e.at(0) - far, far);
  AxisSlice forward = forwardSlice(e, start, end, max(safeStep, e.at(1)), size);
  AxisSlice backward =
      backwardSlice(e, start, end, min(safeStep, e.at(-1)), size);
  return {select(isForward, forward.start, backward.start),
          select(isForward, forward.count, backward.count), safeStep};
}

/// Start, end and step of every axis that only the running program knows: a
/// choice among those given, or else the whole axis.
void placeByData(Emitter &e, ArrayRef<Scalar> axes, ArrayRef<Scalar> starts,
                 ArrayRef<Scalar> ends, ArrayRef<Scalar> steps,
                 SmallVectorImpl<AxisSlice> &slices) {
  int64_t rank = slices.size();
  for (Scalar axis : axes)
    e.require((axis >= -rank) & (axis < rank), DataError::Value,
              "an axis is out of range");
  for (auto [number, slice] : llvm::enumerate(slices)) {
    int64_t own = number;
    Scalar start = e.at(0), end = e.at(std::numeric_limits<int64_t>::max()),
           step = e.at(1), size = slice.count;
    for (size_t i = 0; i < axes.size(); ++i) {
      Scalar isOwn = (axes[i] == own) | (axes[i] == own - rank);
      start = select(isOwn, starts[i], start);
      end = select(isOwn, ends[i], end);
      step = select(isOwn, steps[i], step);
    }
    slice = sliceAxis(e, start, end, step, size);
  }
}

/// Start, end and step of every axis; the whole axis where none are given.
LogicalResult readSlices(onnx::SliceOp::Adaptor in, Emitter &e,
                         SmallVectorImpl<AxisSlice> &slices) {
  Scalars sizes = e.sizesOfTensor(in.getData());
  for (Scalar size : sizes)
    slices.push_back({e.at(0), size, e.at(1)});
  for (Value operand : {in.getStarts(), in.getEnds()})
    if (!cast<RankedTensorType>(operand.getType()).hasStaticShape())
      return e.unsupported("with starts of unknown length");
  auto read = [&](Value tensor) {
    Scalars numbers = e.scalarsOf(tensor);
    for (Scalar &number : numbers)
      number = number.toIndex();
    return numbers;
  };
  Scalars starts = read(in.getStarts()), ends = read(in.getEnds());
  Scalars steps(starts.size(), e.at(1)), axes;
  if (in.getSteps())
    steps = read(in.getSteps());
  if (in.getAxes())
    axes = read(in.getAxes());
  else
    for (size_t axis = 0; axis < starts.size(); ++axis)
      axes.push_back(e.at(axis));
  if (ends.size() != starts.size() || axes.size() != starts.size() ||
      steps.size() != starts.size())
    return e.invalid("starts, ends, axes and steps differ in length");
  for (Scalar step : steps)
    if (step.constant() == 0)
      return e.invalid("a step is 0");
  if (llvm::any_of(axes, [](Scalar axis) { return !axis.constant(); })) {
    placeByData(e, axes, starts, ends, steps, slices);
    return success();
  }
  for (size_t i = 0; i < axes.size(); ++i) {
    int64_t axis = wrapAxis(*axes[i].constant(), sizes.size());
    if (axis < 0 || axis >= static_cast<int64_t>(sizes.size()))
      return e.invalid("axis " + Twine(*axes[i].constant()) +
                       " is out of range, the input has rank " +
                       Twine(sizes.size()));
    slices[axis] = sliceAxis(e, starts[i], ends[i], steps[i], sizes[axis]);
  }
  return success();
}

/// The taken elements of a shape tensor stay scalars.
std::optional<Value> sliceScalars(Emitter &e, Value data,
                                  ArrayRef<AxisSlice> slices) {
  if (slices.size() != 1 || !TensorBuilder::isScalarTensor(data))
    return std::nullopt;
  auto start = slices[0].start.constant(), count = slices[0].count.constant(),
       step = slices[0].step.constant();
  if (!start || !count || !step)
    return std::nullopt;
  Values all = e.elementsOf(data), taken;
  for (int64_t i = 0; i < *count; ++i)
    taken.push_back(all[*start + i * *step]);
  return e.fromElements({*count}, elementType(data), taken);
}

Lowered lowerSlice(onnx::SliceOp op, onnx::SliceOp::Adaptor in, Emitter &e) {
  SmallVector<AxisSlice> slices;
  if (failed(readSlices(in, e, slices)))
    return failure();
  if (std::optional<Value> scalars = sliceScalars(e, in.getData(), slices))
    return *scalars;
  RankedTensorType type = e.resultType(0);
  bool isForward = true;
  for (auto [axis, slice] : llvm::enumerate(slices)) {
    isForward &= slice.step.constant().value_or(-1) > 0;
    if (type.isDynamicDim(axis))
      continue;
    if (!slice.count.constant())
      e.require(slice.count == type.getDimSize(axis), DataError::Shape,
                "a slice has another size than declared");
    slice.count = e.at(type.getDimSize(axis));
  }
  if (!isForward) {
    Scalars counts = llvm::map_to_vector<6>(
        slices, [](const AxisSlice &slice) { return slice.count; });
    return e.build(type, counts, [&](ArrayRef<Scalar> at) {
      Scalars position;
      for (auto [index, slice] : llvm::zip(at, slices))
        position.push_back(slice.start + index * slice.step);
      return e.load(in.getData(), position);
    });
  }
  TensorBuilder::Sizes starts, counts, steps;
  for (const AxisSlice &slice : slices) {
    starts.push_back(e.fold(slice.start));
    counts.push_back(e.fold(slice.count));
    steps.push_back(e.fold(slice.step));
  }
  return e.slice(in.getData(), starts, counts, steps);
}

//===--- Split, Concat
//---------------------------------------------------------------------------------------------===//

/// The sizes of the parts along the axis.
FailureOr<Scalars> splitSizes(onnx::SplitOp op, onnx::SplitOp::Adaptor in,
                              Emitter &e, int64_t axis) {
  Scalar whole = e.sizeOf(in.getInput(), axis);
  unsigned count = op.getNumResults();
  Scalars sizes;
  if (in.getSplit()) {
    Scalar sum = e.at(0);
    for (Scalar size : e.scalarsOf(in.getSplit())) {
      sizes.push_back(size.toIndex());
      if (!size.constant())
        e.require(size >= 0, DataError::Value,
                  "the size of a part is negative");
      sum = sum + size.toIndex();
    }
    if (sizes.size() != count)
      return e.invalid("there are " + Twine(count) + " outputs, but " +
                       Twine(sizes.size()) + " sizes");
    if (sum.constant() && whole.constant() &&
        *sum.constant() != *whole.constant())
      return e.invalid("the parts add up to " + Twine(*sum.constant()) +
                       ", expected " + Twine(*whole.constant()));
    e.require(sum == whole, DataError::Shape,
              "the parts do not add up to the size of the axis");
    return sizes;
  }
  Scalar part = ceilDiv(whole, e.at(count)), left = whole;
  for (unsigned i = 0; i < count; ++i) {
    sizes.push_back(i + 1 < count ? min(part, left) : left);
    left = left - sizes.back();
  }
  return sizes;
}

Lowered lowerSplit(onnx::SplitOp op, onnx::SplitOp::Adaptor in, Emitter &e) {
  Value input = in.getInput();
  TensorBuilder::Sizes sizes = e.dims(input);
  int64_t axis = wrapAxis(op.getAxis(), sizes.size());
  FailureOr<Scalars> parts = splitSizes(op, in, e, axis);
  if (failed(parts))
    return failure();
  Scalar offset = e.at(0);
  TensorBuilder::Sizes starts(sizes.size(), e.size(0)),
      steps(sizes.size(), e.size(1));
  Values results;
  for (auto [number, part] : llvm::enumerate(*parts)) {
    int64_t declared = e.resultType(number).getDimSize(axis);
    if (!part.constant() && !ShapedType::isDynamic(declared)) {
      e.require(part == declared, DataError::Shape,
                "a part has another size than declared");
      part = e.at(declared);
    }
    starts[axis] = e.fold(offset);
    sizes[axis] = e.fold(part);
    if (TensorBuilder::isScalarTensor(input) && offset.constant() &&
        part.constant()) {
      Values all = e.elementsOf(input);
      results.push_back(e.fromElements(
          {*part.constant()}, elementType(input),
          ArrayRef(all).slice(*offset.constant(), *part.constant())));
    } else {
      results.push_back(e.slice(input, starts, sizes, steps));
    }
    offset = offset + part;
  }
  return results;
}

/// All inputs hold shapes, and so does the result: their elements one after the
/// other.
std::optional<Value> concatScalars(Emitter &e, ValueRange inputs,
                                   RankedTensorType type) {
  if (type.getRank() != 1 ||
      !llvm::all_of(inputs, TensorBuilder::isScalarTensor))
    return std::nullopt;
  Values elements;
  for (Value input : inputs)
    llvm::append_range(elements, e.elementsOf(input));
  if (elements.size() > 16)
    return std::nullopt;
  return e.fromElements({static_cast<int64_t>(elements.size())},
                        type.getElementType(), elements);
}

/// The size of an axis on which all inputs must agree; a difference that shows
/// only while running is checked.
OpFoldResult commonSize(Emitter &e, ValueRange inputs, int64_t axis) {
  OpFoldResult common = e.dim(inputs.front(), axis);
  for (Value input : inputs)
    if (auto known = getConstantIntValue(e.dim(input, axis)))
      common = e.size(*known);
  for (Value input : inputs) {
    OpFoldResult own = e.dim(input, axis);
    if (!TensorBuilder::sameSize(own, common))
      e.require(e.wrap(own) == e.wrap(common), DataError::Shape,
                "the inputs differ on an axis that is not joined");
  }
  return common;
}

Lowered lowerConcat(onnx::ConcatOp op, onnx::ConcatOp::Adaptor in, Emitter &e) {
  RankedTensorType type = e.resultType(0);
  ValueRange inputs = in.getInputs();
  if (inputs.size() == 1)
    return inputs.front();
  if (std::optional<Value> scalars = concatScalars(e, inputs, type))
    return *scalars;
  int64_t axis = wrapAxis(op.getAxis(), type.getRank());
  TensorBuilder::Sizes sizes;
  for (int64_t i = 0; i < type.getRank(); ++i)
    sizes.push_back(i == axis ? e.size(0) : commonSize(e, inputs, i));
  for (Value input : inputs)
    sizes[axis] = e.sizeAdd(sizes[axis], e.dim(input, axis));
  Value result = e.empty(sizes, type.getElementType());
  TensorBuilder::Sizes starts(sizes.size(), e.size(0)),
      steps(sizes.size(), e.size(1));
  for (Value input : inputs) {
    sizes[axis] = e.dim(input, axis);
    if (getConstantIntValue(sizes[axis]) == 0)
      continue;
    // Sizes that another input knows: insert_slice wants them in the type.
    input = e.conform(input, e.tensorType(sizes, type.getElementType()));
    result =
        tensor::InsertSliceOp::create(e, input, result, starts, sizes, steps);
    starts[axis] = e.sizeAdd(starts[axis], sizes[axis]);
  }
  return result;
}

} // namespace

void populateSlicePatterns(const OnnxTypeConverter &converter,
                           RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerSlice, lowerSplit, lowerConcat);
}

} // namespace ashlar
