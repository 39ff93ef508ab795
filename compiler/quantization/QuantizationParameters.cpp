//===- QuantizationParameters.cpp - scales and zero points ----------------===//
#include "compiler/quantization/QuantizationParameters.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace ashlar::quantization;

float ashlar::quantization::usableScale(double scale) {
  constexpr double least = std::numeric_limits<float>::min();
  constexpr double greatest = std::numeric_limits<float>::max();
  // Room for the reciprocal and for products of two scales.
  return float(std::clamp(scale, least * 0x1p20, greatest * 0x1p-20));
}

ActivationParameters ashlar::quantization::chooseParameters(double minimum,
                                                            double maximum,
                                                            bool isSigned) {
  minimum = std::min(minimum, 0.0);
  maximum = std::max(maximum, 0.0);
  ActivationParameters result;
  result.isSigned = isSigned;
  if (minimum == maximum)
    return result;
  if (isSigned) {
    result.scale = usableScale(std::max(-minimum, maximum) / 127);
    return result;
  }
  result.scale = usableScale((maximum - minimum) / 255);
  result.zeroPoint = int(
      std::clamp(std::nearbyint(-minimum / double(result.scale)), 0.0, 255.0));
  return result;
}

ActivationParameters
ashlar::quantization::secondTermOf(const ActivationParameters &first) {
  ActivationParameters result = first;
  result.scale = usableScale(double(first.scale) / 254);
  result.zeroPoint = first.isSigned ? 0 : 128;
  return result;
}

std::vector<int64_t>
ashlar::quantization::channelsAlong(llvm::ArrayRef<int64_t> shape,
                                    int64_t axis) {
  int64_t inner = 1, count = 1;
  for (size_t i = 0; i != shape.size(); ++i) {
    count *= shape[i];
    if (int64_t(i) > axis)
      inner *= shape[i];
  }
  std::vector<int64_t> channels(count);
  for (int64_t i = 0; i != count; ++i)
    channels[i] = i / inner % shape[axis];
  return channels;
}

// Windows of fewer weights are rounded as they are: the channels of an ordinary
// network are many and unlike, and all its errors of single weights grow.
constexpr int64_t kLeastWindow = 25;

// What a convolution reads in a large window is much alike, so that the
// rounding errors of its weights add up to their sum times that. The weights
// that were nearest to being rounded the other way are, until the sum is right.
static void keepSum(llvm::ArrayRef<double> steps,
                    llvm::MutableArrayRef<int8_t> values) {
  std::vector<std::pair<double, size_t>> errors;
  double sum = 0;
  for (size_t i = 0; i != steps.size(); ++i) {
    errors.push_back({double(values[i]) - steps[i], i});
    sum += errors.back().first;
  }
  int direction = sum > 0 ? -1 : 1;
  std::sort(errors.begin(), errors.end(), [&](const auto &a, const auto &b) {
    return std::make_pair(direction * a.first, a.second) <
           std::make_pair(direction * b.first, b.second);
  });
  auto excess = size_t(std::nearbyint(std::fabs(sum)));
  for (size_t k = 0; k != std::min(excess, errors.size()); ++k) {
    int8_t &value = values[errors[k].second];
    value = int8_t(std::clamp(value + direction, -127, 127));
  }
}

QuantizedWeights ashlar::quantization::quantizeWeights(
    llvm::ArrayRef<float> weights, llvm::ArrayRef<int64_t> channels,
    llvm::ArrayRef<double> leastScales, int64_t window) {
  int64_t count = 1;
  for (int64_t channel : channels)
    count = std::max(count, channel + 1);
  auto channelOf = [&](size_t i) { return channels.empty() ? 0 : channels[i]; };
  std::vector<double> greatest(count, 0);
  for (size_t i = 0; i != weights.size(); ++i)
    greatest[channelOf(i)] =
        std::max(greatest[channelOf(i)], double(std::fabs(weights[i])));
  QuantizedWeights result;
  for (int64_t c = 0; c != count; ++c) {
    double scale = greatest[c] / 127;
    if (!leastScales.empty())
      scale = std::max(scale, leastScales[c]);
    result.scales.push_back(scale > 0 ? usableScale(scale) : 1.0f);
  }
  result.values.reserve(weights.size());
  std::vector<double> steps;
  for (size_t i = 0; i != weights.size(); ++i) {
    steps.push_back(double(weights[i]) / double(result.scales[channelOf(i)]));
    result.values.push_back(
        int8_t(std::clamp(std::nearbyint(steps.back()), -127.0, 127.0)));
  }
  if (window >= kLeastWindow)
    for (size_t i = 0; i + size_t(window) <= weights.size();
         i += size_t(window))
      keepSum(llvm::ArrayRef(steps).slice(i, size_t(window)),
              llvm::MutableArrayRef(result.values).slice(i, size_t(window)));
  return result;
}
