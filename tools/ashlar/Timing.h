// Times of runs, and what is said about them.
#ifndef ASHLAR_TOOLS_ASHLAR_TIMING_H
#define ASHLAR_TOOLS_ASHLAR_TIMING_H

#include "compiler/execution/ModelRunner.h"

#include "llvm/Support/Error.h"
#include <chrono>
#include <vector>

namespace ashlar::tool {

/// Wall and CPU times of runs in milliseconds.
struct Times {
  std::vector<double> wall, cpu;

  /// The wall time below which this share of the runs lies.
  double at(double share) const;
  double median() const { return at(0.5); }
};

double medianOf(std::vector<double> values);
/// The value below which this share of the values lies; 0 of none.
double quantileOf(std::vector<double> values, double share);

class Stopwatch {
public:
  double milliseconds() const {
    return std::chrono::duration<double, std::milli>(Clock::now() - start)
        .count();
  }

private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start = Clock::now();
};

/// `runs` runs, added to `times`.
llvm::Error measure(ModelRunner &runner, unsigned runs, Times &times);

/// As many runs as fit into a tenth of a second, given the time of one.
unsigned runsInTurn(double milliseconds);

} // namespace ashlar::tool
#endif
