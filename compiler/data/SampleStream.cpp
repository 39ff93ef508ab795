#include "compiler/data/SampleStream.h"
#include "compiler/data/ConcatenatedStream.h"
#include "compiler/data/DataPaths.h"
#include "compiler/data/InputStream.h"
#include "runtime/ashlar_rt.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace ashlar;
using namespace ashlar::data;
using llvm::ArrayRef;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

using Note = std::function<void(StringRef)>;

static std::vector<InputSpec> specsOf(ArrayRef<ashlar_tensor_info> table) {
  std::vector<InputSpec> specs;
  for (const ashlar_tensor_info &tensor : table)
    specs.push_back(
        {tensor.name, tensor.dtype, {tensor.dims, tensor.dims + tensor.rank}});
  return specs;
}

std::vector<InputSpec> data::inputSpecs(const ashlar_model_info &info) {
  return specsOf({info.tensors, info.num_inputs});
}

std::vector<InputSpec> data::outputSpecs(const ashlar_model_info &info) {
  return specsOf({info.tensors + info.num_inputs, info.num_outputs});
}

namespace {
/// Finds out what paths hold, and opens them.
class Opener {
public:
  Opener(const SampleOptions &options, ArrayRef<InputSpec> inputs,
         ArrayRef<InputSpec> outputs, Note note)
      : options(options), inputs(inputs), outputs(outputs),
        note(std::move(note)) {}

  llvm::Expected<std::unique_ptr<SampleStream>> open();

private:
  llvm::Expected<std::unique_ptr<SampleStream>>
  openPaths(ArrayRef<std::string> paths, unsigned depth);
  llvm::Expected<std::unique_ptr<SampleStream>> openPath(StringRef path,
                                                         DataKind kind);
  llvm::Expected<std::unique_ptr<SampleStream>>
  openNamed(ArrayRef<std::pair<size_t, std::string>> named);
  llvm::Expected<const InputSpec *> onlyInput(StringRef path) const;

  const SampleOptions &options;
  std::vector<InputSpec> inputs, outputs;
  Note note;
};
} // namespace

llvm::Expected<const InputSpec *> Opener::onlyInput(StringRef path) const {
  if (inputs.size() == 1)
    return &inputs.front();
  std::string names;
  for (const InputSpec &input : inputs)
    names += (names.empty() ? "'" : ", '") + input.name + "'";
  return makeError(path + ": error: file holds one input, the model has " +
                   Twine(inputs.size()) + ": give each its own as NAME=FILE (" +
                   names + ")");
}

llvm::Expected<std::unique_ptr<SampleStream>> Opener::openPath(StringRef path,
                                                               DataKind kind) {
  if (kind == DataKind::Pipe) {
    auto pipe = openBytes(path);
    if (!pipe)
      return makeError("standard input: error: " +
                       llvm::toString(pipe.takeError()));
    return streamPipe(std::move(*pipe), inputs, options, note);
  }
  if (kind == DataKind::Npz)
    return streamArchive(path, inputs, options, note);
  if (!llvm::sys::fs::exists(path))
    return makeError(path + ": error: cannot read the file: No such file or "
                            "directory");
  auto spec = onlyInput(path);
  if (!spec)
    return spec.takeError();
  auto stream = streamFile(path, kind, **spec, options);
  if (!stream)
    return stream.takeError();
  std::vector<std::unique_ptr<InputStream>> streams;
  streams.push_back(std::move(*stream));
  return zipInputs(std::move(streams), inputs, note);
}

llvm::Expected<std::unique_ptr<SampleStream>>
Opener::openPaths(ArrayRef<std::string> paths, unsigned depth) {
  auto result = std::make_unique<ConcatenatedStream>();
  Error problems = Error::success();
  auto add = [&](ConcatenatedStream::Opener open) {
    problems =
        llvm::joinErrors(std::move(problems), result->add(std::move(open)));
  };
  for (size_t at = 0; at != paths.size();) {
    DataKind kind = dataKind(paths[at]);
    // A run of images, or of test folders, is one stream.
    size_t end = at + 1;
    if (kind == DataKind::Image || kind == DataKind::TestFolder)
      while (end != paths.size() && dataKind(paths[end]) == kind)
        ++end;
    std::vector<std::string> run(paths.begin() + at, paths.begin() + end);
    at = end;
    if (kind == DataKind::TestFolder) {
      add([run, this] { return streamTestFolders(run, inputs, outputs); });
    } else if (kind == DataKind::Image) {
      add([run, this]() -> llvm::Expected<std::unique_ptr<SampleStream>> {
        auto spec = onlyInput(run.front());
        if (!spec)
          return spec.takeError();
        auto stream = streamImages(run, **spec, options.image);
        if (!stream)
          return stream.takeError();
        std::vector<std::unique_ptr<InputStream>> streams;
        streams.push_back(std::move(*stream));
        return zipInputs(std::move(streams), inputs, note);
      });
    } else if (kind == DataKind::Folder || kind == DataKind::List) {
      add([path = run.front(), kind, depth,
           this]() -> llvm::Expected<std::unique_ptr<SampleStream>> {
        if (depth == 4)
          return makeError(path +
                           ": error: folders or lists are nested too deeply");
        auto parts = expandPath(path, kind);
        if (!parts)
          return parts.takeError();
        return openPaths(*parts, depth + 1);
      });
    } else {
      add([path = run.front(), kind, this] { return openPath(path, kind); });
    }
  }
  if (problems)
    return std::move(problems);
  if (result->count() == 1)
    return result->takeOnly();
  return result;
}

