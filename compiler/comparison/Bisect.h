//===- Bisect.h - where a tolerance breaks first --------------------------===//
#ifndef ASHLAR_COMPILER_COMPARISON_BISECT_H
#define ASHLAR_COMPILER_COMPARISON_BISECT_H

#include "compiler/comparison/ComparisonReport.h"

namespace ashlar::comparison {

/// The layers that miss the tolerance though all that they compute from keeps
/// it, in order of computation.
std::vector<size_t> firstMisses(const ComparisonResult &result,
                                const Tolerance &tolerance);

/// A sentence for each of them.
void printFirstMisses(const ComparisonResult &result,
                      const Tolerance &tolerance, llvm::raw_ostream &os);

struct PassBisection {
  /// The tolerance breaks with all passes.
  bool breaks = false;
  /// Passes, "stage: pass", without which it holds; in order.
  std::vector<std::string> culprits;
  /// Passes that the model does not compile without.
  std::vector<std::string> needed;
};

/// Compiles the tested model again and again, each time without one of the
/// passes before the target is known (only those may change a bit), and
/// compares its outputs for one sample. Each try is a process of its own: a
/// pipeline with a gap may do anything. `step` is told what is tried.
llvm::Expected<PassBisection> bisectPasses(
    mlir::MLIRContext &context, const ModelComparer::Side &test,
    const data::Sample &sample, llvm::ArrayRef<data::Tensor> expectedOutputs,
    const Tolerance &tolerance, std::function<void(llvm::StringRef)> step);

} // namespace ashlar::comparison
#endif
