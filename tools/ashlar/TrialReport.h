//===- TrialReport.h - what a search for accuracy prints ------------------===//
#ifndef ASHLAR_TOOLS_ASHLAR_TRIALREPORT_H
#define ASHLAR_TOOLS_ASHLAR_TRIALREPORT_H

#include "compiler/quantization/AccuracySearch.h"

namespace ashlar::tool {

/// What the search has not seen says of its result.
struct HeldOut {
  double reference = 0;
  quantization::AccuracyTrial trial;
};

/// The trials of a search as a table on standard output, and as JSON.
struct TrialReport {
  const quantization::MetricSpec &metric;
  bool hasGoal;

  void printHead(double reference) const;
  void print(const quantization::AccuracyTrial &trial) const;
  void print(const HeldOut &heldOut) const;
  llvm::Error writeJson(llvm::StringRef path,
                        const quantization::AccuracyResult &result,
                        const std::optional<HeldOut> &heldOut) const;
};

} // namespace ashlar::tool

#endif
