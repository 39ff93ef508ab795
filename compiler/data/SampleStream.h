//===- SampleStream.h - sets of inputs, one after the other ---------------===//
//
// Calibration, evaluation and comparison take any number of samples. They come
// from many kinds of files, one at a time, so that memory stays bounded by one
// sample. docs/quantization.md tells what is read, and how.
//
//===----------------------------------------------------------------------===//
#ifndef ASHLAR_COMPILER_DATA_SAMPLESTREAM_H
#define ASHLAR_COMPILER_DATA_SAMPLESTREAM_H

#include "compiler/data/ImageTransform.h"
#include "compiler/data/Tensor.h"

#include <memory>

struct ashlar_model_info;

namespace ashlar::data {

/// What a stream has to know about one input of the model.
struct InputSpec {
  std::string name;
  int32_t dtype = 0;          // ashlar_dtype
  std::vector<int64_t> shape; // negative: any
};

std::vector<InputSpec> inputSpecs(const ashlar_model_info &info);
std::vector<InputSpec> outputSpecs(const ashlar_model_info &info);

/// One call of the model.
struct Sample {
  std::string name;            // for messages: file, index in it
  std::vector<Tensor> inputs;  // in the order of the model's inputs
  std::vector<Tensor> outputs; // what the data says they should be; often none
};

/// Reads samples one by one.
class SampleStream {
public:
  virtual ~SampleStream() = default;
  /// None after the last. After an error there is nothing more to be had.
  virtual llvm::Expected<std::optional<Sample>> next() = 0;
  /// How many there are in all, where that is known beforehand.
  virtual std::optional<uint64_t> size() const { return std::nullopt; }
};

/// How raw files are read: records of the input's shape without its first
/// dimension.
struct RawOptions {
  int32_t dtype = 0;   // of the file's values; 0: the input's
  uint64_t header = 0; // bytes at the start that are not values
  uint64_t prefix = 0; // bytes before each record that are not values
};

/// What is read, and which part of it.
struct SampleOptions {
  /// "PATH" (all inputs; several follow each other) or "NAME=PATH" (one input;
  /// the others come from a PATH of their own).
  std::vector<std::string> data;
  uint64_t skip = 0;             // samples left out at the start
  std::optional<uint64_t> count; // at most so many
  /// Rows of an array that make a sample where the model's first dimension is
  /// open; 0: all of them.
  int64_t batch = 1;
  RawOptions raw;
  ImageOptions image;
};

/// A stream whose samples fit `inputs`: in type (converted where nothing is
/// lost), in shape, and without NaN or infinity. `outputs` names what test
/// folders hold. `note` is told, once each, what a reader of the command line
/// might not expect: conversions, rows left over.
llvm::Expected<std::unique_ptr<SampleStream>>
openSamples(const SampleOptions &options, llvm::ArrayRef<InputSpec> inputs,
            llvm::ArrayRef<InputSpec> outputs,
            std::function<void(llvm::StringRef)> note);

} // namespace ashlar::data

#endif
