// ONNX test folders as samples.
#include "compiler/data/DataFiles.h"
#include "compiler/data/InputStream.h"

#include "llvm/ADT/StringSet.h"

using namespace ashlar::data;
using llvm::ArrayRef;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

// Brings tensors into the model's order: by name where all names are the
// model's, otherwise by position.
static Error arrange(std::vector<Tensor> &tensors, ArrayRef<InputSpec> specs,
                     StringRef folder, StringRef kind) {
  if (tensors.size() != specs.size())
    return makeError(folder + ": error: folder holds " + Twine(tensors.size()) +
                     " " + kind + "s, the model has " + Twine(specs.size()));
  llvm::StringSet<> seen;
  std::vector<Tensor> arranged(specs.size());
  std::vector<size_t> place;
  for (Tensor &tensor : tensors) {
    size_t i = 0;
    while (i != specs.size() && specs[i].name != tensor.name)
      ++i;
    if (i == specs.size() || !seen.insert(tensor.name).second)
      return Error::success();
    place.push_back(i);
  }
  for (size_t i = 0; i != tensors.size(); ++i)
    arranged[place[i]] = std::move(tensors[i]);
  tensors = std::move(arranged);
  return Error::success();
}

namespace {
class TestFolderStream : public SampleStream {
public:
  TestFolderStream(std::vector<std::string> folders, ArrayRef<InputSpec> inputs,
                   ArrayRef<InputSpec> outputs)
      : folders(std::move(folders)), inputs(inputs), outputs(outputs) {}

  llvm::Expected<std::optional<Sample>> next() override {
    if (at == folders.size())
      return std::nullopt;
    const std::string &folder = folders[at++];
    auto read = readTestFolder(folder);
    if (!read)
      return read.takeError();
    Sample sample{folder, std::move(read->inputs), std::move(read->outputs)};
    if (Error error = arrange(sample.inputs, inputs, folder, "input"))
      return std::move(error);
    if (!sample.outputs.empty() && !outputs.empty())
      if (Error error = arrange(sample.outputs, outputs, folder, "output"))
        return std::move(error);
    return sample;
  }
  std::optional<uint64_t> size() const override { return folders.size(); }

private:
  std::vector<std::string> folders;
  std::vector<InputSpec> inputs, outputs;
  size_t at = 0;
};
} // namespace

std::unique_ptr<SampleStream>
ashlar::data::streamTestFolders(std::vector<std::string> folders,
                                ArrayRef<InputSpec> inputs,
                                ArrayRef<InputSpec> outputs) {
  return std::make_unique<TestFolderStream>(std::move(folders), inputs,
                                            outputs);
}
