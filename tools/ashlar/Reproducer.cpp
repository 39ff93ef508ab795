#include "tools/ashlar/Reproducer.h"
#include "tools/ashlar/ExitCode.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

#include <unistd.h>

using namespace ashlar::tool;
using llvm::StringRef;

// Made before anything can go wrong: a crash handler should do little.
static std::string commandLine;

static std::string quoted(StringRef word) {
  if (!word.empty() &&
      word.find_first_of(" \t'\"\\$&|;<>()[]*?!`~#") == StringRef::npos)
    return word.str();
  std::string text = "'";
  for (char c : word)
    text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

std::string ashlar::tool::saveReproducer(StringRef details) {
  int file = -1;
  llvm::SmallString<128> path;
  if (llvm::sys::fs::createTemporaryFile("ashlar-reproducer", "txt", file,
                                         path))
    return "";
  llvm::SmallString<128> folder;
  llvm::sys::fs::current_path(folder);
  llvm::raw_fd_ostream os(file, /*shouldClose=*/true);
  os << "# Ashlar failed on this command:\n"
     << "cd " << quoted(folder) << " &&\n"
     << commandLine << "\n\n"
     << details;
  os.flush();
  os.clear_error();
  return path.str().str();
}

static void report(StringRef details, int code) {
  std::string path = saveReproducer(details);
  llvm::errs() << "ashlar: internal error: " << details << '\n';
  if (!path.empty())
    llvm::errs() << "  note: a reproducer is in " << path << '\n';
  llvm::errs() << "  hint: please report it together with the model\n";
  llvm::errs().flush();
  // Temporary files are removed before this is called; destructors must not
  // run in a process in this state.
  _exit(code);
}

static void onCrash(void *) { report("the program crashed", ExitInternal); }

static void onFatalError(void *, const char *reason, bool) {
  llvm::sys::RunInterruptHandlers();
  report(reason, ExitInternal);
}

static void onNoMemory(void *, const char *, bool) {
  llvm::sys::RunInterruptHandlers();
  llvm::errs() << "ashlar: error: out of memory\n";
  llvm::errs().flush();
  _exit(ExitResources);
}

void ashlar::tool::handleCrashes(int argc, char **argv) {
  for (int i = 0; i != argc; ++i)
    commandLine += (i ? " " : "") + quoted(argv[i]);
  llvm::sys::AddSignalHandler(onCrash, nullptr);
  llvm::install_fatal_error_handler(onFatalError, nullptr);
  llvm::install_bad_alloc_error_handler(onNoMemory, nullptr);
}
