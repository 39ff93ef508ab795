// Where the time of a model goes, layer by layer, and how far each layer is
// from what the machine could do at that moment.
#ifndef ASHLAR_TOOLS_ASHLAR_PROFILEREPORT_H
#define ASHLAR_TOOLS_ASHLAR_PROFILEREPORT_H

#include "compiler/execution/PeakProbe.h"
#include "tools/ashlar/Timing.h"

#include "llvm/Support/JSON.h"

namespace ashlar::tool {

/// What was measured in turns.
struct Profile {
  std::vector<double> layers; // milliseconds, one a layer
  double unattributed = 0;    // of a profiled run
  double profiled = 0, unprofiled = 0;
  /// Multiply-accumulates a second of one thread, 0 where not measured.
  double peaks[kNumPeakKinds] = {};
  /// Bytes a second that one thread reads: of data that stay in its cache, and
  /// of as many bytes as the weights are.
  double nearBandwidth = 0, weightBandwidth = 0;
  uint32_t workers = 1;

  double layerSum() const;
};

/// Runs of both kinds and probes in turns for `seconds`.
llvm::Expected<Profile> profile(const LoadedModel &model, ModelRunner &runner,
                                double seconds);

void printProfile(const LoadedModel &model, const Profile &profile,
                  llvm::raw_ostream &os);
void writeProfile(const LoadedModel &model, const Profile &profile,
                  llvm::json::OStream &json);

} // namespace ashlar::tool
#endif
