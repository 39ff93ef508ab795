// TopK: what can still be among the first k is picked out of a lane block by
// block; only that is sorted.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"
#include "passes/convert/SortKeys.h"

using namespace mlir;

namespace ashlar {
namespace {

using Scalars = Emitter::Scalars;
using Values = Emitter::Values;

/// Up to so many each element that qualifies is inserted in order at once.
constexpr int64_t kMostInserted = 32;
/// Room for at least so many candidates, lest they are sorted all the time.
constexpr int64_t kLeastRoom = 512;
/// Elements that are compared in one go: some vectors.
constexpr int64_t kBlock = 64;

/// Selection in one lane whose keys stand in a tensor of their own.
class Selector {
public:
  Selector(Emitter &e, const SortKeys &order, Scalar length, Scalar count)
      : e(e), order(order), length(length), count(count) {
    std::optional<int64_t> known = count.constant();
    inserts = known && *known > 0 && *known <= kMostInserted;
    if (!inserts)
      half = min(max(count * 2, e.at(kLeastRoom)), length) + kBlock;
  }

  /// Room for the packed keys of the candidates, to be carried along.
  Values allocate() {
    if (inserts)
      return {e.filled(e.fold(count), e.integer(order.packedType(), -1))};
    SortRoom room = SortRoom::allocate(e, order, half);
    return {room.items, room.digits};
  }

  /// The first `count`, packed and in order, at the start of the room.
  Values select(Value keys, ValueRange room) {
    return inserts ? Values{selectByInsertion(keys, room[0])}
                   : selectBySorting(keys, room);
  }

private:
  Scalar packedAt(Value keys, Scalar i) {
    return order.pack(order.load(keys, i), i);
  }

  Scalar any(Value keys, Scalar low, Scalar high,
             function_ref<Scalar(Scalar)> accepted) {
    return holdsForAny(e, low, high,
                       [&](Scalar i) { return accepted(order.load(keys, i)); });
  }

  //===--- A few: an ordered list
  //---------------------------------------------===//

  /// What is worst of the list and the new one falls out.
  Values insert(Scalar item, Value list) {
    return e.loop(e.at(0), count, {list, item}, [&](Scalar i, ValueRange now) {
      Scalar own = order.load(now[0], i), moving = e.wrap(now[1], true);
      Scalar isBetter = moving < own;
      return Values{e.store(ashlar::select(isBetter, moving, own), now[0], i),
                    ashlar::select(isBetter, own, moving)};
    });
  }

  Value selectByInsertion(Value keys, Value list) {
    Values cleared =
        e.loop(e.at(0), count, list, [&](Scalar i, ValueRange now) {
          return Values{
              e.store(e.wrap(e.integer(order.packedType(), -1)), now[0], i)};
        });
    Values first =
        e.loop(e.at(0), count, cleared, [&](Scalar i, ValueRange now) {
          return Values{insert(packedAt(keys, i), now[0])[0]};
        });
    Scalar blocks = ceilDiv(length, e.at(kBlock));
    return e.loop(floorDiv(count, e.at(kBlock)), blocks,
                  {first[0], order.load(first[0], count - 1)},
                  [&](Scalar block, ValueRange now) {
                    Scalar low = block * kBlock,
                           bound = order.keyIn(e.wrap(now[1], true));
                    Scalar isHit = any(keys, low, min(low + kBlock, length),
                                       [&](Scalar key) { return key < bound; });
                    return e.branch(
                        isHit, now.getTypes(),
                        [&] { return insertBlock(keys, low, now); },
                        [&] { return Values(now); });
                  })[0];
  }

  /// `now` is the list and its last one.
  Values insertBlock(Value keys, Scalar low, ValueRange now) {
    return e.loop(max(low, count), min(low + kBlock, length), now,
                  [&](Scalar i, ValueRange inner) {
                    Scalar item = packedAt(keys, i);
                    return e.branch(
                        item < e.wrap(inner[1], true), inner.getTypes(),
                        [&] {
                          Value list = insert(item, inner[0])[0];
                          return Values{list, order.load(list, count - 1)};
                        },
                        [&] { return Values(inner); });
                  });
  }

  //===--- Many: candidates are gathered, sorted and cut to the first ones
  //---===//

  Values selectBySorting(Value keys, ValueRange room) {
    // Where to go on, candidates, the largest key that may still be one.
    Values done = e.whileLoop(
        {e.at(0), e.at(0), order.last(), room[0], room[1]},
        [&](ValueRange now) { return e.wrap(now[0]) < length; },
        [&](ValueRange now) { return sortCandidates(gather(keys, now)); });
    return {done[3], done[4]};
  }

