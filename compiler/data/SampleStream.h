//===- SampleStream.h - sets of inputs, one after the other ---------------===//
#ifndef ASHLAR_COMPILER_DATA_SAMPLESTREAM_H
#define ASHLAR_COMPILER_DATA_SAMPLESTREAM_H

#include "compiler/data/Tensor.h"

#include <memory>

namespace ashlar::data {

/// What a stream has to know about one input of the model.
struct InputSpec {
  std::string name;
  int32_t dtype = 0;          // ashlar_dtype
  std::vector<int64_t> shape; // negative: any
};

/// One call of the model.
struct Sample {
  std::string name;            // for messages: file, index in it
  std::vector<Tensor> inputs;  // in the order of the model's inputs
  std::vector<Tensor> outputs; // what the data says they should be; often none
};

/// Reads samples one by one, so that memory stays bounded by one sample.
class SampleStream {
public:
  virtual ~SampleStream() = default;
  /// None after the last.
  virtual llvm::Expected<std::optional<Sample>> next() = 0;
  /// How many there are in all, where that is known beforehand.
  virtual std::optional<uint64_t> size() const { return std::nullopt; }
};

} // namespace ashlar::data

#endif
