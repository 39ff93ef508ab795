//===- CalibrationTable.h - what a model's tensors were seen to hold ------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_CALIBRATIONTABLE_H
#define ASHLAR_COMPILER_QUANTIZATION_CALIBRATIONTABLE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ashlar::quantization {

/// Counts of values in bins of one width. The width is a power of two and bin
/// edges are multiples of it, so that histograms merge exactly, in any order:
/// bin i holds values in [(first + i) * width, (first + i + 1) * width).
struct Histogram {
  double width = 0; // 0: empty
  int64_t first = 0;
  std::vector<uint64_t> counts;
};

/// One float tensor, named as in the model file.
struct TensorStatistics {
  /// The range to quantize, chosen by `method` (or by a person who edits it).
  double minimum = 0, maximum = 0;
  std::string method; // "minmax", "percentile", ...
  /// All that was seen.
  double observedMinimum = 0, observedMaximum = 0;
  uint64_t elements = 0;
  Histogram histogram;
  /// Along `channelAxis` (-1: not kept): the largest |x| and the sum of x of
  /// each channel, for migration between activations and weights and for bias
  /// correction.
  int channelAxis = -1;
  std::vector<double> channelMaxima, channelSums;
};

struct CalibrationTable {
  std::string modelHash; // of the model file's bytes
  std::string dataHash;  // of all samples, in order
  uint64_t samples = 0;
  std::map<std::string, TensorStatistics> tensors;
};

/// Reads calibration.json; errors name the file and what is wrong in it.
llvm::Expected<CalibrationTable> readCalibrationTable(llvm::StringRef path);
void writeCalibrationTable(const CalibrationTable &table,
                           llvm::raw_ostream &os);

} // namespace ashlar::quantization

#endif
