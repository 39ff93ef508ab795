// The squared error of a quantizer, integrated over a histogram.
#include "compiler/quantization/CalibrationMethods.h"

#include <algorithm>
#include <cmath>

using namespace ashlar::quantization;

namespace {

/// Values that are multiples of a step between two ends; what lies beyond goes
/// to the end.
struct Quantizer {
  double step = 0, low = 0, high = 0;

  Quantizer(double minimum, double maximum, bool isSigned) {
    minimum = std::min(minimum, 0.0);
    maximum = std::max(maximum, 0.0);
    if (isSigned) {
      step = std::max(-minimum, maximum) / 127;
      low = -128 * step;
      high = 127 * step;
    } else {
      step = (maximum - minimum) / 255;
      double zero =
          step > 0 ? std::clamp(std::nearbyint(-minimum / step), 0.0, 255.0)
                   : 0;
      low = -zero * step;
      high = (255 - zero) * step;
    }
  }

  /// Integral of the squared error from 0 to `x`, over a uniform density of
  /// one.
  double integral(double x) const {
    double inside = std::clamp(x, low, high), outside = x - inside;
    double sum = outside * outside * outside / 3;
    if (step > 0) {
      double cells = std::nearbyint(inside / step);
      double rest = inside - cells * step;
      sum += cells * step * step * step / 12 + rest * rest * rest / 3;
    }
    return sum;
  }

  double squaredError(double x) const {
    double inside = std::clamp(x, low, high);
    double nearest = step > 0 ? std::nearbyint(inside / step) * step : 0;
    return (x - nearest) * (x - nearest);
  }
};

} // namespace

double
ashlar::quantization::quantizationError(const TensorStatistics &statistics,
                                        double minimum, double maximum,
                                        bool signedActivations) {
  const Histogram &histogram = statistics.histogram;
  if (!statistics.elements)
    return 0;
  Quantizer quantizer(minimum, maximum, signedActivations);
  double sum = 0;
  for (size_t i = 0; i != histogram.counts.size(); ++i) {
    uint64_t count = histogram.counts[i];
    // Zeros are exact; they all lie in the bin that begins there.
    if (histogram.first + int64_t(i) == 0)
      count -= std::min(count, statistics.zeros);
    if (!count)
      continue;
    double low = std::max(histogram.edge(i), statistics.observedMinimum),
           high = std::min(histogram.edge(i + 1), statistics.observedMaximum);
    double width = high - low;
    // A few equal values: as good as all in the middle.
    if (width <= 1e-9 * std::max(std::fabs(low), std::fabs(high)))
      sum += double(count) * quantizer.squaredError((low + high) / 2);
    else
      sum += double(count) / width *
             (quantizer.integral(high) - quantizer.integral(low));
  }
  return sum / double(statistics.elements);
}
