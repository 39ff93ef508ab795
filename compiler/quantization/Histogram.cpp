#include "compiler/quantization/Histogram.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace ashlar::quantization;
using llvm::ArrayRef;

namespace {

// Narrower bins would tell nothing: floats end there.
constexpr int kLeastExponent = -140;
// Numbers of bins are exact in all arithmetic on them.
constexpr double kLargestIndex = 1 << 30;

/// A whole number, or infinity.
double binOf(double value, double width) { return std::floor(value / width); }

bool fits(double low, double high) {
  return std::max(std::fabs(low), std::fabs(high)) < kLargestIndex &&
         high - low < double(Histogram::kMaxBins);
}

/// The smallest power of two that lets the bins hold these values.
double widthFor(double minimum, double maximum) {
  int exponent = 0;
  double half = maximum / 2 - minimum / 2; // the whole could overflow
  std::frexp(half / (Histogram::kMaxBins / 2), &exponent);
  exponent =
      half == 0 ? kLeastExponent : std::max(kLeastExponent, exponent - 2);
  for (;; ++exponent) {
    double width = std::ldexp(1, exponent);
    if (fits(binOf(minimum, width), binOf(maximum, width)))
      return width;
  }
}

} // namespace

void Histogram::reshape(double newWidth, int64_t newFirst, size_t bins) {
  std::vector<uint64_t> old(bins);
  old.swap(counts);
  for (size_t i = 0; i != old.size(); ++i)
    if (old[i])
      counts[size_t(binOf(edge(i), newWidth) - double(newFirst))] += old[i];
  width = newWidth;
  first = newFirst;
}

void Histogram::cover(double minimum, double maximum) {
  double newWidth = std::max(width, widthFor(minimum, maximum));
  double low, high;
  for (;; newWidth *= 2) {
    low = binOf(minimum, newWidth);
    high = binOf(maximum, newWidth);
    if (!empty()) {
      low = std::min(low, binOf(edge(0), newWidth));
      high = std::max(high, binOf(edge(counts.size() - 1), newWidth));
    }
    if (fits(low, high))
      break;
  }
  size_t bins = size_t(high - low + 1);
  if (newWidth != width || int64_t(low) != first || bins != counts.size())
    reshape(newWidth, int64_t(low), bins);
}

template <typename T> void Histogram::count(ArrayRef<T> values) {
  constexpr size_t block = 256;
  // Equal values follow each other often; counters in turns do not wait.
  constexpr size_t lanes = 4;
  bool many = values.size() > 8 * counts.size();
  std::vector<uint64_t> partial(many ? lanes * counts.size() : 0);
  double scale = 1 / width, origin = double(first);
  int32_t places[block];
  while (!values.empty()) {
    ArrayRef<T> now = values.take_front(block);
    values = values.drop_front(now.size());
    for (size_t i = 0; i != now.size(); ++i)
      places[i] = int32_t(std::floor(double(now[i]) * scale) - origin);
    if (many)
      for (size_t i = 0; i != now.size(); ++i)
        ++partial[size_t(places[i]) * lanes + i % lanes];
    else
      for (size_t i = 0; i != now.size(); ++i)
        ++counts[size_t(places[i])];
  }
  for (size_t i = 0; i != partial.size(); ++i)
    counts[i / lanes] += partial[i];
}

void Histogram::add(ArrayRef<float> values) { count(values); }
void Histogram::add(ArrayRef<double> values) { count(values); }

void Histogram::merge(const Histogram &other) {
  if (other.empty())
    return;
  if (empty()) {
    *this = other;
    return;
  }
  // A bin's lower edge is as good as the values in it: they go where it goes.
  if (width < other.width) {
    double low = binOf(edge(0), other.width),
           high = binOf(edge(counts.size() - 1), other.width);
    reshape(other.width, int64_t(low), size_t(high - low + 1));
  }
  cover(other.edge(0), other.edge(other.counts.size() - 1));
  for (size_t i = 0; i != other.counts.size(); ++i)
    if (other.counts[i])
      counts[size_t(binOf(other.edge(i), width) - double(first))] +=
          other.counts[i];
}

uint64_t Histogram::total() const {
  return std::accumulate(counts.begin(), counts.end(), uint64_t(0));
}
