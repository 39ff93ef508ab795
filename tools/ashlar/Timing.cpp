#include "tools/ashlar/Timing.h"

#include <algorithm>
#include <ctime>

using namespace ashlar;
using namespace ashlar::tool;
using llvm::Error;

double ashlar::tool::quantileOf(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values.empty()
             ? 0
             : values[std::min(values.size() - 1,
                               size_t(share * double(values.size())))];
}

double Times::at(double share) const { return quantileOf(wall, share); }

double ashlar::tool::medianOf(std::vector<double> values) {
  return quantileOf(std::move(values), 0.5);
}

static double cpuMilliseconds() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return double(time.tv_sec) * 1e3 + double(time.tv_nsec) * 1e-6;
}

Error ashlar::tool::measure(ModelRunner &runner, unsigned runs, Times &times) {
  for (unsigned i = 0; i != runs; ++i) {
    double cpu = cpuMilliseconds();
    Stopwatch watch;
    if (Error error = runner.execute())
      return error;
    times.wall.push_back(watch.milliseconds());
    times.cpu.push_back(cpuMilliseconds() - cpu);
  }
  return Error::success();
}

unsigned ashlar::tool::runsInTurn(double milliseconds) {
  return unsigned(
      std::clamp(100.0 / std::max(milliseconds, 1e-3), 1.0, 5000.0));
}
