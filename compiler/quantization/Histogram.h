//===- Histogram.h - counts of values in bins -----------------------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_HISTOGRAM_H
#define ASHLAR_COMPILER_QUANTIZATION_HISTOGRAM_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace ashlar::quantization {

/// Counts of values in bins of one width. The width is a power of two and bin
/// edges are multiples of it: bin i holds values in [(first + i) * width,
/// (first + i + 1) * width). The width is the smallest that lets kMaxBins bins
/// hold all values, so that the histogram follows from the values alone: those
/// of parts, in any order, merge to that of the whole.
struct Histogram {
  static constexpr int64_t kMaxBins = 2048;

  double width = 0; // 0: empty
  int64_t first = 0;
  std::vector<uint64_t> counts;

  bool empty() const { return counts.empty(); }
  /// Lower edge of bin `index`.
  double edge(size_t index) const {
    return double(first + int64_t(index)) * width;
  }

  /// Grows so that finite values from `minimum` to `maximum` have bins. Each
  /// must be a value that is counted.
  void cover(double minimum, double maximum);
  /// Counts values that are covered.
  void add(llvm::ArrayRef<float> values);
  void add(llvm::ArrayRef<double> values);
  void merge(const Histogram &other);
  uint64_t total() const;

private:
  void reshape(double newWidth, int64_t newFirst, size_t bins);
  template <typename T> void count(llvm::ArrayRef<T> values);
};

} // namespace ashlar::quantization

#endif
