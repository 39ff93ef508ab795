#include "compiler/data/DataPaths.h"
#include "compiler/data/Tensor.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace ashlar;
using namespace ashlar::data;
using llvm::StringRef;

using Paths = llvm::Expected<std::vector<std::string>>;

// The name without a suffix for its compression.
static StringRef plainName(StringRef path) {
  StringRef name = llvm::sys::path::filename(path);
  if (!name.consume_back(".gz") && !name.consume_back(".zst"))
    name.consume_back(".zstd");
  return name;
}

bool data::isImageName(StringRef path) {
  std::string extension = llvm::sys::path::extension(path).lower();
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

static DataKind kindOfName(StringRef path) {
  StringRef name = plainName(path);
  StringRef extension = llvm::sys::path::extension(name);
  if (isImageName(name))
    return DataKind::Image;
  if (extension == ".npz")
    return DataKind::Npz;
  if (extension == ".npy")
    return DataKind::Npy;
  if (extension == ".pb")
    return DataKind::Proto;
  if (extension == ".idx" || name.ends_with("-ubyte"))
    return DataKind::Idx;
  if (extension == ".bin" || extension == ".raw" || extension == ".dat")
    return DataKind::Raw;
  if (extension == ".txt" || extension == ".lst")
    return DataKind::List;
  return DataKind::Unknown;
}

// What a folder holds, in an order in which 10 follows 9.
static llvm::Expected<std::vector<std::string>> entriesOf(StringRef folder) {
  std::vector<std::string> entries;
  std::error_code code;
  for (llvm::sys::fs::directory_iterator it(folder, code), end;
       it != end && !code; it.increment(code))
    if (!llvm::sys::path::filename(it->path()).starts_with("."))
      entries.push_back(it->path());
  if (code)
    return makeError(folder +
                     ": error: cannot read the folder: " + code.message());
  llvm::sort(entries, [](StringRef a, StringRef b) {
    int order = a.compare_numeric(b);
    return order ? order < 0 : a < b;
  });
  return entries;
}

static bool isTestFolder(StringRef folder) {
  for (StringRef extension : {".pb", ".npy", ".npz"}) {
    llvm::SmallString<256> path(folder);
    llvm::sys::path::append(path, "input_0" + extension);
    if (llvm::sys::fs::exists(path))
      return true;
  }
  return false;
}

DataKind data::dataKind(StringRef path) {
  if (path == "-")
    return DataKind::Pipe;
  if (!llvm::sys::fs::is_directory(path))
    return kindOfName(path);
  return isTestFolder(path) ? DataKind::TestFolder : DataKind::Folder;
}

static Paths readList(StringRef path) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!file)
    return makeError(
        path + ": error: cannot read the file: " + file.getError().message());
  llvm::SmallVector<StringRef> lines;
  (*file)->getBuffer().split(lines, '\n');
  std::vector<std::string> paths;
  for (StringRef line : lines) {
    line = line.trim();
    if (line.empty())
      continue;
    llvm::SmallString<256> entry(line);
    if (llvm::sys::path::is_relative(line)) {
      entry = llvm::sys::path::parent_path(path);
      llvm::sys::path::append(entry, line);
    }
    paths.push_back(entry.str().str());
  }
  if (paths.empty())
    return makeError(path + ": error: the list names no files");
  return paths;
}

static Paths readFolder(StringRef path) {
  auto entries = entriesOf(path);
  if (!entries)
    return entries.takeError();
  llvm::erase_if(*entries, [](StringRef entry) {
    DataKind kind = dataKind(entry);
    return kind == DataKind::Unknown || kind == DataKind::List;
  });
  if (entries->empty())
    return makeError(path +
                     ": error: folder holds no data: expected test folders "
                     "(input_0.pb ...), images, .npz or .npy files");
  return entries;
}

llvm::Expected<std::vector<std::string>> data::expandPath(StringRef path,
                                                          DataKind kind) {
  return kind == DataKind::List ? readList(path) : readFolder(path);
}
