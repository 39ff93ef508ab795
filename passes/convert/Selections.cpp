// Operators that choose elements by value: Compress, NonZero, Unique.
// Where the number of chosen elements shows only while running, the result has
// room for all of them and is cut afterwards.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"
#include "passes/convert/SortKeys.h"
#include "passes/convert/Sorting.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace ashlar {
namespace {

using Scalars = Emitter::Scalars;
using Values = Emitter::Values;

/// a < b, with NaN as the largest of all numbers.
Scalar comesBefore(Scalar a, Scalar b) {
  return a.isFloat() ? (a < b) | (isNan(b) & logicalNot(isNan(a))) : a < b;
}

/// The first `count` elements along `axis`, checked against the declared type.
Value cutTo(Emitter &e, Value tensor, int64_t axis, Scalar count,
            RankedTensorType type) {
  TensorBuilder::Sizes sizes = e.dims(tensor), offsets(sizes.size(), e.size(0)),
                       strides(sizes.size(), e.size(1));
  if (!type.isDynamicDim(axis)) {
    e.require(count == type.getDimSize(axis), DataError::Shape,
              "the result has another size than declared");
    // Room for all may be less than what is declared; then the check has
    // failed.
    Scalar room = e.wrap(sizes[axis]);
    if (room.constant() && *room.constant() < type.getDimSize(axis))
      return Value();
    count = e.at(type.getDimSize(axis));
  }
  sizes[axis] = e.fold(count);
  return tensor::ExtractSliceOp::create(e, tensor, offsets, sizes, strides);
}

//===--- Compress, NonZero
//-----------------------------------------------------------------------------------------===//

Lowered lowerCompress(onnx::CompressOp op, onnx::CompressOp::Adaptor in,
                      Emitter &e) {
  Value data = in.getInput();
  RankedTensorType type = e.resultType(0);
  int64_t axis = 0;
  if (op.getAxis())
    axis = wrapAxis(*op.getAxis(), type.getRank());
  else
    data = e.reshape(data, e.elementCount(data));
  Scalars sizes = e.sizesOfTensor(data);
  Scalar candidates = min(e.sizeOf(in.getCondition(), 0), sizes[axis]);
  // Where the chosen ones are, then the elements themselves.
  Value places = e.filled(e.fold(candidates), e.index(0));
  Values chosen = e.loop(
      e.at(0), candidates, {e.at(0), places}, [&](Scalar i, ValueRange now) {
        Scalar count = e.wrap(now[0]), isChosen = e.load(in.getCondition(), i);
        // What is not chosen is overwritten by the next one.
        return Values{count + isChosen.toIndex(), e.store(i, now[1], count)};
      });
  Scalars room = sizes;
  room[axis] = candidates;
  RankedTensorType roomType = e.tensorType(e.fold(room), type.getElementType());
  Value all = e.build(roomType, room, [&](ArrayRef<Scalar> at) {
    Scalars place(at.take_front(sizes.size()));
    place[axis] = e.load(chosen[1], place[axis]);
    return e.load(data, place);
  });
  Value result = cutTo(e, all, axis, e.wrap(chosen[0]), type);
  return result ? Lowered(result)
                : Lowered(e.invalid(
                      "the result is declared larger than the input"));
}

Lowered lowerNonZero(onnx::NonZeroOp op, onnx::NonZeroOp::Adaptor in,
                     Emitter &e) {
  Scalars sizes = e.sizesOfTensor(in.getX());
  int64_t rank = sizes.size();
  Scalar total = e.wrap(e.elementCount(in.getX()));
  Value all =
      e.filled({e.size(rank), e.fold(total)}, e.integer(e.getI64Type(), 0));
  Values found =
      e.nest(sizes, {e.at(0), all}, [&](ArrayRef<Scalar> at, ValueRange now) {
        Scalar count = e.wrap(now[0]), element = e.load(in.getX(), at);
        Scalar zero = e.wrap(e.zero(element.type()));
        Value places = now[1];
        for (int64_t axis = 0; axis < rank; ++axis)
          places =
              e.store(at[axis].to(e.getI64Type()), places, {e.at(axis), count});
        return Values{count + (element != zero).toIndex(), places};
      });
  Value result = cutTo(e, found[1], 1, e.wrap(found[0]), e.resultType(0));
  return result ? Lowered(result)
                : Lowered(e.invalid(
                      "the result is declared larger than the input"));
}

//===--- Unique
//----------------------------------------------------------------------------------------------------===//

/// The items of Unique: elements, or slices along an axis.
struct UniqueItems {
  Value data;
  int64_t axis;
  bool isUnsignedData;
  Scalars inner; // sizes of one item

