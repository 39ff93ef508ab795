// Several callers of one model at a time, each with a worker and a workspace of
// its own, on one copy of the weights.
#ifndef ASHLAR_TOOLS_ASHLAR_STREAMS_H
#define ASHLAR_TOOLS_ASHLAR_STREAMS_H

#include "tools/ashlar/Timing.h"

#include "compiler/data/Tensor.h"
#include "llvm/Support/JSON.h"

namespace ashlar::tool {

struct StreamTimes {
  Times runs;         // of all streams; CPU times are those of their threads
  double seconds = 0; // while they ran
  double throughput() const { return double(runs.wall.size()) / seconds; }
};

/// One stream and many, measured in turns.
struct StreamComparison {
  unsigned streams = 0;
  StreamTimes one, many;
  double ratio() const { return many.throughput() / one.throughput(); }
  /// What it would be if every stream had a CPU to itself: what the streams
  /// take from each other is in it, what other programs take is not.
  double ratioOfCpuTime() const {
    return streams * medianOf(one.runs.cpu) / medianOf(many.runs.cpu);
  }
};

llvm::Expected<StreamComparison>
compareStreams(const LoadedModel &model,
               const std::vector<data::Tensor> &inputs, unsigned streams,
               unsigned warmup, double seconds);

void printStreams(const StreamComparison &comparison, llvm::raw_ostream &os);
void writeStreams(const StreamComparison &comparison,
                  llvm::json::OStream &json);

} // namespace ashlar::tool
#endif
