// The methods on distributions whose best ranges are known.
#include "compiler/quantization/CalibrationMethods.h"
#include "gtest/gtest.h"

#include <cmath>
#include <functional>
#include <random>

using namespace ashlar::quantization;

namespace {

constexpr CalibrationMethod kMethods[] = {
    CalibrationMethod::MinMax,     CalibrationMethod::MovingAverage,
    CalibrationMethod::Percentile, CalibrationMethod::Entropy,
    CalibrationMethod::Mse,        CalibrationMethod::Auto};

TensorStatistics statisticsOf(const std::vector<float> &values) {
  TensorStatistics result;
  auto [low, high] = std::minmax_element(values.begin(), values.end());
  result.observedMinimum = result.minimumSum = *low;
  result.observedMaximum = result.maximumSum = *high;
  result.elements = values.size();
  result.observations = 1;
  for (float value : values)
    result.zeros += value == 0;
  result.histogram.cover(*low, *high);
  result.histogram.add(llvm::ArrayRef<float>(values));
  return result;
}

std::vector<float> draw(size_t count, const std::function<double()> &one) {
  std::vector<float> values(count);
  for (float &value : values)
    value = float(one());
  return values;
}

/// The error of quantizing the values themselves.
double trueError(const std::vector<float> &values, double minimum,
                 double maximum, bool isSigned) {
  double step =
      isSigned ? std::max(-minimum, maximum) / 127 : (maximum - minimum) / 255;
  double zero = isSigned ? 0 : std::nearbyint(-minimum / step);
  double least = isSigned ? -128 : 0, most = isSigned ? 127 : 255, sum = 0;
  for (float value : values) {
    double q = std::clamp(std::nearbyint(value / step) + zero, least, most);
    sum += std::pow(value - (q - zero) * step, 2);
  }
  return sum / double(values.size());
}

QuantizedRange choose(const TensorStatistics &statistics,
                      CalibrationMethod method, bool isSigned = false) {
  CalibrationOptions options;
  options.method = method;
  options.signedActivations = isSigned;
  return chooseRange(statistics, options);
}

/// What holds for every distribution.
void check(const std::vector<float> &values) {
  TensorStatistics statistics = statisticsOf(values);
  for (bool isSigned : {false, true}) {
    double minmaxError = 0;
    for (CalibrationMethod method : kMethods) {
      SCOPED_TRACE(calibrationMethodName(method).str() +
                   (isSigned ? " s8" : " u8"));
      QuantizedRange range = choose(statistics, method, isSigned);
      EXPECT_LE(range.minimum, 0);
      EXPECT_GE(range.maximum, 0);
      EXPECT_GT(range.maximum - range.minimum, 0);
      EXPECT_GE(range.minimum, std::min(0.0, statistics.observedMinimum));
      EXPECT_LE(range.maximum, std::max(0.0, statistics.observedMaximum));
      double estimated = quantizationError(statistics, range.minimum,
                                           range.maximum, isSigned),
             exact = trueError(values, range.minimum, range.maximum, isSigned);
      EXPECT_NEAR(estimated, exact, 0.05 * exact);
      if (method == CalibrationMethod::MinMax)
        minmaxError = exact;
      if (method == CalibrationMethod::Auto) {
        EXPECT_LE(exact, minmaxError * 1.02);
        for (CalibrationMethod other : kMethods) {
          QuantizedRange there = choose(statistics, other, isSigned);
          EXPECT_LE(estimated, quantizationError(statistics, there.minimum,
                                                 there.maximum, isSigned));
        }
      }
    }
  }
}

class Methods : public testing::Test {
protected:
  std::mt19937 random{3};
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
};

TEST_F(Methods, Gaussian) {
  auto values = draw(200000, [&] { return normal(random); });
  check(values);
  // The best symmetric clipping of eight bits is near 3.9 sigma.
  QuantizedRange range =
      choose(statisticsOf(values), CalibrationMethod::Mse, true);
  EXPECT_NEAR(std::max(-range.minimum, range.maximum), 3.9, 0.4);
}

TEST_F(Methods, GaussianWithOutliers) {
  auto values = draw(200000, [&] { return normal(random); });
  for (int i = 0; i < 4; ++i)
    values[i] = i % 2 ? 400 : -400;
  check(values);
  TensorStatistics statistics = statisticsOf(values);
  QuantizedRange percentile = choose(statistics, CalibrationMethod::Percentile);
  EXPECT_LT(percentile.maximum, 6);
  EXPECT_GT(percentile.maximum, 3);
  EXPECT_LT(choose(statistics, CalibrationMethod::Entropy).maximum, 200);
  EXPECT_EQ(choose(statistics, CalibrationMethod::MinMax).maximum, 400);
}

TEST_F(Methods, HalfGaussianOfARelu) {
  auto values = draw(200000, [&] { return std::max(0.0, normal(random)); });
  check(values);
  TensorStatistics statistics = statisticsOf(values);
  EXPECT_GT(statistics.zeros, 90000u);
  QuantizedRange range = choose(statistics, CalibrationMethod::Auto);
  EXPECT_EQ(range.minimum, 0);
  EXPECT_NEAR(range.maximum, 4, 0.6);
}

TEST_F(Methods, Uniform) {
  auto values = draw(100000, [&] { return uniform(random) * 6 - 2; });
  check(values);
  // Nothing is gained by cutting.
  QuantizedRange range = choose(statisticsOf(values), CalibrationMethod::Auto);
  EXPECT_NEAR(range.minimum, -2, 0.03);
  EXPECT_NEAR(range.maximum, 4, 0.03);
}

TEST_F(Methods, Bimodal) {
  auto values = draw(
      100000, [&] { return (random() % 2 ? 10 : -3) + 0.2 * normal(random); });
  check(values);
}

TEST_F(Methods, AwayFromZero) {
  check(draw(100000, [&] { return 1000 + normal(random); }));
  check(draw(100000, [&] { return -50 - uniform(random); }));
}

TEST_F(Methods, Tiny) {
  check(draw(10000, [&] { return 1e-12 * normal(random); }));
  TensorStatistics two = statisticsOf({1e-30f, 2e-30f});
  EXPECT_GT(choose(two, CalibrationMethod::Auto).maximum, 1.5e-30);
}

TEST_F(Methods, Degenerate) {
  for (CalibrationMethod method : kMethods)
    for (float value : {0.0f, 3.0f, -3.0f}) {
      SCOPED_TRACE(calibrationMethodName(method).str());
      TensorStatistics statistics = statisticsOf({value, value});
      QuantizedRange range = choose(statistics, method);
      EXPECT_EQ(range.minimum, std::min(value, 0.0f));
      EXPECT_EQ(range.maximum, std::max(value, 0.0f));
      EXPECT_NEAR(
          quantizationError(statistics, range.minimum, range.maximum, false), 0,
          1e-12);
    }
  EXPECT_EQ(choose(TensorStatistics(), CalibrationMethod::Auto).maximum, 0);
}

TEST_F(Methods, MovingAverageIsTheMeanOfExtremes) {
  TensorStatistics sum = statisticsOf({-1, 4}), second = statisticsOf({-3, 2});
  sum.merge(second);
  QuantizedRange range = choose(sum, CalibrationMethod::MovingAverage);
  EXPECT_EQ(range.minimum, -2);
  EXPECT_EQ(range.maximum, 3);
}

TEST_F(Methods, ManualRangesStay) {
  CalibrationTable table;
  table.tensors["a"] = statisticsOf({1, 2});
  table.tensors["a"].method = "manual";
  table.tensors["a"].maximum = 7;
  table.tensors["b"] = statisticsOf({1, 2});
  chooseRanges(table, {CalibrationMethod::MinMax});
  EXPECT_EQ(table.tensors["a"].maximum, 7);
  EXPECT_EQ(table.tensors["b"].maximum, 2);
  EXPECT_EQ(table.tensors["b"].method, "minmax");
}

} // namespace
