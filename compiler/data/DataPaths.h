//===- DataPaths.h - what kind of data lies where -------------------------===//
#ifndef ASHLAR_COMPILER_DATA_DATAPATHS_H
#define ASHLAR_COMPILER_DATA_DATAPATHS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace ashlar::data {

enum class DataKind {
  Pipe,       // "-"
  TestFolder, // a folder with input_0
  Npz,
  Npy,
  Idx,
  Raw,
  Proto,
  Image,
  List,   // a text file of paths
  Folder, // of any of these
  Unknown
};

/// By the name of a file (suffixes of compression left out), by the content of
/// a folder.
DataKind dataKind(llvm::StringRef path);
bool isImageName(llvm::StringRef path);

/// The paths that a list names or a folder holds, in an order in which 10
/// follows 9; files that are no data are left out of a folder's.
llvm::Expected<std::vector<std::string>> expandPath(llvm::StringRef path,
                                                    DataKind kind);

} // namespace ashlar::data
#endif
