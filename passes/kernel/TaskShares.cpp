//===- TaskShares.cpp - work in equal parts -------------------------------===//
#include "passes/kernel/TaskShares.h"

#include <tuple>

using namespace mlir;
using namespace ashlar;

namespace {

/// Multiply-accumulates of a task below which cutting does not pay: some ten
/// microseconds in f32.
constexpr int64_t kLeastProducts = 1 << 19;
/// With so many tasks one more or less does not matter.
constexpr int64_t kManyTasks = 64;

/// A number of tasks that is a multiple of `workers`: one whose tasks have the
/// same number of pieces if there is one, the fewest of these. False if there
/// is none.
bool cutFor(int64_t workers, int64_t batches, int64_t products, TaskAxis &rows,
            TaskAxis &channels) {
  int64_t mostRows = std::min(rows.pieces, rows.parts * 2);
  int64_t mostChannels = std::min(channels.pieces, channels.parts * 2);
  std::optional<std::tuple<bool, int64_t, int64_t, int64_t>> best;
  for (int64_t r = rows.parts; r <= mostRows; ++r)
    for (int64_t c = channels.parts; c <= mostChannels; ++c) {
      int64_t tasks = batches * r * c;
      if (tasks % workers || products / tasks < kLeastProducts)
        continue;
      bool differ = rows.pieces % r || channels.pieces % c;
      auto cut = std::make_tuple(differ, tasks, r, c);
      best = best ? std::min(*best, cut) : cut;
    }
  if (!best)
    return false;
  rows.parts = std::get<2>(*best);
  channels.parts = std::get<3>(*best);
  return true;
}

} // namespace

void ashlar::evenTasks(int64_t batches, int64_t products, TaskAxis &rows,
                       TaskAxis &channels) {
  int64_t tasks = batches * rows.parts * channels.parts;
  if (tasks <= 0 || tasks >= kManyTasks)
    return;
  for (int64_t workers : {8, 4, 2})
    if (tasks % workers == 0 ||
        cutFor(workers, batches, products, rows, channels))
      return;
}
