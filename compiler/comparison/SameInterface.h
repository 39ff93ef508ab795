//===- SameInterface.h - whether two models can be compared ---------------===//
#ifndef ASHLAR_COMPILER_COMPARISON_SAMEINTERFACE_H
#define ASHLAR_COMPILER_COMPARISON_SAMEINTERFACE_H

#include "runtime/ashlar_rt.h"

#include "llvm/Support/Error.h"

namespace ashlar::comparison {

/// One sample has to do for both: as many inputs, of the same types and of
/// shapes that agree where they are fixed, and as many outputs. An error tells
/// all that differs.
llvm::Error checkSameInterface(llvm::StringRef referenceName,
                               const ashlar_model_info &reference,
                               llvm::StringRef testName,
                               const ashlar_model_info &test);

} // namespace ashlar::comparison

#endif
