//===- InputStream.h - the values of one input, sample by sample ----------===//
#ifndef ASHLAR_COMPILER_DATA_INPUTSTREAM_H
#define ASHLAR_COMPILER_DATA_INPUTSTREAM_H

#include "compiler/data/ArraySource.h"
#include "compiler/data/DataPaths.h"
#include "compiler/data/Zip.h"

#include "llvm/Support/MemoryBuffer.h"

namespace ashlar::data {

class InputStream {
public:
  virtual ~InputStream() = default;
  /// None after the last. Types and finiteness are for others to check.
  virtual llvm::Expected<std::optional<Tensor>> next() = 0;
  virtual std::optional<uint64_t> size() const { return std::nullopt; }
  /// Rows at the end that make no whole sample, once that is known.
  virtual int64_t rowsLeftOver() const { return 0; }

  std::string name; // the file, for messages
};

/// Rows of an array.
llvm::Expected<std::unique_ptr<InputStream>>
streamArray(std::unique_ptr<ArraySource> array, const InputSpec &spec,
            int64_t batch);

/// Image files, one a sample.
llvm::Expected<std::unique_ptr<InputStream>>
streamImages(std::vector<std::string> paths, const InputSpec &spec,
             const ImageOptions &options);

/// A file of one input; its kind is not a folder, list, archive or pipe.
llvm::Expected<std::unique_ptr<InputStream>>
streamFile(llvm::StringRef path, DataKind kind, const InputSpec &spec,
           const SampleOptions &options);

/// An .npz file, whose members are inputs by their names.
llvm::Expected<std::unique_ptr<SampleStream>>
streamArchive(llvm::StringRef path, llvm::ArrayRef<InputSpec> inputs,
              const SampleOptions &options,
              std::function<void(llvm::StringRef)> note);

/// Samples whose inputs come from a stream each, in the model's order. Inputs
/// that have one value only are repeated.
llvm::Expected<std::unique_ptr<SampleStream>>
zipInputs(std::vector<std::unique_ptr<InputStream>> inputs,
          llvm::ArrayRef<InputSpec> specs,
          std::function<void(llvm::StringRef)> note);

/// The .npy and .npz files of a pipe, one after the other.
llvm::Expected<std::unique_ptr<SampleStream>>
streamPipe(std::shared_ptr<ByteSource> pipe, llvm::ArrayRef<InputSpec> specs,
           const SampleOptions &options,
           std::function<void(llvm::StringRef)> note);

/// ONNX test folders, one a sample.
std::unique_ptr<SampleStream>
streamTestFolders(std::vector<std::string> folders,
                  llvm::ArrayRef<InputSpec> inputs,
                  llvm::ArrayRef<InputSpec> outputs);

/// Samples of `inner` as the model takes them: types converted, pixels
/// normalised, all checked; the part of them that `options` ask for.
std::unique_ptr<SampleStream>
checkSamples(std::unique_ptr<SampleStream> inner,
             llvm::ArrayRef<InputSpec> inputs, const SampleOptions &options,
             std::function<void(llvm::StringRef)> note);

/// Which of `arrays` (named) feeds which input: by name, or the only one the
/// only input. Problems are added to `problems`.
std::vector<int> matchMembers(llvm::ArrayRef<std::string> arrays,
                              llvm::ArrayRef<InputSpec> specs,
                              std::vector<std::string> &unused,
                              llvm::Error &problems);

} // namespace ashlar::data
#endif
