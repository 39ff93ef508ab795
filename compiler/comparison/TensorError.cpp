#include "compiler/comparison/TensorError.h"

#include <algorithm>
#include <cmath>

using namespace ashlar::comparison;

static double ratioOf(double signal, double noise) {
  if (noise == 0)
    return INFINITY;
  return signal == 0 ? -INFINITY : 10 * std::log10(signal / noise);
}

void TensorError::add(llvm::ArrayRef<float> expected, llvm::ArrayRef<float> got,
                      int64_t channels, int64_t inner) {
  if (channels > 1 && channelNoise.size() < size_t(channels)) {
    channelSignal.resize(channels, 0);
    channelNoise.resize(channels, 0);
  }
  elements += expected.size();
  int64_t channel = 0, left = inner;
  for (size_t i = 0; i != expected.size(); ++i) {
    double e = expected[i], g = got[i], difference = g - e;
    if (e == g || (std::isnan(e) && std::isnan(g)))
      difference = 0; // the same infinity, too
    if (!std::isfinite(difference)) {
      ++notFinite;
    } else {
      double square = difference * difference,
             power = std::isfinite(e) ? e * e : 0;
      noise += square;
      signal += power;
      largest = std::max(largest, std::abs(difference));
      if (std::isfinite(e) && std::isfinite(g)) {
        energy += g * g;
        product += e * g;
      }
      if (channels > 1) {
        channelSignal[channel] += power;
        channelNoise[channel] += square;
      }
    }
    if (channels > 1 && --left == 0) {
      left = inner;
      channel = channel + 1 == channels ? 0 : channel + 1;
    }
  }
}

void TensorError::merge(const TensorError &other) {
  elements += other.elements;
  signal += other.signal;
  noise += other.noise;
  energy += other.energy;
  product += other.product;
  largest = std::max(largest, other.largest);
  notFinite += other.notFinite;
  otherShape += other.otherShape;
  size_t channels = std::max(channelNoise.size(), other.channelNoise.size());
  channelSignal.resize(channels, 0);
  channelNoise.resize(channels, 0);
  for (size_t c = 0; c != other.channelNoise.size(); ++c) {
    channelSignal[c] += other.channelSignal[c];
    channelNoise[c] += other.channelNoise[c];
  }
}

double TensorError::sqnr() const {
  if (notFinite || otherShape)
    return -INFINITY;
  return ratioOf(signal, noise);
}

double TensorError::cosine() const {
  if (notFinite || otherShape)
    return 0;
  if (signal == 0 || energy == 0)
    return signal == energy ? 1 : 0;
  return std::min(1.0, product / std::sqrt(signal) / std::sqrt(energy));
}

std::vector<TensorError::Channel>
TensorError::worstChannels(size_t count) const {
  std::vector<Channel> all;
  for (size_t c = 0; c != channelNoise.size(); ++c)
    if (channelNoise[c] > 0)
      all.push_back({int64_t(c), ratioOf(channelSignal[c], channelNoise[c])});
  count = std::min(count, all.size());
  std::partial_sort(all.begin(), all.begin() + count, all.end(),
                    [](const Channel &a, const Channel &b) {
                      return a.sqnr != b.sqnr ? a.sqnr < b.sqnr
                                              : a.index < b.index;
                    });
  all.resize(count);
  return all;
}

Grade ashlar::comparison::gradeOf(double sqnr) {
  if (sqnr >= 30)
    return Grade::Good;
  if (sqnr >= 20)
    return Grade::Fine;
  return sqnr >= 10 ? Grade::Amber : Grade::Red;
}

const char *ashlar::comparison::gradeName(Grade grade) {
  switch (grade) {
  case Grade::Good:
    return "good";
  case Grade::Fine:
    return "fine";
  case Grade::Amber:
    return "amber";
  case Grade::Red:
    break;
  }
  return "red";
}