llvm::Expected<std::unique_ptr<SampleStream>>
Opener::openNamed(ArrayRef<std::pair<size_t, std::string>> named) {
  std::vector<std::unique_ptr<InputStream>> streams(inputs.size());
  Error problems = Error::success();
  auto problem = [&](Error error) {
    problems = llvm::joinErrors(std::move(problems), std::move(error));
  };
  for (auto &[index, path] : named) {
    if (streams[index]) {
      problem(makeError("input '" + inputs[index].name + "' is given twice"));
      continue;
    }
    DataKind kind = dataKind(path);
    std::vector<std::string> paths = {path};
    if (kind == DataKind::Folder || kind == DataKind::List) {
      auto parts = expandPath(path, kind);
      if (!parts) {
        problem(parts.takeError());
        continue;
      }
      paths = std::move(*parts);
    }
    bool images = llvm::all_of(paths, isImageName);
    if (!images && paths.size() != 1) {
      problem(makeError(path + ": error: what feeds one input is a file or a "
                               "folder of images"));
      continue;
    }
    auto stream = images ? streamImages(paths, inputs[index], options.image)
                         : streamFile(paths.front(), dataKind(paths.front()),
                                      inputs[index], options);
    if (stream)
      streams[index] = std::move(*stream);
    else
      problem(stream.takeError());
  }
  for (size_t i = 0; i != inputs.size(); ++i)
    if (!streams[i] &&
        llvm::none_of(named, [&](auto &pair) { return pair.first == i; }))
      problem(makeError("input '" + inputs[i].name +
                        "' is missing: give it as --data '" + inputs[i].name +
                        "=FILE'"));
  if (problems)
    return std::move(problems);
  return zipInputs(std::move(streams), inputs, note);
}

llvm::Expected<std::unique_ptr<SampleStream>> Opener::open() {
  std::vector<std::pair<size_t, std::string>> named;
  std::vector<std::string> paths, strangers;
  for (StringRef text : options.data) {
    size_t found = inputs.size();
    // Names of tensors may hold '=' themselves.
    for (size_t at = text.find('=');
         at != StringRef::npos && found == inputs.size();
         at = text.find('=', at + 1))
      for (size_t i = 0; i != inputs.size(); ++i)
        if (text.take_front(at) == inputs[i].name) {
          found = i;
          named.emplace_back(i, text.drop_front(at + 1).str());
        }
    if (found != inputs.size())
      continue;
    if (text.contains('=') && !llvm::sys::fs::exists(text))
      strangers.push_back(text.split('=').first.str());
    else
      paths.push_back(text.str());
  }
  if (!strangers.empty()) {
    std::vector<std::string> names;
    for (const InputSpec &input : inputs)
      names.push_back(input.name);
    return makeError("no input is named '" + llvm::join(strangers, "', '") +
                     "', the model's inputs are '" + llvm::join(names, "', '") +
                     "'");
  }
  if (paths.empty() && named.empty())
    return makeError("no data is given");
  if (!paths.empty() && !named.empty())
    return makeError(
        "data for all inputs ('" + paths.front() + "') and for one of them ('" +
        inputs[named.front().first].name + "') cannot be given together");
  if (llvm::is_contained(paths, "-") && paths.size() > 1)
    return makeError("standard input cannot be joined with other data");
  return named.empty() ? openPaths(paths, 0) : openNamed(named);
}

namespace {
/// Keeps what opens the parts.
class OwningStream : public SampleStream {
public:
  OwningStream(SampleOptions given) : options(std::move(given)) {}
  llvm::Expected<std::optional<Sample>> next() override {
    return stream->next();
  }
  std::optional<uint64_t> size() const override { return stream->size(); }

  SampleOptions options;
  std::unique_ptr<Opener> opener; // refers to the options
  std::unique_ptr<SampleStream> stream;
};
} // namespace

llvm::Expected<std::unique_ptr<SampleStream>>
data::openSamples(const SampleOptions &options, ArrayRef<InputSpec> inputs,
                  ArrayRef<InputSpec> outputs, Note note) {
  auto owner = std::make_unique<OwningStream>(options);
  // Files are opened twice: once to see what is wrong with them.
  auto told = std::make_shared<llvm::StringSet<>>();
  note = [told, tell = std::move(note)](StringRef text) {
    if (told->insert(text).second && tell)
      tell(text);
  };
  owner->opener =
      std::make_unique<Opener>(owner->options, inputs, outputs, note);
  auto stream = owner->opener->open();
  if (!stream)
    return stream.takeError();
  owner->stream =
      checkSamples(std::move(*stream), inputs, owner->options, note);
  return owner;
}
