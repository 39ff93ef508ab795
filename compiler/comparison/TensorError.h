//===- TensorError.h - how far values are from what they should be --------===//
#ifndef ASHLAR_COMPILER_COMPARISON_TENSORERROR_H
#define ASHLAR_COMPILER_COMPARISON_TENSORERROR_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <optional>
#include <vector>

namespace ashlar::comparison {

/// Sums over the elements of one tensor and over all samples. Everything that
/// is told of an error follows from them.
struct TensorError {
  uint64_t elements = 0;
  double signal = 0;       // sum of expected^2
  double noise = 0;        // sum of (got - expected)^2
  double energy = 0;       // sum of got^2
  double product = 0;      // sum of got * expected
  double largest = 0;      // largest |got - expected|
  uint64_t notFinite = 0;  // elements that are a number on one side only
  uint64_t otherShape = 0; // samples in which the shapes differ
  /// Where values have channels.
  std::vector<double> channelSignal, channelNoise;

  /// Adds the elements of one sample. `channels` of them lie `inner` apart, and
  /// repeat.
  void add(llvm::ArrayRef<float> expected, llvm::ArrayRef<float> got,
           int64_t channels, int64_t inner);

  void merge(const TensorError &other);

  /// 10 log10(signal / noise): infinite where nothing differs, minus infinite
  /// where something that is no number appeared.
  double sqnr() const;
  double cosine() const;
  /// Nothing differs.
  bool exact() const { return noise == 0 && sqnr() > 0; }
  double meanSquare() const { return elements ? noise / double(elements) : 0; }

  struct Channel {
    int64_t index;
    double sqnr;
  };
  /// The channels with the least signal to noise, worst first.
  std::vector<Channel> worstChannels(size_t count) const;
};

/// The norms by which errors are coloured.
enum class Grade { Good, Fine, Amber, Red };
Grade gradeOf(double sqnr);
/// "good", "fine", "amber", "red".
const char *gradeName(Grade grade);

} // namespace ashlar::comparison
#endif
