// A serialised model without its large tensors.
#ifndef ASHLAR_COMPILER_IMPORT_WIRESKELETON_H
#define ASHLAR_COMPILER_IMPORT_WIRESKELETON_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace ashlar {

/// Copies a serialised ModelProto, leaving out large `raw_data`: in its place
/// stand its offset in `bytes` and its length. So protobuf never sees weights
/// (it would copy them, and takes 2 GiB at most).
llvm::Expected<std::string> makeWireSkeleton(llvm::StringRef bytes);

} // namespace ashlar

#endif // ASHLAR_COMPILER_IMPORT_WIRESKELETON_H