  /// Candidates are added as long as there is room for those of a whole block.
  Values gather(Value keys, ValueRange state) {
    Scalar bound = e.wrap(state[2], true);
    auto accepted = [&](Scalar key) { return key <= bound; };
    Values gathered = e.whileLoop(
        {state[0], state[1], state[3]},
        [&](ValueRange now) {
          return (e.wrap(now[0]) < length) & (e.wrap(now[1]) <= half - kBlock);
        },
        [&](ValueRange now) {
          Scalar low = e.wrap(now[0]), high = min(low + kBlock, length);
          Values next = e.branch(
              any(keys, low, high, accepted), now.drop_front().getTypes(),
              [&] {
                return e.loop(low, high, now.drop_front(),
                              [&](Scalar i, ValueRange inner) {
                                Scalar n = e.wrap(inner[0]);
                                // What is no candidate is overwritten by the
                                // next one.
                                Value written =
                                    e.store(packedAt(keys, i), inner[1], n);
                                Scalar isOne = accepted(order.load(keys, i));
                                return Values{n + isOne.toIndex(), written};
                              });
              },
              [&] { return Values(now.drop_front()); });
          return Values{high, next[0], next[1]};
        });
    return {gathered[0], gathered[1], state[2], gathered[2], state[4]};
  }

  Values sortCandidates(ArrayRef<Value> state) {
    auto [start, sorted] =
        sortByKeys(e, order, {half, state[3], state[4]}, e.wrap(state[1]));
    Scalar kept = min(e.wrap(state[1]), count), from = start;
    Value first =
        e.loop(e.at(0), kept, sorted.items, [&](Scalar i, ValueRange now) {
          return Values{e.store(order.load(now[0], from + i), now[0], i)};
        })[0];
    // With all places taken only smaller keys count: equal ones come later.
    Scalar worst = order.keyIn(order.load(first, max(kept - 1, e.at(0))));
    Scalar isFull = kept == count, isBest = worst == 0;
    Scalar bound = ashlar::select(isFull, worst - 1, order.last());
    Scalar next = ashlar::select(isFull & isBest, length, e.wrap(state[0]));
    return {next, kept, bound, first, sorted.digits};
  }

  Emitter &e;
  const SortKeys &order;
  Scalar length, count, half;
  bool inserts;
};

Lowered lowerTopK(onnx::TopKOp op, onnx::TopKOp::Adaptor in, Emitter &e) {
  Value data = in.getX();
  RankedTensorType type = e.resultType(0);
  bool isUnsignedData = isUnsigned(op.getX().getType());
  int64_t axis = wrapAxis(op.getAxis(), type.getRank());
  Scalars sizes = e.sizesOfTensor(data), resultSizes = sizes, lanes = sizes;
  Scalar length = sizes[axis], count = e.wrap(e.toScalar(in.getK())).toIndex();
  if (!count.constant() || !length.constant())
    e.require((count >= 0) & (count <= length), DataError::Value,
              "k lies outside the axis");
  else if (*count.constant() > *length.constant())
    return e.invalid("k is " + Twine(*count.constant()) +
                     ", but the axis has size " + Twine(*length.constant()));
  SortKeys order(e, type.getElementType(), isUnsignedData,
                 op.getLargest() != 0);
  e.require(length < order.mostPlaces(), DataError::Value,
            "the axis is too long to be sorted");
  resultSizes[axis] = count;
  lanes[axis] = e.at(1);
  Value values = e.allocate(type, resultSizes),
        indices = e.allocate(e.resultType(1), resultSizes);
  Scalar taken = type.isDynamicDim(axis) ? count : e.at(type.getDimSize(axis));
  Selector selector(e, order, length, taken);
  Value keys = e.filled(e.fold(length), order.last());
  Values state = {values, indices, keys};
  state.append(selector.allocate());
  Values results =
      e.nest(lanes, state, [&](ArrayRef<Scalar> lane, ValueRange now) {
        auto element = [&](Scalar i) {
          Scalars place(lane);
          place[axis] = i;
          return e.load(data, place, isUnsignedData);
        };
        Values keyed =
            e.loop(e.at(0), length, now[2], [&](Scalar i, ValueRange carried) {
              return Values{e.store(order.keyOf(element(i)), carried[0], i)};
            });
        Values found = selector.select(keyed[0], now.drop_front(3));
        Values next =
            e.loop(e.at(0), taken, now.take_front(2),
                   [&](Scalar i, ValueRange carried) {
                     Scalar chosen =
                         clamp(order.placeIn(order.load(found[0], i)), e.at(0),
                               length - 1);
                     Scalars place(lane);
                     place[axis] = i;
                     return Values{
                         e.store(element(chosen), carried[0], place),
                         e.store(chosen.to(e.getI64Type()), carried[1], place)};
                   });
        next.push_back(keyed[0]);
        next.append(found);
        return next;
      });
  return Values{results[0], results[1]};
}

} // namespace

void populateTopKPatterns(const OnnxTypeConverter &converter,
                          RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerTopK);
}

} // namespace ashlar
