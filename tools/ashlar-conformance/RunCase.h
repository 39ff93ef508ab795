//===- RunCase.h - one conformance case -----------------------------------===//
#ifndef ASHLAR_TOOLS_CONFORMANCE_RUNCASE_H
#define ASHLAR_TOOLS_CONFORMANCE_RUNCASE_H

#include "tools/ashlar-conformance/Cases.h"
#include "tools/ashlar-conformance/Workers.h"

namespace ashlar::conformance {

struct RunOptions {
  std::string cpu;
  double rtol, atol;
};

/// Compiles the model of `test`, runs its object on each data set and compares
/// the outputs. Everything that goes wrong is the result.
Result runCase(const Case &test, const RunOptions &options);

} // namespace ashlar::conformance
#endif
