// Operators that write where indices say: ScatterElements, ScatterND,
// TensorScatter, MaxUnpool. Updates are applied in order, so that the last of
// several to one place wins as in the standard's reference.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"

using namespace mlir;

namespace ashlar {
namespace {

using Scalars = Emitter::Scalars;
using Values = Emitter::Values;

bool isKnownReduction(StringRef name) {
  return name == "none" || name == "add" || name == "mul" || name == "max" ||
         name == "min";
}

/// The element that a place gets for an update.
Scalar combine(Emitter &e, StringRef reduction, Scalar old, Scalar update) {
  if (reduction == "none")
    return update;
  Type element = old.type(), wide = computeType(element);
  if (wide != element)
    return combine(e, reduction, old.to(wide), update.to(wide)).to(element);
  bool isTruth = element.isInteger(1);
  if (reduction == "add")
    return isTruth ? old | update : old + update;
  if (reduction == "mul")
    return isTruth ? old & update : old * update;
  return reduction == "max" ? max(old, update) : min(old, update);
}

Value update(Emitter &e, Value tensor, ArrayRef<Scalar> place, Scalar element,
             StringRef reduction, bool isUnsigned) {
  if (reduction != "none")
    element = combine(e, reduction, e.load(tensor, place, isUnsigned), element);
  return e.store(element, tensor, place);
}

Lowered lowerScatterElements(onnx::ScatterElementsOp op,
                             onnx::ScatterElementsOp::Adaptor in, Emitter &e) {
  Value data = in.getData(), indices = in.getIndices(),
        updates = in.getUpdates();
  StringRef reduction = op.getReduction();
  if (!isKnownReduction(reduction))
    return e.unsupported("with reduction '" + reduction + "'");
  bool isUnsignedData = isUnsigned(op.getData().getType());
  Scalars sizes = e.sizesOfTensor(data), bounds = e.sizesOfTensor(indices);
  int64_t axis = wrapAxis(op.getAxis(), sizes.size());
  if (failed(e.requireIndices(indices, sizes[axis])) ||
      failed(e.requireInside(bounds, sizes, axis)) ||
      failed(e.requireInside(bounds, e.sizesOfTensor(updates), -1)))
    return failure();
  return e.nest(bounds, e.copyOf(data),
                [&](ArrayRef<Scalar> at, ValueRange carried) {
                  Scalars place(at);
                  place[axis] = e.wrapIndex(e.load(indices, at), sizes[axis]);
                  Scalar element = e.load(updates, at, isUnsignedData);
                  return Values{update(e, carried[0], place, element, reduction,
                                       isUnsignedData)};
                });
}

Lowered lowerScatterND(onnx::ScatterNDOp op, onnx::ScatterNDOp::Adaptor in,
                       Emitter &e) {
  Value data = in.getData(), indices = in.getIndices(),
        updates = in.getUpdates();
  StringRef reduction = op.getReduction();
  if (!isKnownReduction(reduction))
    return e.unsupported("with reduction '" + reduction + "'");
  bool isUnsignedData = isUnsigned(op.getData().getType());
  Scalars sizes = e.sizesOfTensor(data), outer = e.sizesOfTensor(indices);
  std::optional<int64_t> depth = outer.back().constant();
  if (!depth)
    return e.unsupported("with index tuples of unknown length");
  if (*depth > static_cast<int64_t>(sizes.size()))
    return e.invalid("index tuples have " + Twine(*depth) +
                     " elements, the input has rank " + Twine(sizes.size()));
  outer.pop_back();
  Scalars bounds = outer;
  bounds.append(sizes.begin() + *depth, sizes.end());
  if (failed(e.requireTuples(indices, ArrayRef(sizes).take_front(*depth))) ||
      failed(e.requireInside(bounds, e.sizesOfTensor(updates), -1)))
    return failure();
  // Slices in loops of their own, which find out where only once.
  ArrayRef<Scalar> slice = ArrayRef(bounds).drop_front(outer.size());
  return e.nest(
      outer, e.copyOf(data), [&](ArrayRef<Scalar> at, ValueRange now) {
        Scalars start, from(at), tuple(at);
        tuple.emplace_back();
        for (int64_t i = 0; i < *depth; ++i) {
          tuple.back() = e.at(i);
          start.push_back(e.wrapIndex(e.load(indices, tuple), sizes[i]));
        }
        return e.nest(
            slice, now, [&](ArrayRef<Scalar> inner, ValueRange carried) {
              Scalars place(start), source(from);
              llvm::append_range(place, inner);
              llvm::append_range(source, inner);
              Scalar element = e.load(updates, source, isUnsignedData);
              return Values{update(e, carried[0], place, element, reduction,
                                   isUnsignedData)};
            });
      });
}

/// Writes new entries into a cache, from each batch's position on.
Lowered lowerTensorScatter(onnx::TensorScatterOp op,
                           onnx::TensorScatterOp::Adaptor in, Emitter &e) {
  Value cache = in.getPastCache(), updates = in.getUpdate(),
        positions = in.getWriteIndices();
  Scalars sizes = e.sizesOfTensor(cache), bounds = e.sizesOfTensor(updates);
  int64_t axis = wrapAxis(op.getAxis(), sizes.size());
  bool isCircular = op.getMode() == "circular";
  if (failed(e.requireInside(bounds, sizes, -1)))
    return failure();
  if (positions) {
    e.require(bounds[0] <= e.sizeOf(positions, 0), DataError::Shape,
              "there is not one position for each batch");
    Scalar last = isCircular ? sizes[axis] - 1 : sizes[axis] - bounds[axis];
    Scalar allFit = e.accumulate(
        bounds[0], e.truth(true), [&](ArrayRef<Scalar> at, Scalar soFar) {
          Scalar position = e.load(positions, at).toIndex();
          return soFar & (position >= 0) & (position <= last);
        });
    e.require(allFit, DataError::Index,
              "a write position lies outside the cache");
  }
  return e.nest(
      bounds, e.copyOf(cache), [&](ArrayRef<Scalar> at, ValueRange carried) {
        Scalars place(at);
        if (positions)
          place[axis] = at[axis] + e.load(positions, at[0]).toIndex();
        if (isCircular)
          place[axis] = select(place[axis] >= sizes[axis],
                               place[axis] - sizes[axis], place[axis]);
        place[axis] = clamp(place[axis], e.at(0), sizes[axis] - 1);
        return Values{e.store(e.load(updates, at), carried[0], place)};
      });
}

/// The size of an unpooled axis where no output shape is given.
Scalar unpooledSize(onnx::MaxUnpoolOp op, Scalar size, int64_t axis,
                    int64_t spatialRank) {
  SmallVector<int64_t> strides = orDefault(op.getStrides(), spatialRank, 1),
                       pads = orDefault(op.getPads(), 2 * spatialRank, 0);
  return (size - 1) * strides[axis] +
         (op.getKernelShape()[axis] - pads[axis] - pads[axis + spatialRank]);
}

Lowered lowerMaxUnpool(onnx::MaxUnpoolOp op, onnx::MaxUnpoolOp::Adaptor in,
                       Emitter &e) {
  Value data = in.getX(), indices = in.getI();
  RankedTensorType type = e.resultType(0);
  Scalars sizes = e.sizesOfTensor(data), pooledFrom = sizes,
          resultSizes = sizes;
  int64_t spatialRank = sizes.size() - 2;
  for (int64_t axis = 0; axis < spatialRank; ++axis)
    pooledFrom[axis + 2] = resultSizes[axis + 2] =
        unpooledSize(op, sizes[axis + 2], axis, spatialRank);
  if (in.getOutputShape())
    for (auto [axis, size] : llvm::enumerate(e.scalarsOf(in.getOutputShape())))
      resultSizes[axis] = type.isDynamicDim(axis) ? size.toIndex()
                                                  : e.at(type.getDimSize(axis));
  Scalar total = e.at(1);
  for (Scalar size : pooledFrom)
    total = total * size;
  if (failed(e.requireIndices(indices, total)) ||
      failed(e.requireInside(sizes, e.sizesOfTensor(indices), -1)) ||
      failed(e.requireInside(pooledFrom, resultSizes, -1)))
    return failure();
  Value zeros =
      e.allocateFilled(type, resultSizes, e.zero(type.getElementType()));
  if (!in.getOutputShape()) {
    Value flat = e.reshape(zeros, {e.fold(total)});
    Value filled =
        e.nest(sizes, flat, [&](ArrayRef<Scalar> at, ValueRange carried) {
          Scalar place = e.wrapIndex(e.load(indices, at), total);
          return Values{e.store(e.load(data, at), carried[0], place)};
        })[0];
    return e.conform(e.reshape(filled, e.fold(resultSizes)), type);
  }
  // Indices count the elements of the tensor that was pooled, which may be
  // smaller than the result.
  return e.nest(sizes, zeros, [&](ArrayRef<Scalar> at, ValueRange carried) {
    Scalar rest = e.wrapIndex(e.load(indices, at), total);
    Scalars place(sizes.size());
    for (int64_t axis = sizes.size() - 1; axis >= 0; --axis) {
      place[axis] = axis ? rest % pooledFrom[axis] : rest;
      rest = rest / pooledFrom[axis];
    }
    return Values{e.store(e.load(data, at), carried[0], place)};
  });
}

} // namespace

void populateScatterPatterns(const OnnxTypeConverter &converter,
                             RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerScatterElements, lowerScatterND,
               lowerTensorScatter, lowerMaxUnpool);
}

} // namespace ashlar
