//===- Labels.h - what samples are known to be ----------------------------===//
#ifndef ASHLAR_COMPILER_DATA_LABELS_H
#define ASHLAR_COMPILER_DATA_LABELS_H

#include "compiler/data/SampleStream.h"

namespace ashlar::data {

struct LabelOptions {
  /// "FILE" or "FILE:PART": .npy, .npz (PART: the member), idx (also .gz),
  /// .tsv or .csv (PART: a column by its name or number, from 0), .txt (one a
  /// line), or .bin (PART: the place of the label's byte in a record).
  std::string path;
  /// Names of the classes where a table has names: a JSON list of strings, or
  /// a line for each.
  std::string names;
  /// As the samples' own, so that labels stay beside their samples.
  uint64_t skip = 0;
  std::optional<uint64_t> count;
  /// .bin: bytes of a record, and before the first.
  uint64_t recordBytes = 0, header = 0;
};

/// One label a sample: the index of its class.
llvm::Expected<std::vector<int64_t>> readLabels(const LabelOptions &options);

} // namespace ashlar::data
#endif
