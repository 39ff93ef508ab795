#include "compiler/import/ExternalData.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace llvm;

namespace ashlar {

// The name as written must stay inside the folder, whatever lies on disk.
static Error checkSpelling(StringRef location) {
  if (location.empty())
    return createStringError("external data without a location");
  if (sys::path::is_absolute(location) || location.contains('\0') ||
      location.contains('\\'))
    return createStringError(
        "external data '" + location +
        "': only a relative path below the model's folder is allowed");
  for (StringRef part :
       make_range(sys::path::begin(location), sys::path::end(location)))
    if (part == "..")
      return createStringError("external data '" + location +
                               "' leaves the model's folder");
  return Error::success();
}

// Whether a path without links is below a folder without links.
static bool isBelow(StringRef path, StringRef folder) {
  return path.consume_front(folder) &&
         (path.starts_with("/") || folder.ends_with("/"));
}

Expected<std::shared_ptr<MemoryBuffer>> ExternalData::open(StringRef location) {
  auto known = files.find(location);
  if (known != files.end())
    return known->second;
  if (Error error = checkSpelling(location))
    return std::move(error);
  if (folder.empty())
    return createStringError("external data '" + location +
                             "': the model was not read from a folder");
  SmallString<128> path(folder), realFolder, realPath;
  sys::path::append(path, location);
  if (std::error_code error = sys::fs::real_path(folder, realFolder))
    return createStringError("cannot open '" + folder +
                             "': " + error.message());
  if (std::error_code error = sys::fs::real_path(path, realPath))
    return createStringError("external data '" + location +
                             "': " + error.message());
  // A link may lead anywhere; where it ends counts.
  bool isBeside =
      !linkedFolder.empty() && sys::path::parent_path(realPath) == linkedFolder;
  if (!isBelow(realPath, realFolder) && !isBeside)
    return createStringError("external data '" + location +
                             "' leaves the model's folder");
  Expected<std::shared_ptr<MemoryBuffer>> file = openMapped(realPath);
  if (file)
    files[location] = *file;
  return file;
}

Expected<ExternalData::Range>
ExternalData::find(const proto::TensorProto &tensor, uint64_t expectedBytes) {
  StringRef location;
  uint64_t offset = 0, length = expectedBytes;
  for (const proto::StringStringEntryProto &entry : tensor.external_data()) {
    StringRef key = entry.key(), value = entry.value();
    if (key == "location")
      location = value;
    else if (key == "offset" && value.getAsInteger(10, offset))
      return createStringError("external data offset '" + value +
                               "' is not a number");
    else if (key == "length" && value.getAsInteger(10, length))
      return createStringError("external data length '" + value +
                               "' is not a number");
  }
  Expected<std::shared_ptr<MemoryBuffer>> file = open(location);
  if (!file)
    return file.takeError();
  if (length != expectedBytes)
    return createStringError("external data has " + Twine(length) +
                             " bytes, but its type and shape need " +
                             Twine(expectedBytes));
  uint64_t size = (*file)->getBufferSize();
  if (offset > size || length > size - offset)
    return createStringError("external data '" + location + "' has " +
                             Twine(size) + " bytes, but " + Twine(length) +
                             " at offset " + Twine(offset) + " are asked for");
  return Range{ArrayRef<char>((*file)->getBufferStart() + offset, length),
               *file};
}

} // namespace ashlar
