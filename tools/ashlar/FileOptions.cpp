#include "tools/ashlar/FileOptions.h"
#include "tools/ashlar/OutputFiles.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Path.h"

using namespace ashlar::tool;
using llvm::Error;
using llvm::StringRef;
namespace fs = llvm::sys::fs;

// A file that may be written, of a path that is not a pipe or a device.
static bool isPlain(StringRef path) {
  fs::file_status status;
  return path != "-" && (fs::status(path, status) || !fs::exists(status) ||
                         fs::is_regular_file(status));
}

static bool sameFile(StringRef a, StringRef b) {
  if (fs::equivalent(a, b))
    return true;
  llvm::SmallString<256> first(a), second(b);
  if (fs::make_absolute(first) || fs::make_absolute(second))
    return false;
  llvm::sys::path::remove_dots(first, /*remove_dot_dot=*/true);
  llvm::sys::path::remove_dots(second, /*remove_dot_dot=*/true);
  return first == second;
}

// Paths that are read. Some options have more than a path in their value, as
// in NAME=FILE and FILE:PART: each reading of them counts.
static std::vector<StringRef> filesRead(const Arguments &arguments) {
  std::vector<StringRef> files;
  // Tables may be joined in place: all are read before one is written.
  if (!arguments.has("merge"))
    files.assign(arguments.positional().begin(), arguments.positional().end());
  for (StringRef option :
       {"calibration", "data", "input", "labels", "label-names", "weights"})
    for (StringRef value : arguments.values(option)) {
      files.push_back(value);
      if (value.contains('='))
        files.push_back(value.split('=').second);
      if (value.contains(':'))
        files.push_back(value.rsplit(':').first);
    }
  return files;
}

Error ashlar::tool::checkFiles(const Arguments &arguments) {
  std::vector<StringRef> inputs = filesRead(arguments), outputs;
  Error problems = Error::success();
  auto add = [&](Error problem) {
    problems = llvm::joinErrors(std::move(problems), std::move(problem));
  };
  auto cannotWrite = [&](StringRef path, const llvm::Twine &why) {
    add(usageError(path + ": error: cannot write the file: " + why));
  };
  for (StringRef option : {"o", "json", "html", "header", "manifest", "depfile",
                           "state", "trials-json"}) {
    auto path = arguments.value(option);
    if (!path)
      continue;
    add(checkWritable(*path));
    if (!isPlain(*path))
      continue;
    if (llvm::any_of(inputs, [&](StringRef in) { return sameFile(in, *path); }))
      cannotWrite(*path, "this command reads it");
    if (llvm::any_of(outputs,
                     [&](StringRef out) { return sameFile(out, *path); }))
      cannotWrite(*path, "two options name it");
    outputs.push_back(*path);
  }
  return problems;
}
