//===- CalibrationTable.h - what a model's tensors were seen to hold ------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_CALIBRATIONTABLE_H
#define ASHLAR_COMPILER_QUANTIZATION_CALIBRATIONTABLE_H

#include "compiler/import/ModelFile.h"
#include "compiler/quantization/Histogram.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ashlar::quantization {

/// The method of ranges that a person has set.
inline constexpr llvm::StringLiteral kManualMethod = "manual";

/// Fewer samples than this miss what is rare.
inline constexpr uint64_t kFewSamples = 32;

/// One float tensor, named as in the model file.
struct TensorStatistics {
  /// The range to quantize, chosen by `method` (or by a person who edits it:
  /// then "manual").
  double minimum = 0, maximum = 0;
  std::string method; // "minmax", "percentile", ...
  /// All that was seen.
  double observedMinimum = 0, observedMaximum = 0;
  uint64_t elements = 0;
  uint64_t zeros = 0; // among them, which any quantization keeps
  Histogram histogram;
  /// How often the tensor was computed, and the sums of its smallest and
  /// largest elements each time.
  uint64_t observations = 0;
  double minimumSum = 0, maximumSum = 0;
  /// Along `channelAxis` (-1: not kept): the largest |x| and the sum of x of
  /// each channel, for migration between activations and weights and for bias
  /// correction. Empty with an axis: the number of channels varied.
  int channelAxis = -1;
  std::vector<double> channelMaxima, channelSums;

  /// As if all that `other` saw had been seen here. Does not choose a range.
  /// Gives the same in any order: what is added up is rounded so that sums are
  /// exact.
  void merge(const TensorStatistics &other);
};

struct CalibrationTable {
  std::string modelHash; // hashOfModel()
  std::string dataHash;  // of all samples, in any order
  uint64_t samples = 0;
  /// Samples were made up: the ranges say nothing about real ones.
  bool madeUp = false;
  std::map<std::string, TensorStatistics> tensors;
};

/// BLAKE3, in hex, of the model file's bytes and of the files that its tensors
/// lie in.
std::string hashOfModel(const ModelFile &model);

/// A hash of samples that does not depend on their order: the sum of theirs.
class DataHash {
public:
  DataHash() = default;
  /// Of 64 hexadecimal digits, as in a table; empty: no samples.
  static llvm::Expected<DataHash> parse(llvm::StringRef text);
  /// Adds a sample, given as BLAKE3 of its bytes.
  void add(const std::array<uint8_t, 32> &sample);
  void add(const DataHash &other) { add(other.sum); }
  std::string text() const;

private:
  std::array<uint8_t, 32> sum = {};
};

/// `other`, from other samples of the same model, goes into `table`. Ranges
/// have to be chosen anew, but for those that a person has set in either table;
/// an error names all that are set to different ranges.
llvm::Error mergeCalibrationTable(CalibrationTable &table,
                                  const CalibrationTable &other);

/// Reads calibration.json; errors name the file and all that is wrong in it.
llvm::Expected<CalibrationTable> readCalibrationTable(llvm::StringRef path);
void writeCalibrationTable(const CalibrationTable &table,
                           llvm::raw_ostream &os);

} // namespace ashlar::quantization

#endif
