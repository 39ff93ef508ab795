#include "passes/convert/Sorting.h"

using namespace mlir;

namespace ashlar {

using Values = Emitter::Values;

SortSpace SortSpace::allocate(Emitter &e, Scalar count) {
  OpFoldResult size = e.fold(count);
  Value zero = e.index(0);
  return SortSpace(e.filled(size, zero), e.filled(size, zero));
}

/// Merges the sorted runs [low, middle) and [middle, high) of `from` into `to`.
static Value mergeRuns(Emitter &e, Value from, Value to, Scalar low,
                       Scalar middle, Scalar high,
                       function_ref<Scalar(Scalar, Scalar)> before) {
  Values merged = e.loop(
      low, high, {low, middle, to}, [&](Scalar place, ValueRange carried) {
        Scalar left = e.wrap(carried[0]), right = e.wrap(carried[1]);
        // Reads stay inside even where one run is used up.
        Scalar last = high - 1;
        Scalar leftItem = e.load(from, min(left, last)),
               rightItem = e.load(from, min(right, last));
        Scalar rightFirst =
            (right < high) & ((left >= middle) | before(rightItem, leftItem));
        Scalar item = select(rightFirst, rightItem, leftItem);
        Value written = e.store(item, carried[2], place);
        return Values{select(rightFirst, left, left + 1),
                      select(rightFirst, right + 1, right), written};
      });
  return merged[2];
}

SortSpace sortIndices(Emitter &e, SortSpace space, Scalar count,
                      function_ref<Scalar(Scalar, Scalar)> before) {
  Values filled =
      e.loop(e.at(0), count, space.order, [&](Scalar i, ValueRange carried) {
        return Values{e.store(i, carried[0], i)};
      });
  Values sorted = e.whileLoop(
      {e.at(1), filled[0], space.scratch},
      [&](ValueRange now) { return e.wrap(now[0]) < count; },
      [&](ValueRange now) {
        Scalar width = e.wrap(now[0]), pairs = ceilDiv(count, width * 2);
        Values merged = e.loop(
            e.at(0), pairs, now[2], [&](Scalar pair, ValueRange carried) {
              Scalar low = pair * width * 2, middle = min(low + width, count),
                     high = min(low + width * 2, count);
              return Values{
                  mergeRuns(e, now[1], carried[0], low, middle, high, before)};
            });
        Values copied =
            e.loop(e.at(0), count, now[1], [&](Scalar i, ValueRange carried) {
              return Values{e.store(e.load(merged[0], i), carried[0], i)};
            });
        return Values{width * 2, copied[0], merged[0]};
      });
  return SortSpace(sorted[1], sorted[2]);
}

} // namespace ashlar
