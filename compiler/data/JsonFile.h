//===- JsonFile.h - JSON that somebody else wrote -------------------------===//
#ifndef ASHLAR_COMPILER_DATA_JSONFILE_H
#define ASHLAR_COMPILER_DATA_JSONFILE_H

#include "llvm/Support/JSON.h"

namespace ashlar::data {

/// As llvm::json::parse, whose recursion follows the text: what is nested
/// deeper than any file of ours is an error and not the end of the stack.
llvm::Expected<llvm::json::Value> parseJson(llvm::StringRef text);

} // namespace ashlar::data

#endif
