//===- Zip.h - members of a zip archive -----------------------------------===//
#ifndef ASHLAR_COMPILER_DATA_ZIP_H
#define ASHLAR_COMPILER_DATA_ZIP_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace ashlar::data {

struct ZipMember {
  std::string name;
  std::string content;
};

/// All members of the archive in `file`, stored or deflated; sums are checked.
llvm::Expected<std::vector<ZipMember>> readZip(llvm::StringRef file);

} // namespace ashlar::data
#endif
