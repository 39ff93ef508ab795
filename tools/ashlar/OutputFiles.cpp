#include "tools/ashlar/OutputFiles.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Path.h"

using namespace ashlar::tool;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;
namespace fs = llvm::sys::fs;

static Error cannotWrite(StringRef path, const Twine &reason) {
  return llvm::createStringError(
      llvm::inconvertibleErrorCode(),
      path + ": error: cannot write the file: " + reason);
}

Error ashlar::tool::checkWritable(StringRef path) {
  if (path == "-")
    return Error::success();
  if (fs::is_directory(path))
    return cannotWrite(path, "it is a folder");
  llvm::SmallString<256> folder(path);
  llvm::sys::path::remove_filename(folder);
  if (folder.empty())
    folder = ".";
  if (!fs::is_directory(folder))
    return cannotWrite(path, "folder '" + folder + "' does not exist");
  if (std::error_code code = fs::access(folder, fs::AccessMode::Write))
    return cannotWrite(path, code.message());
  return Error::success();
}

OutputFiles::~OutputFiles() {
  for (Pending &file : pending)
    llvm::consumeError(file.file.discard());
}

Error OutputFiles::add(StringRef path,
                       llvm::function_ref<void(llvm::raw_ostream &)> write) {
  if (path == "-") {
    llvm::raw_string_ostream os(standardOutput);
    write(os);
    return Error::success();
  }
  // Devices and pipes are written to, not replaced.
  fs::file_status status;
  bool special = !fs::status(path, status) && fs::exists(status) &&
                 !fs::is_regular_file(status);
  if (Error error = checkWritable(path))
    return error;
  if (special) {
    std::error_code code;
    llvm::raw_fd_ostream os(path, code);
    if (!code)
      write(os);
    os.flush();
    if (!code)
      code = os.error();
    os.clear_error();
    return code ? cannotWrite(path, code.message()) : Error::success();
  }
  auto file = fs::TempFile::create(path + ".tmp-%%%%%%%%",
                                   fs::all_read | fs::owner_write);
  if (!file)
    return cannotWrite(path, llvm::toString(file.takeError()));
  std::error_code code;
  {
    llvm::raw_fd_ostream os(file->FD, /*shouldClose=*/false);
    write(os);
    os.flush();
    code = os.error();
    os.clear_error();
  }
  if (code) {
    llvm::consumeError(file->discard());
    return cannotWrite(path, code.message());
  }
  pending.push_back({path.str(), std::move(*file)});
  return Error::success();
}

Error OutputFiles::add(StringRef path, StringRef content) {
  return add(path, [&](llvm::raw_ostream &os) { os << content; });
}

Error OutputFiles::commit() {
  while (!pending.empty()) {
    Pending file = std::move(pending.back());
    pending.pop_back();
    if (Error error = file.file.keep(file.path)) {
      llvm::consumeError(file.file.discard());
      return cannotWrite(file.path, llvm::toString(std::move(error)));
    }
  }
  llvm::outs() << standardOutput;
  llvm::outs().flush();
  standardOutput.clear();
  if (llvm::outs().has_error()) {
    std::error_code code = llvm::outs().error();
    llvm::outs().clear_error();
    return cannotWrite("-", code.message());
  }
  return Error::success();
}
