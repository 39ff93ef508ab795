// Files that a command writes. All of them appear together when everything has
// gone well, or none: a failed command leaves no partial output.
#ifndef ASHLAR_TOOLS_ASHLAR_OUTPUTFILES_H
#define ASHLAR_TOOLS_ASHLAR_OUTPUTFILES_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include <string>
#include <vector>

namespace ashlar::tool {

class OutputFiles {
public:
  ~OutputFiles();

  /// Writes to a temporary file beside `path`; "-" is standard output, written
  /// by commit().
  llvm::Error add(llvm::StringRef path,
                  llvm::function_ref<void(llvm::raw_ostream &)> write);
  llvm::Error add(llvm::StringRef path, llvm::StringRef content);

  /// Gives all files their names.
  llvm::Error commit();

private:
  struct Pending {
    std::string path;
    llvm::sys::fs::TempFile file;
  };
  std::vector<Pending> pending;
  std::string standardOutput;
};

/// Whether a file can be made at `path`: asked before work that takes long.
llvm::Error checkWritable(llvm::StringRef path);

} // namespace ashlar::tool
#endif
