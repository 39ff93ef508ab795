//===- Workers.h - cases in processes of their own ------------------------===//
//
// Cases run in child processes, so that one that crashes or never ends is a
// result like any other. A child takes case after case; only after a crash is
// a new one made.
//
//===----------------------------------------------------------------------===//
#ifndef ASHLAR_TOOLS_CONFORMANCE_WORKERS_H
#define ASHLAR_TOOLS_CONFORMANCE_WORKERS_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include <string>
#include <vector>

namespace ashlar::conformance {

enum class Outcome {
  Passed,
  Unsupported, // the compiler says what is missing
  Failed,      // wrong values, or an error that is not "unsupported"
  Crashed,
  TimedOut,
};

struct Result {
  Outcome outcome = Outcome::Failed;
  std::string detail; // one line: why it did not pass
  double seconds = 0;
};

/// Runs `run(0 .. count-1)` in `processes` children and gives the results in
/// order. `done` is called in this process after each.
std::vector<Result>
runInChildren(unsigned count, unsigned processes, unsigned timeoutSeconds,
              llvm::function_ref<Result(unsigned)> run,
              llvm::function_ref<void(unsigned, const Result &)> done);

} // namespace ashlar::conformance
#endif
