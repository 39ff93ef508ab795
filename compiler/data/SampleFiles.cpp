// Files that hold the values of one input, and archives of several.
#include "compiler/data/DataFiles.h"
#include "compiler/data/DataPaths.h"
#include "compiler/data/InputStream.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace ashlar;
using namespace ashlar::data;
using llvm::ArrayRef;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

llvm::Expected<std::unique_ptr<SampleStream>>
data::streamArchive(StringRef path, ArrayRef<InputSpec> inputs,
                    const SampleOptions &options,
                    std::function<void(StringRef)> note) {
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
    if (names.size() == 1 && inputs.size() == 1 && names[0] != inputs[0].name)
      note((path + ": '" + names[0] + "' is taken for the only input, '" +
            inputs[0].name + "'")
               .str());
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
data::streamFile(StringRef path, DataKind kind, const InputSpec &spec,
                 const SampleOptions &options) {
  if (kind == DataKind::Image)
    return streamImages({path.str()}, spec, options.image);
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
