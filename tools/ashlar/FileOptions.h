// The files that a command line names: what is read and what is written.
#ifndef ASHLAR_TOOLS_ASHLAR_FILEOPTIONS_H
#define ASHLAR_TOOLS_ASHLAR_FILEOPTIONS_H

#include "tools/ashlar/Arguments.h"

namespace ashlar::tool {

/// Before any work: all outputs can be written, none of them is a file that
/// the command reads, and no two are the same. All problems are in the error.
llvm::Error checkFiles(const Arguments &arguments);

} // namespace ashlar::tool
#endif