  /// -1, 0 or 1: how two items compare, element by element.
  Scalar compare(Emitter &e, Scalar a, Scalar b) const {
    return e.accumulate(inner, e.at(0), [&](ArrayRef<Scalar> at, Scalar soFar) {
      auto element = [&](Scalar item) {
        Scalars place(at);
        place.insert(place.begin() + axis, item);
        return e.load(data, place, isUnsignedData);
      };
      Scalar x = element(a), y = element(b);
      Scalar order = select(comesBefore(x, y), e.at(-1),
                            select(comesBefore(y, x), e.at(1), e.at(0)));
      return select(soFar == 0, order, soFar);
    });
  }
};

/// Groups of equal items, numbered in the order that the results have; index
/// tensors with room for every item.
struct UniqueGroups {
  Value group;        // of each item
  Value first, count; // of each group
  Scalar groups;
};

/// The numbers of the items in order; those that are numbers themselves are
/// sorted by their digits.
Value sortItems(Emitter &e, const UniqueItems &items, Scalar count) {
  Type element = elementType(items.data);
  bool isTruth = element.isInteger(1);
  if (!items.inner.empty() || isTruth)
    return sortIndices(
               e, SortSpace::allocate(e, count), count,
               [&](Scalar a, Scalar b) { return items.compare(e, a, b) < 0; })
        .order;
  SortKeys keys(e, element, items.isUnsignedData, /*descending=*/false);
  e.require(count < keys.mostPlaces(), DataError::Value,
            "the tensor is too long to be sorted");
  // Never empty: one is looked at even where there are none.
  SortRoom room = SortRoom::allocate(e, keys, count + 1);
  room.items =
      e.loop(e.at(0), count, room.items, [&](Scalar i, ValueRange now) {
        Scalar key = keys.keyOf(e.load(items.data, i, items.isUnsignedData));
        return Values{e.store(keys.pack(key, i), now[0], i)};
      })[0];
  auto [start, sorted] = sortByKeys(e, keys, room, count);
  Scalar first = start;
  Value packed = sorted.items;
  return e.loop(e.at(0), count, e.filled(e.fold(count), e.index(0)),
                [&](Scalar i, ValueRange now) {
                  Scalar item = keys.placeIn(keys.load(packed, first + i));
                  return Values{e.store(item, now[0], i)};
                })[0];
}

/// The first item equal to each item; equal ones stand beside each other in
/// `sorted`.
Value findRepresentatives(Emitter &e, const UniqueItems &items, Value sorted,
                          Scalar size) {
  Value none = e.filled(e.fold(size), e.index(0));
  return e.loop(e.at(0), size, none, [&](Scalar i, ValueRange now) {
    Scalar item = e.load(sorted, i),
           before = e.load(sorted, max(i - 1, e.at(0)));
    Scalar isFirst = (i == 0) | (items.compare(e, before, item) != 0);
    return Values{
        e.store(select(isFirst, item, e.load(now[0], before)), now[0], item)};
  })[0];
}

/// Groups are numbered as their representatives come along in `order`.
UniqueGroups numberGroups(Emitter &e, Value representative, Value order,
                          Scalar size) {
  auto none = [&] { return e.filled(e.fold(size), e.index(0)); };
  Values numbered = e.loop(
      e.at(0), size, {e.at(0), none(), none(), none()},
      [&](Scalar i, ValueRange now) {
        Scalar item = order ? e.load(order, i) : i, next = e.wrap(now[0]),
               first = e.load(representative, item);
        Scalar isFirst = first == item,
               number = select(isFirst, next, e.load(now[1], first));
        return Values{next + isFirst.toIndex(), e.store(number, now[1], item),
                      e.store(first, now[2], number),
                      e.store(e.load(now[3], number) + 1, now[3], number)};
      });
  return {numbered[1], numbered[2], numbered[3], e.wrap(numbered[0])};
}

Lowered lowerUnique(onnx::UniqueOp op, onnx::UniqueOp::Adaptor in, Emitter &e) {
  UniqueItems items{in.getX(), 0, isUnsigned(op.getX().getType()), {}};
  RankedTensorType type = e.resultType(0);
  if (op.getAxis())
    items.axis = wrapAxis(*op.getAxis(), type.getRank());
  else
    items.data = e.reshape(items.data, e.elementCount(items.data));
  Scalars sizes = e.sizesOfTensor(items.data);
  Scalar count = sizes[items.axis];
  items.inner = sizes;
  items.inner.erase(items.inner.begin() + items.axis);
  Value sorted = sortItems(e, items, count);
  Value representative = findRepresentatives(e, items, sorted, count);
  UniqueGroups groups =
      numberGroups(e, representative, op.getSorted() ? sorted : Value(), count);

  Value all = e.build(e.tensorType(e.fold(sizes), type.getElementType()), sizes,
                      [&](ArrayRef<Scalar> at) {
                        Scalars place(at.take_front(sizes.size()));
                        place[items.axis] =
                            e.load(groups.first, place[items.axis]);
                        return e.load(items.data, place);
                      });
  auto asResult = [&](Value numbers) {
    return e.map(e.getI64Type(), numbers, [](TensorBuilder &b, ValueRange x) {
      return b.fromIndex(x[0], b.getI64Type());
    });
  };
  Values results = {cutTo(e, all, items.axis, groups.groups, type)};
  for (Value result : op->getResults().drop_front()) {
    auto resultType = cast<RankedTensorType>(result.getType());
    if (result == op.getInverseIndices())
      results.push_back(asResult(groups.group));
    else
      results.push_back(cutTo(
          e, asResult(result == op.getIndices() ? groups.first : groups.count),
          0, groups.groups, resultType));
  }
  if (llvm::is_contained(results, Value()))
    return e.invalid("the result is declared larger than the input");
  return results;
}

} // namespace

void populateSelectionPatterns(const OnnxTypeConverter &converter,
                               RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerCompress, lowerNonZero, lowerUnique);
}

} // namespace ashlar
