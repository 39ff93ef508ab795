// Operators that put something around a tensor, or take it away: Pad,
// CenterCropPad.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace ashlar {
namespace {

using Scalars = Emitter::Scalars;

/// How many elements are added at both ends of every axis; negative ones are
/// taken away.
struct Padding {
  Scalars low, high;
};

/// tensor.pad, where nothing is taken away. Null where that is not known.
Value growWithValue(Emitter &e, Value input, RankedTensorType type,
                    const Padding &padding, Scalar value) {
  TensorBuilder::Sizes low, high;
  for (auto [before, after] : llvm::zip(padding.low, padding.high)) {
    if (before.constant().value_or(-1) < 0 || after.constant().value_or(-1) < 0)
      return {};
    low.push_back(e.size(*before.constant()));
    high.push_back(e.size(*after.constant()));
  }
  TensorBuilder::Sizes sizes = e.dims(input);
  for (auto [size, before, after] : llvm::zip(sizes, low, high))
    size = e.sizeAdd(e.sizeAdd(size, before), after);
  Value padded =
      tensor::PadOp::create(e, e.tensorType(sizes, type.getElementType()),
                            input, low, high, static_cast<Value>(value));
  return e.conform(padded, type);
}

/// Copies the part of the input that the result keeps into a tensor full of
/// `value`.
Value padWithValue(Emitter &e, Value input, RankedTensorType type,
                   const Padding &padding, Scalar value) {
  if (Value grown = growWithValue(e, input, type, padding, value))
    return grown;
  Scalars sizes = e.sizesOfTensor(input), resultSizes;
  TensorBuilder::Sizes from, kept, to, steps(sizes.size(), e.size(1));
  Scalar zero = e.at(0);
  for (auto [size, low, high] : llvm::zip(sizes, padding.low, padding.high)) {
    resultSizes.push_back(size + low + high);
    bool grows =
        low.constant().value_or(-1) >= 0 && high.constant().value_or(-1) >= 0;
    Scalar begin = grows ? zero : min(max(zero - low, zero), size);
    Scalar end = grows ? size : max(min(size, size + high), begin);
    from.push_back(e.fold(begin));
    kept.push_back(e.fold(end - begin));
    to.push_back(e.fold(grows ? low : max(low, zero)));
    if (!low.constant() || !high.constant())
      e.require(resultSizes.back() >= 0, DataError::Shape,
                "more is taken away than there is");
  }
  bool copiesAll =
      llvm::all_of(
          from, [](OpFoldResult at) { return getConstantIntValue(at) == 0; }) &&
      llvm::all_of(llvm::zip(kept, e.dims(input)), [](auto pair) {
        return TensorBuilder::sameSize(std::get<0>(pair), std::get<1>(pair));
      });
  Value filled = e.allocateFilled(type, resultSizes, value);
  if (!copiesAll)
    input = tensor::ExtractSliceOp::create(e, input, from, kept, steps);
  return tensor::InsertSliceOp::create(e, input, filled, to, kept, steps);
}

/// Where in [0, size) an index outside of it is read from.
Scalar mirrorIndex(Emitter &e, Scalar index, Scalar size, StringRef mode) {
  Scalar last = size - 1, zero = e.at(0);
  if (mode == "edge")
    return clamp(index, zero, last);
  if (mode == "wrap")
    return floorMod(index, max(size, e.at(1)));
  Scalar period = max(last * 2, e.at(1));
  Scalar offset = floorMod(index, period);
  return min(min(offset, period - offset), last);
}

/// The result from its elements, which are told when their last index is inside
/// of the input: whole rows are copied there, as far as what is added to rows
/// is known.
Value joinColumns(
    Emitter &e, RankedTensorType type, ArrayRef<Scalar> sizes,
    const Padding &padding,
    function_ref<Scalar(ArrayRef<Scalar> at, bool isInside)> element) {
  Scalar before = padding.low.back(), after = padding.high.back();
  if (before.constant().value_or(-1) < 0 || after.constant().value_or(-1) < 0)
    return e.build(type, sizes, [&](ArrayRef<Scalar> at) {
      return element(at, /*isInside=*/false);
    });
  Scalar width = sizes.back(), end = width - after;
  std::tuple<Scalar, Scalar, bool> parts[] = {{e.at(0), before, false},
                                              {before, end - before, true},
                                              {end, after, false}};
  Value result = e.allocate(type, sizes);
  for (auto [start, columns, isInside] : parts) {
    if (columns.constant() == 0)
      continue;
    Scalars own(sizes);
    own.back() = columns;
    Scalar first = start;
    bool inside = isInside;
    Value part = e.build(e.tensorType(e.fold(own), type.getElementType()), own,
                         [&](ArrayRef<Scalar> at) {
                           Scalars place(at.take_front(own.size()));
                           place.back() = place.back() + first;
                           return element(place, inside);
                         });
    TensorBuilder::Sizes offsets(own.size(), e.size(0)),
        strides(own.size(), e.size(1));
    offsets.back() = e.fold(first);
    result = tensor::InsertSliceOp::create(e, part, result, offsets,
                                           e.fold(own), strides);
  }
  return result;
}

Value padWithMirror(Emitter &e, Value input, RankedTensorType type,
                    const Padding &padding, StringRef mode) {
  Scalars sizes = e.sizesOfTensor(input), resultSizes;
  for (auto [size, low, high] : llvm::zip(sizes, padding.low, padding.high)) {
    resultSizes.push_back(size + low + high);
    if (!low.constant() || !high.constant())
      e.require(resultSizes.back() >= 0, DataError::Shape,
                "more is taken away than there is");
    if (!size.constant())
      e.require((size > 0) | (resultSizes.back() == 0), DataError::Shape,
                "there is no element to continue with");
  }
  auto elementAt = [&](ArrayRef<Scalar> at, bool isInside) {
    Scalars position;
    for (auto [axis, index] : llvm::enumerate(at.take_front(sizes.size()))) {
      Scalar low = padding.low[axis], high = padding.high[axis];
      if (low.constant() == 0 && high.constant() == 0)
        position.push_back(index);
      else if (isInside && axis + 1 == sizes.size())
        position.push_back(index - low);
      else
        position.push_back(mirrorIndex(e, index - low, sizes[axis], mode));
    }
    return e.load(input, position);
  };
  return joinColumns(e, type, resultSizes, padding, elementAt);
}

LogicalResult readPadding(onnx::PadOp::Adaptor in, Emitter &e,
                          Padding &padding) {
  int64_t rank = cast<RankedTensorType>(in.getData().getType()).getRank();
  if (!cast<RankedTensorType>(in.getPads().getType()).hasStaticShape())
    return e.unsupported("with pads of unknown length");
  Scalars pads = e.scalarsOf(in.getPads());
  Scalars axes;
  if (in.getAxes())
    for (Scalar axis : e.scalarsOf(in.getAxes()))
      axes.push_back(axis.toIndex());
  else
    for (int64_t axis = 0; axis < rank; ++axis)
      axes.push_back(e.at(axis));
  if (pads.size() != 2 * axes.size())
    return e.invalid("there are " + Twine(pads.size()) + " pads, expected " +
                     Twine(2 * axes.size()));
  padding.low.assign(rank, e.at(0));
  padding.high.assign(rank, e.at(0));
  // Nothing overflows with what is left of a wrong number.
  auto modest = [&](Scalar pad) {
    Scalar far = e.at(int64_t(1) << 40);
    pad = pad.toIndex();
    return pad.constant() ? pad : clamp(pad, e.at(0) - far, far);
  };
  for (size_t i = 0; i < axes.size(); ++i) {
    Scalar low = modest(pads[i]), high = modest(pads[axes.size() + i]);
    if (std::optional<int64_t> known = axes[i].constant()) {
      int64_t axis = wrapAxis(*known, rank);
      if (axis < 0 || axis >= rank)
        return e.invalid("axis " + Twine(*known) +
                         " is out of range, the input has rank " + Twine(rank));
      padding.low[axis] = low;
      padding.high[axis] = high;
      continue;
    }
    e.require((axes[i] >= -rank) & (axes[i] < rank), DataError::Value,
              "an axis is out of range");
    for (int64_t axis = 0; axis < rank; ++axis) {
      Scalar isOwn = (axes[i] == axis) | (axes[i] == axis - rank);
      padding.low[axis] = select(isOwn, low, padding.low[axis]);
      padding.high[axis] = select(isOwn, high, padding.high[axis]);
    }
  }
  return success();
}

Lowered lowerPad(onnx::PadOp op, onnx::PadOp::Adaptor in, Emitter &e) {
  RankedTensorType type = e.resultType(0);
  Padding padding;
  if (failed(readPadding(in, e, padding)))
    return failure();
  if (op.getMode() != "constant") {
    if (op.getMode() != "reflect" && op.getMode() != "edge" &&
        op.getMode() != "wrap")
      return e.unsupported("with mode '" + op.getMode() + "'");
    return padWithMirror(e, in.getData(), type, padding, op.getMode());
  }
  Scalar value = in.getConstantValue()
                     ? e.wrap(e.toScalar(in.getConstantValue()))
                     : e.wrap(e.zero(type.getElementType()));
  return padWithValue(e, in.getData(), type, padding, value);
}

/// Cuts at most axes, pads the others, so that the centre stays.
Lowered lowerCenterCropPad(onnx::CenterCropPadOp op,
                           onnx::CenterCropPadOp::Adaptor in, Emitter &e) {
  RankedTensorType type = e.resultType(0);
  Scalars sizes = e.sizesOfTensor(in.getInputData()),
          wanted = e.scalarsOf(in.getShape());
  SmallVector<int64_t> axes =
      llvm::to_vector<6>(llvm::seq<int64_t>(0, sizes.size()));
  if (op.getAxes())
    axes = SmallVector<int64_t>(*op.getAxes());
  if (axes.size() != wanted.size())
    return e.invalid("the shape has " + Twine(wanted.size()) +
                     " elements, expected " + Twine(axes.size()));
  Padding padding{Scalars(sizes.size(), e.at(0)),
                  Scalars(sizes.size(), e.at(0))};
  for (auto [given, size] : llvm::zip(axes, wanted)) {
    int64_t axis = wrapAxis(given, sizes.size());
    // Of an odd difference the larger part is at the end when padding and when
    // cutting.
    Scalar difference = size.toIndex() - sizes[axis];
    Scalar low = select(difference >= 0, floorDiv(difference, e.at(2)),
                        ceilDiv(difference, e.at(2)));
    padding.low[axis] = low;
    padding.high[axis] = difference - low;
  }
  return padWithValue(e, in.getInputData(), type, padding,
                      e.wrap(e.zero(type.getElementType())));
}

} // namespace

void populatePadPatterns(const OnnxTypeConverter &converter,
                         RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerPad, lowerCenterCropPad);
}

} // namespace ashlar
