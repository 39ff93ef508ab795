//===- Evaluate.h - the score of a model on samples -----------------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_EVALUATE_H
#define ASHLAR_COMPILER_QUANTIZATION_EVALUATE_H

#include "compiler/execution/ModelRunner.h"
#include "compiler/import/ModelFile.h"
#include "compiler/quantization/Metrics.h"

#include <functional>

namespace ashlar::quantization {

/// What evaluation needs from its surroundings.
struct EvaluationSetup {
  /// Compiles a model to be run here, with these tensors observed (none: no
  /// tensor).
  std::function<llvm::Expected<std::unique_ptr<LoadedModel>>(
      const ModelFile &model, std::function<bool(llvm::StringRef)> observe)>
      compile;
  /// The samples, from the first one on.
  std::function<llvm::Expected<std::unique_ptr<data::SampleStream>>(
      const ashlar_model_info &info)>
      open;
  /// Told after each sample; false ends what is going on.
  std::function<bool(uint64_t sample)> onSample;
  unsigned threads = 0;
};

/// Inputs that a model has behind those of the samples.
using MoreInputs = std::vector<data::Tensor>;

/// Runs the samples, calling `each` with the outputs. False where onSample
/// ended it.
llvm::Expected<bool>
runSamples(const EvaluationSetup &setup, const LoadedModel &model,
           llvm::function_ref<llvm::Error(const data::Sample &sample,
                                          std::vector<data::Tensor> outputs)>
               each,
           TensorObserver *observer = nullptr, uint64_t limit = UINT64_MAX,
           const MoreInputs &more = {});

/// Scores variants of one model by one metric.
class Evaluator {
public:
  /// `labels` null: none.
  Evaluator(const EvaluationSetup &setup, MetricSpec metric,
            const std::vector<int64_t> *labels)
      : setup(setup), metric(std::move(metric)), labels(labels) {}

  /// Runs the model that others are compared with and keeps what is needed of
  /// it. Its score; none where onSample ended it.
  llvm::Expected<std::optional<double>> setReference(const ModelFile &model);
  llvm::Expected<std::optional<double>> score(const ModelFile &model);
  llvm::Expected<std::optional<double>> score(const LoadedModel &model,
                                              const MoreInputs &more);

  const MetricSpec &spec() const { return metric; }

private:
  bool needsReference() const {
    return metric.needsReference(labels != nullptr);
  }
  llvm::Expected<std::vector<data::Tensor> *>
  referenceOutputs(const data::Sample &sample, uint64_t index);

  const EvaluationSetup &setup;
  MetricSpec metric;
  const std::vector<int64_t> *labels;
  /// Outputs of the reference, as long as they do not take too much memory;
  /// beyond that it runs again.
  std::vector<std::vector<data::Tensor>> kept;
  std::vector<data::Tensor> latest;
  uint64_t keptBytes = 0;
  std::unique_ptr<LoadedModel> reference;
  std::unique_ptr<ModelRunner> referenceRunner;
};

} // namespace ashlar::quantization

#endif
