#include "compiler/quantization/CalibrationMethods.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

using namespace ashlar::quantization;
using llvm::StringRef;

namespace {

constexpr std::pair<CalibrationMethod, llvm::StringLiteral> kNames[] = {
    {CalibrationMethod::MinMax, "minmax"},
    {CalibrationMethod::MovingAverage, "moving-average"},
    {CalibrationMethod::Percentile, "percentile"},
    {CalibrationMethod::Entropy, "entropy"},
    {CalibrationMethod::Mse, "mse"},
    {CalibrationMethod::Auto, "auto"}};

/// The ranges that the methods find for one tensor.
class RangeFinder {
public:
  RangeFinder(const TensorStatistics &statistics,
              const CalibrationOptions &options)
      : statistics(statistics), options(options) {}

  QuantizedRange find(CalibrationMethod method) const;

private:
  QuantizedRange range(double minimum, double maximum,
                       CalibrationMethod method) const {
    return {std::min(minimum, 0.0), std::max(maximum, 0.0), method};
  }
  double error(const QuantizedRange &range) const {
    return quantizationError(statistics, range.minimum, range.maximum,
                             options.signedActivations);
  }
  double quantile(double share) const;
  double divergence(const std::vector<double> &magnitudes, size_t kept) const;
  QuantizedRange percentile(double percent) const;
  QuantizedRange entropy() const;
  QuantizedRange mse() const;
  QuantizedRange best() const;

