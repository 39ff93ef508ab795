// What is kept of an internal error, so that it can be reported and repeated.
#ifndef ASHLAR_TOOLS_ASHLAR_REPRODUCER_H
#define ASHLAR_TOOLS_ASHLAR_REPRODUCER_H

#include "llvm/ADT/StringRef.h"
#include <string>

namespace ashlar::tool {

/// Remembers the command line, and makes crashes end with exit code 1, a
/// message and a reproducer, and a lack of memory with exit code 7.
void handleCrashes(int argc, char **argv);

/// Writes a file that holds the command line, the version and `details`;
/// returns its name, empty where that is not possible.
std::string saveReproducer(llvm::StringRef details);

} // namespace ashlar::tool
#endif
