#include "compiler/comparison/TensorError.h"

#include "gtest/gtest.h"

#include <cmath>
#include <vector>

using namespace ashlar::comparison;

namespace {

TensorError errorOf(std::vector<float> expected, std::vector<float> got,
                    int64_t channels = 1, int64_t inner = 1) {
  TensorError error;
  error.add(expected, got, channels, inner);
  return error;
}

TEST(TensorErrorTest, MeasuresNoise) {
  TensorError error = errorOf({3, 4, 0, 0}, {3, 4, 0.5, 0});
  EXPECT_DOUBLE_EQ(error.sqnr(), 20.0); // 25 over 0.25
  EXPECT_DOUBLE_EQ(error.largest, 0.5);
  EXPECT_DOUBLE_EQ(error.meanSquare(), 0.0625);
  EXPECT_NEAR(error.cosine(), 5 / std::sqrt(25.25), 1e-12);
  EXPECT_EQ(errorOf({1, 2}, {1, 2}).sqnr(), INFINITY);
  EXPECT_EQ(errorOf({1, 2}, {1, 2}).cosine(), 1.0);
  EXPECT_EQ(errorOf({0, 0}, {0, 1}).sqnr(), -INFINITY);
  EXPECT_EQ(errorOf({0, 0}, {0, 0}).cosine(), 1.0);
}

TEST(TensorErrorTest, IsHonestAboutWhatIsNoNumber) {
  TensorError error = errorOf({1, 2}, {1, NAN});
  EXPECT_EQ(error.notFinite, 1u);
  EXPECT_EQ(error.sqnr(), -INFINITY);
  EXPECT_EQ(error.cosine(), 0.0);
  // The same on both sides is no error.
  EXPECT_EQ(errorOf({1, NAN, INFINITY}, {1, NAN, INFINITY}).sqnr(), INFINITY);
  EXPECT_EQ(errorOf({1, INFINITY}, {1, -INFINITY}).notFinite, 1u);
}

TEST(TensorErrorTest, FindsTheWorstChannels) {
  // [1,3,2]: channel 1 is bad, channel 2 a little.
  TensorError error = errorOf({1, 1, 1, 1, 1, 1}, {1, 1, 0, 0, 1, 0.9f}, 3, 2);
  auto worst = error.worstChannels(5);
  ASSERT_EQ(worst.size(), 2u);
  EXPECT_EQ(worst[0].index, 1);
  EXPECT_DOUBLE_EQ(worst[0].sqnr, 0.0);
  EXPECT_EQ(worst[1].index, 2);
  // Channels last: they repeat.
  TensorError last = errorOf({1, 1, 1, 1, 1, 1}, {1, 0, 1, 1, 0, 1}, 3, 1);
  ASSERT_EQ(last.worstChannels(5).size(), 1u);
  EXPECT_EQ(last.worstChannels(5)[0].index, 1);
}

TEST(TensorErrorTest, MergesSamples) {
  TensorError first = errorOf({1, 2, 3, 4}, {1, 2, 3, 5}, 2, 2),
              second = errorOf({4, 3, 2, 1}, {4, 3, 0, 1}, 2, 2), both;
  both.add({1, 2, 3, 4}, {1, 2, 3, 5}, 2, 2);
  both.add({4, 3, 2, 1}, {4, 3, 0, 1}, 2, 2);
  first.merge(second);
  EXPECT_EQ(first.sqnr(), both.sqnr());
  EXPECT_EQ(first.cosine(), both.cosine());
  EXPECT_EQ(first.largest, both.largest);
  EXPECT_EQ(first.channelNoise, both.channelNoise);
}

TEST(TensorErrorTest, GradesAsTheNormsSay) {
  EXPECT_EQ(gradeOf(30), Grade::Good);
  EXPECT_EQ(gradeOf(29.9), Grade::Fine);
  EXPECT_EQ(gradeOf(19.9), Grade::Amber);
  EXPECT_EQ(gradeOf(9.9), Grade::Red);
  EXPECT_EQ(gradeOf(-INFINITY), Grade::Red);
}

} // namespace
