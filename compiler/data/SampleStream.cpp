#include "compiler/data/SampleStream.h"
#include "compiler/data/DataFiles.h"
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
/// Opens each part when its turn comes.
class ConcatenatedStream : public SampleStream {
public:
  using Opener = std::function<llvm::Expected<std::unique_ptr<SampleStream>>()>;

  /// Opens every part once, so that all that is wrong is told before the first
  /// sample.
  Error add(Opener open) {
    auto stream = open();
    if (!stream)
      return stream.takeError();
    auto size = (*stream)->size();
    total = total && size ? std::optional(*total + *size) : std::nullopt;
    // The first stays open; so does a pipe, which is the only part then.
    if (parts.empty())
      current = std::move(*stream);
    parts.push_back(std::move(open));
    return Error::success();
  }

  llvm::Expected<std::optional<Sample>> next() override {
    for (;;) {
      if (current) {
        auto sample = current->next();
        if (!sample || *sample)
          return sample;
        current.reset();
        ++at;
      }
      if (at >= parts.size())
        return std::nullopt;
      auto stream = parts[at]();
      if (!stream)
        return stream.takeError();
      current = std::move(*stream);
    }
  }
  std::optional<uint64_t> size() const override { return total; }
  size_t count() const { return parts.size(); }
  std::unique_ptr<SampleStream> takeOnly() { return std::move(current); }

private:
  std::vector<Opener> parts;
  std::unique_ptr<SampleStream> current;
  size_t at = 0;
  std::optional<uint64_t> total = 0;
};

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
  llvm::Expected<std::unique_ptr<SampleStream>> openNpz(StringRef path);
  llvm::Expected<std::unique_ptr<InputStream>>
  openInput(StringRef path, DataKind kind, const InputSpec &spec);
  llvm::Expected<std::unique_ptr<InputStream>>
  openImages(StringRef path, const InputSpec &spec);
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

llvm::Expected<std::unique_ptr<SampleStream>> Opener::openNpz(StringRef path) {
  auto inner = [&]() -> llvm::Expected<std::unique_ptr<SampleStream>> {
    auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                              /*RequiresNullTerminator=*/false);
    if (!buffer)
      return makeError("cannot read the file: " + buffer.getError().message());
    std::shared_ptr<llvm::MemoryBuffer> archive = std::move(*buffer);
    auto entries = listZip(archive->getBuffer());
    if (!entries)
      return entries.takeError();
    std::vector<std::string> names, unused;
    for (const ZipEntry &entry : *entries) {
      StringRef name(entry.name);
      name.consume_back(".npy");
      names.push_back(name.str());
    }
    Error problems = Error::success();
    std::vector<int> found = matchMembers(names, inputs, unused, problems);
    if (!unused.empty())
      note((path + ": not an input, left out: '" + llvm::join(unused, "', '") +
            "'")
               .str());
    std::vector<std::unique_ptr<InputStream>> streams;
    for (size_t i = 0; i != inputs.size(); ++i) {
      if (found[i] < 0)
        continue;
      const ZipEntry &entry = (*entries)[found[i]];
      std::string name = (path + ":" + names[found[i]]).str();
      // The archive stays mapped as long as a member is read.
      std::shared_ptr<ByteSource> bytes(
          openZipEntry(entry).release(),
          [archive](ByteSource *source) { delete source; });
      auto array = openNpy(name, std::move(bytes));
      if (!array) {
        problems = llvm::joinErrors(
            std::move(problems), makeError("member '" + entry.name + "': " +
                                           llvm::toString(array.takeError())));
        continue;
      }
      auto stream = streamArray(std::move(*array), inputs[i], options.batch);
      if (stream)
        streams.push_back(std::move(*stream));
      else
        problems = llvm::joinErrors(std::move(problems), stream.takeError());
    }
    if (problems)
      return std::move(problems);
    return zipInputs(std::move(streams), inputs, note);
  }();
  if (inner)
    return inner;
  // A line a problem; each names the file.
  Error named = Error::success();
  llvm::handleAllErrors(
      inner.takeError(), [&](const llvm::ErrorInfoBase &problem) {
        std::string text = problem.message();
        if (!StringRef(text).contains(": error: "))
          text = (path + ": error: " + text).str();
        named = llvm::joinErrors(std::move(named), makeError(text));
      });
  return std::move(named);
}

llvm::Expected<std::unique_ptr<InputStream>>
Opener::openImages(StringRef path, const InputSpec &spec) {
  return streamImages({path.str()}, spec, options.image);
}

llvm::Expected<std::unique_ptr<InputStream>>
Opener::openInput(StringRef path, DataKind kind, const InputSpec &spec) {
  if (kind == DataKind::Image)
    return openImages(path, spec);
  auto array = [&]() -> llvm::Expected<std::unique_ptr<ArraySource>> {
    if (kind == DataKind::Proto) {
      auto tensors = readDataFile(path);
      if (!tensors)
        return tensors.takeError();
      return openTensor(path, tensors->front());
    }
    auto opened = openBytes(path);
    if (!opened)
      return opened.takeError();
    std::shared_ptr<ByteSource> bytes = std::move(*opened);
    if (kind == DataKind::Npy)
      return openNpy(path, bytes);
    if (kind == DataKind::Idx)
      return openIdx(path, bytes);
    if (kind == DataKind::Raw)
      return openRaw(
          path, bytes, options.raw.dtype ? options.raw.dtype : spec.dtype,
          ArrayRef(spec.shape).drop_front(!spec.shape.empty()), options.raw);
    return makeError("unknown kind of data file, expected a folder, .npz, "
                     ".npy, .pb, .idx, -ubyte, .bin, .raw, .jpg, .png or a "
                     "list in .txt");
  }();
  if (!array) {
    std::string text = llvm::toString(array.takeError());
    if (StringRef(text).contains(": error: "))
      return makeError(text);
    return makeError(path + ": error: " + text);
  }
  return streamArray(std::move(*array), spec, options.batch);
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
    return openNpz(path);
  if (!llvm::sys::fs::exists(path))
    return makeError(path + ": error: cannot read the file: No such file or "
                            "directory");
  auto spec = onlyInput(path);
  if (!spec)
    return spec.takeError();
  auto stream = openInput(path, kind, **spec);
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
                         : openInput(paths.front(), dataKind(paths.front()),
                                     inputs[index]);
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
  std::vector<std::string> paths;
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
    if (found == inputs.size())
      paths.push_back(text.str());
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
