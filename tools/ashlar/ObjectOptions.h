// Options that say how a model is compiled, given for one that is.
#ifndef ASHLAR_TOOLS_ASHLAR_OBJECTOPTIONS_H
#define ASHLAR_TOOLS_ASHLAR_OBJECTOPTIONS_H

#include "runtime/ashlar_rt.h"
#include "tools/ashlar/Arguments.h"

namespace ashlar::tool {

/// An error for each option that cannot be followed: an object is compiled
/// already, and its dimensions have the values that inputs give them.
llvm::Error checkObjectOptions(const Arguments &arguments,
                               const ashlar_model_info &info);

} // namespace ashlar::tool
#endif
