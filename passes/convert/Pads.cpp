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
  return e.build(type, resultSizes, [&](ArrayRef<Scalar> at) {
    Scalars position;
    for (auto [index, size, low, high] :
         llvm::zip(at, sizes, padding.low, padding.high)) {
      if (low.constant() == 0 && high.constant() == 0)
        position.push_back(index);
      else
        position.push_back(mirrorIndex(e, index - low, size, mode));
    }
    return e.load(input, position);
  });
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
