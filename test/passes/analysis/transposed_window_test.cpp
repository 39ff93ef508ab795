// The phases of transposed convolutions, against the definition of the
// operator: output o has products of input i and tap k where
// i * stride + k = o + padBegin.
#include "passes/analysis/TransposedWindow.h"

#include "gtest/gtest.h"

#include <set>

using namespace ashlar;

namespace {

using Products = std::set<std::pair<int64_t, int64_t>>; // input, tap

constexpr int64_t kInputs = 4;

int64_t outputsOf(const TransposedAxis &axis) {
  return (kInputs - 1) * axis.stride + axis.taps - axis.padBegin - axis.padEnd +
         axis.outputPadding;
}

std::vector<Products> byDefinition(const TransposedAxis &axis) {
  std::vector<Products> all(outputsOf(axis));
  for (int64_t o = 0; o < int64_t(all.size()); ++o)
    for (int64_t i = 0; i < kInputs; ++i) {
      int64_t tap = o + axis.padBegin - i * axis.stride;
      if (tap >= 0 && tap < axis.taps)
        all[o].insert({i, tap});
    }
  return all;
}

// What the windows of `merged` meet, at the places where results are stored.
void addProducts(const MergedPhases &merged, std::vector<Products> &all,
                 std::vector<int> &written) {
  int64_t count = merged.phases.size();
  for (auto [inner, phase] : llvm::enumerate(merged.phases))
    for (int64_t t = 0; t < kInputs + merged.growth; ++t) {
      int64_t o = count > 1 ? t * count + int64_t(inner) - merged.crop
                            : t * phase.stride + phase.offset;
      // Phases that are merged may have an output too many.
      if (count > 1 && (o < 0 || o >= int64_t(all.size())))
        continue;
      ASSERT_LT(o, int64_t(all.size()));
      ++written[o];
      for (int64_t place = 0; place < merged.taps; ++place) {
        int64_t input = t - merged.padBegin + place;
        if (merged.tap(phase, place) >= 0 && input >= 0 && input < kInputs)
          all[o].insert({input, merged.tap(phase, place)});
      }
    }
}

void expectAsDefined(const TransposedAxis &axis,
                     llvm::ArrayRef<MergedPhases> plan) {
  std::vector<Products> found(outputsOf(axis));
  std::vector<int> written(found.size());
  for (const MergedPhases &merged : plan)
    addProducts(merged, found, written);
  EXPECT_EQ(found, byDefinition(axis));
  EXPECT_EQ(written, std::vector<int>(found.size(), 1));
}

TEST(TransposedWindow, HasTheProductsOfTheDefinition) {
  int tried = 0, merged = 0;
  for (int64_t stride : {1, 2, 3, 5})
    for (int64_t taps = stride; taps < 12; ++taps)
      for (int64_t begin = 0; begin < taps; ++begin)
        for (int64_t end : {0, 1, 3})
          for (int64_t extra = 0; extra < std::min<int64_t>(stride, 2);
               ++extra) {
            TransposedAxis axis{taps, stride, 1, begin, end, extra};
            if (outputsOf(axis) < 1)
              continue;
            SCOPED_TRACE(testing::Message()
                         << taps << " taps, stride " << stride << ", pads "
                         << begin << " and " << end << ", output padding "
                         << extra);
            ASSERT_TRUE(phasesOf(axis));
            expectAsDefined(axis, planPhases({}, axis, 64, false).columns);
            PhasePlan few = planPhases({}, axis, 1, true);
            expectAsDefined(axis, few.columns);
            merged += few.columns.size() < size_t(stride);
            ++tried;
          }
  EXPECT_GT(tried, 500);
  EXPECT_GT(merged, 300);
}

TEST(TransposedWindow, MergesWhereVectorsWouldBeEmpty) {
  TransposedAxis axis{4, 2, 1, 1, 1, 0};
  EXPECT_EQ(planPhases(axis, axis, 3, true).rows.size(), 1u);
  EXPECT_EQ(planPhases(axis, axis, 3, true).columns.size(), 1u);
  EXPECT_EQ(planPhases(axis, axis, 3, false).columns.size(), 2u);
  EXPECT_EQ(planPhases(axis, axis, 64, true).columns.size(), 2u);
}

TEST(TransposedWindow, LeavesOutputsWithoutProductsAndDilationAlone) {
  EXPECT_FALSE(phasesOf({2, 3, 1, 0, 0, 0}));
  EXPECT_FALSE(phasesOf({3, 2, 2, 0, 0, 0}));
}

} // namespace
