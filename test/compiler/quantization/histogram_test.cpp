#include "compiler/quantization/Histogram.h"
#include "gtest/gtest.h"

#include <cmath>
#include <random>

using namespace ashlar::quantization;

namespace {

Histogram histogramOf(llvm::ArrayRef<float> values) {
  Histogram histogram;
  if (values.empty())
    return histogram;
  auto [low, high] = std::minmax_element(values.begin(), values.end());
  histogram.cover(*low, *high);
  histogram.add(values);
  return histogram;
}

void expectEqual(const Histogram &a, const Histogram &b) {
  EXPECT_EQ(a.width, b.width);
  EXPECT_EQ(a.first, b.first);
  EXPECT_EQ(a.counts, b.counts);
}

TEST(Histogram, CountsValuesWhereTheyAre) {
  Histogram histogram = histogramOf({-1, 0, 0, 1});
  EXPECT_EQ(histogram.width, std::ldexp(1, -9));
  EXPECT_EQ(histogram.first, -512);
  ASSERT_EQ(histogram.counts.size(), 1025u);
  EXPECT_EQ(histogram.counts.front(), 1u);
  EXPECT_EQ(histogram.counts[512], 2u);
  EXPECT_EQ(histogram.counts.back(), 1u);
  EXPECT_EQ(histogram.edge(512), 0);
  EXPECT_EQ(histogram.total(), 4u);
}

TEST(Histogram, TakesDegenerateRanges) {
  Histogram zero = histogramOf({0, 0, 0});
  ASSERT_EQ(zero.counts.size(), 1u);
  EXPECT_EQ(zero.counts[0], 3u);
  Histogram constant = histogramOf({-7.5f, -7.5f});
  EXPECT_EQ(constant.total(), 2u);
  EXPECT_LE(constant.edge(0), -7.5);
  EXPECT_GT(constant.edge(1), -7.5);
  Histogram extremes = histogramOf({-3.4e38f, 3.4e38f, 1e-45f});
  EXPECT_EQ(extremes.total(), 3u);
  EXPECT_LE(extremes.counts.size(), size_t(Histogram::kMaxBins));
  Histogram doubles;
  doubles.cover(-1.7e308, 1.7e308);
  doubles.add(llvm::ArrayRef<double>{-1.7e308, 1.7e308});
  EXPECT_EQ(doubles.total(), 2u);
  Histogram narrow = histogramOf({1000, std::nextafter(1000.0f, 2000.0f)});
  EXPECT_EQ(narrow.total(), 2u);
  EXPECT_LE(narrow.counts.size(), size_t(Histogram::kMaxBins));
}

TEST(Histogram, MergesToTheSameInAnyOrder) {
  std::mt19937 random(5);
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<std::vector<float>> parts(4);
    std::vector<float> all;
    for (auto &part : parts) {
      float scale = std::ldexp(1.0f, int(random() % 60) - 30);
      float offset = random() % 3 ? 0 : scale * float(random() % 100);
      size_t count = random() % 5000;
      for (size_t i = 0; i < count; ++i)
        part.push_back(offset + scale * (float(random() % 20001) / 10000 - 1));
      all.insert(all.end(), part.begin(), part.end());
    }
    Histogram whole = histogramOf(all), forwards, backwards, pairs, grown;
    for (int i = 0; i < 4; ++i) {
      forwards.merge(histogramOf(parts[i]));
      backwards.merge(histogramOf(parts[3 - i]));
    }
    Histogram other = histogramOf(parts[2]);
    other.merge(histogramOf(parts[3]));
    pairs.merge(histogramOf(parts[1]));
    pairs.merge(other);
    pairs.merge(histogramOf(parts[0]));
    for (const auto &part : parts) {
      if (part.empty())
        continue;
      auto [low, high] = std::minmax_element(part.begin(), part.end());
      grown.cover(*low, *high);
      grown.add(part);
    }
    expectEqual(forwards, whole);
    expectEqual(backwards, whole);
    expectEqual(pairs, whole);
    expectEqual(grown, whole);
    EXPECT_EQ(whole.total(), all.size());
  }
}

} // namespace