  const TensorStatistics &statistics;
  const CalibrationOptions &options;
};

QuantizedRange RangeFinder::find(CalibrationMethod method) const {
  const TensorStatistics &seen = statistics;
  if (!seen.elements ||
      (seen.observedMinimum == 0 && seen.observedMaximum == 0))
    return range(0, 0,
                 method == CalibrationMethod::Auto ? CalibrationMethod::MinMax
                                                   : method);
  switch (method) {
  case CalibrationMethod::MinMax:
    break;
  case CalibrationMethod::MovingAverage: {
    double count = double(std::max<uint64_t>(1, seen.observations));
    return range(std::max(seen.minimumSum / count, seen.observedMinimum),
                 std::min(seen.maximumSum / count, seen.observedMaximum),
                 method);
  }
  case CalibrationMethod::Percentile:
    return percentile(options.percentile);
  case CalibrationMethod::Entropy:
    return entropy();
  case CalibrationMethod::Mse:
    return mse();
  case CalibrationMethod::Auto:
    return best();
  }
  return range(seen.observedMinimum, seen.observedMaximum,
               CalibrationMethod::MinMax);
}

// The value below which this share of the elements lies.
double RangeFinder::quantile(double share) const {
  const Histogram &histogram = statistics.histogram;
  double wanted = share * double(statistics.elements), below = 0;
  for (size_t i = 0; i != histogram.counts.size(); ++i) {
    double count = double(histogram.counts[i]);
    if (count && below + count >= wanted) {
      double low = std::max(histogram.edge(i), statistics.observedMinimum),
             high = std::min(histogram.edge(i + 1), statistics.observedMaximum);
      return low + (high - low) * std::max(0.0, wanted - below) / count;
    }
    below += count;
  }
  return statistics.observedMaximum;
}

QuantizedRange RangeFinder::percentile(double percent) const {
  double outside = (1 - percent / 100) / 2;
  return range(quantile(outside), quantile(1 - outside),
               CalibrationMethod::Percentile);
}

// How much the distribution of |x|, cut after `kept` bins and then told in the
// steps that eight bits have for it, differs from the one cut.
double RangeFinder::divergence(const std::vector<double> &magnitudes,
                               size_t kept) const {
  // Both signs share the steps.
  bool twoSided = statistics.observedMinimum < 0 &&
                  (options.signedActivations || statistics.observedMaximum > 0);
  size_t steps = twoSided || options.signedActivations ? 128 : 256;
  std::vector<double> cut(magnitudes.begin(), magnitudes.begin() + kept);
  std::vector<double> told(kept, 0);
  for (size_t step = 0; step != steps; ++step) {
    size_t begin = step * kept / steps, end = (step + 1) * kept / steps;
    double sum = 0;
    size_t filled = 0;
    for (size_t i = begin; i != end; ++i) {
      sum += cut[i];
      filled += cut[i] > 0;
    }
    for (size_t i = begin; i != end; ++i)
      if (cut[i] > 0)
        told[i] = sum / double(filled);
  }
  for (size_t i = kept; i != magnitudes.size(); ++i)
    cut.back() += magnitudes[i];
  double cutTotal = 0, toldTotal = 0;
  for (size_t i = 0; i != kept; ++i) {
    // What neither has says nothing; what only the cut one has is not free.
    if (cut[i] > 0 && told[i] == 0)
      told[i] = 1e-3;
    cutTotal += cut[i];
    toldTotal += told[i];
  }
  if (cutTotal == 0 || toldTotal == 0)
    return std::numeric_limits<double>::infinity();
  double sum = 0;
  for (size_t i = 0; i != kept; ++i)
    if (cut[i] > 0)
      sum += cut[i] / cutTotal *
             std::log((cut[i] / cutTotal) / (told[i] / toldTotal));
  return sum;
}

QuantizedRange RangeFinder::entropy() const {
  const Histogram &histogram = statistics.histogram;
  double largest =
      std::max(-statistics.observedMinimum, statistics.observedMaximum);
  size_t bins = size_t(std::floor(largest / histogram.width)) + 1;
  // Values far from zero have many bins before them that stand empty.
  constexpr size_t most = size_t(Histogram::kMaxBins);
  size_t group = (bins + most - 1) / most;
  bins = (bins + group - 1) / group;
  std::vector<double> magnitudes(bins + 1);
  for (size_t i = 0; i != histogram.counts.size(); ++i) {
    int64_t bin = histogram.first + int64_t(i);
    double count = double(histogram.counts[i]);
    if (bin == 0) // zeros are exact with any step
      count -= double(std::min(histogram.counts[i], statistics.zeros));
    size_t place = size_t(bin < 0 ? -(bin + 1) : bin) / group;
    magnitudes[std::min(place, bins)] += count;
  }
  while (magnitudes.size() > 1 && magnitudes.back() == 0)
    magnitudes.pop_back();
  double best = std::numeric_limits<double>::infinity(), limit = largest;
  for (size_t kept = magnitudes.size(); kept >= 256; kept -= 8) {
    double now = divergence(magnitudes, kept);
    if (now < best) {
      best = now;
      limit = std::min(largest, double(kept) * double(group) * histogram.width);
    }
    if (kept < 256 + 8)
      break;
  }
  return range(std::max(statistics.observedMinimum, -limit),
               std::min(statistics.observedMaximum, limit),
               CalibrationMethod::Entropy);
}

// Both ends are moved in turns, each to where the error is least.
QuantizedRange RangeFinder::mse() const {
  QuantizedRange now =
      range(statistics.observedMinimum, statistics.observedMaximum,
            CalibrationMethod::Mse);
  double least = error(now);
  const QuantizedRange whole = now;
  auto search = [&](double QuantizedRange::*end) {
    bool moved = false;
    // Shares of the whole: coarse and far at first, then fine around the best.
    double center = 0.5, reach = 0.5;
    for (int round = 0; round != 3; ++round) {
      double bestShare = now.*end / (whole.*end);
      for (int i = -16; i <= 16; ++i) {
        double share = center + reach * i / 16;
        if (share <= 0 || share > 1)
          continue;
        QuantizedRange candidate = now;
        candidate.*end = share * (whole.*end);
        if (candidate.minimum == 0 && candidate.maximum == 0)
          continue;
        double candidateError = error(candidate);
        if (candidateError < least) {
          least = candidateError;
          now = candidate;
          bestShare = share;
          moved = true;
        }
      }
      center = bestShare;
      reach /= 12;
    }
    return moved;
  };
  auto searchBoth = [&] {
    bool moved = false;
    if (whole.minimum < 0)
      moved |= search(&QuantizedRange::minimum);
    if (whole.maximum > 0)
      moved |= search(&QuantizedRange::maximum);
    return moved;
  };
  // Both ends at once first: one alone gains nothing where the other is as far.
  for (double share = 0.9; share > 0.005; share *= 0.9) {
    QuantizedRange candidate = whole;
    double largest = std::max(-whole.minimum, whole.maximum) * share;
    candidate.minimum = std::max(whole.minimum, -largest);
    candidate.maximum = std::min(whole.maximum, largest);
    double candidateError = error(candidate);
    if (candidateError < least) {
      least = candidateError;
      now = candidate;
    }
  }
  for (int round = 0; round != 4 && searchBoth(); ++round)
    ;
  return now;
}

QuantizedRange RangeFinder::best() const {
  QuantizedRange best = find(CalibrationMethod::MinMax);
  double least = error(best);
  auto consider = [&](const QuantizedRange &candidate) {
    double candidateError = error(candidate);
    if (candidateError < least) {
      least = candidateError;
      best = candidate;
    }
  };
  consider(find(CalibrationMethod::MovingAverage));
  for (double percent : {99.9999, 99.999, 99.99, 99.9})
    consider(percentile(percent));
  consider(entropy());
  consider(mse());
  return best;
}

} // namespace

std::optional<CalibrationMethod>
ashlar::quantization::parseCalibrationMethod(StringRef name) {
  for (const auto &[method, known] : kNames)
    if (known == name)
      return method;
  return std::nullopt;
}

StringRef
ashlar::quantization::calibrationMethodName(CalibrationMethod method) {
  for (const auto &[known, name] : kNames)
    if (known == method)
      return name;
  return "";
}

QuantizedRange
ashlar::quantization::chooseRange(const TensorStatistics &statistics,
                                  const CalibrationOptions &options) {
  return RangeFinder(statistics, options).find(options.method);
}

// As many digits as a float has: the table is read by people too.
static double roundedToFloat(double value) {
  char text[32];
  snprintf(text, sizeof text, "%.7g", value);
  return std::strtod(text, nullptr);
}

void ashlar::quantization::chooseRanges(CalibrationTable &table,
                                        const CalibrationOptions &options) {
  for (auto &[name, tensor] : table.tensors) {
    if (tensor.method == kManualMethod)
      continue;
    QuantizedRange range = chooseRange(tensor, options);
    tensor.minimum = roundedToFloat(range.minimum);
    tensor.maximum = roundedToFloat(range.maximum);
    tensor.method = calibrationMethodName(range.method).str();
  }
}
