//===- Zip.h - members of a zip archive -----------------------------------===//
#ifndef ASHLAR_COMPILER_DATA_ZIP_H
#define ASHLAR_COMPILER_DATA_ZIP_H

#include "compiler/data/ByteSource.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace ashlar::data {

struct ZipMember {
  std::string name;
  std::string content;
};

/// Where a member lies in the archive.
struct ZipEntry {
  std::string name;
  bool deflated = false; // or stored as it is
  uint32_t crc = 0;
  uint64_t size = 0;      // of the content
  llvm::StringRef stored; // its bytes in the archive
};

/// The members of the archive in `file` (a mapped one: nothing is copied).
llvm::Expected<std::vector<ZipEntry>> listZip(llvm::StringRef file);

/// The content of a member, size and sum checked at its end; the archive
/// outlives it.
std::unique_ptr<ByteSource> openZipEntry(const ZipEntry &entry);

/// All members of the archive in `file`, stored or deflated; sums are checked.
llvm::Expected<std::vector<ZipMember>> readZip(llvm::StringRef file);

} // namespace ashlar::data
#endif
