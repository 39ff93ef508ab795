//===- Metrics.h - how good the outputs of a model are --------------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_METRICS_H
#define ASHLAR_COMPILER_QUANTIZATION_METRICS_H

#include "compiler/data/SampleStream.h"

#include <memory>
#include <optional>

namespace ashlar::quantization {

enum class Metric {
  Top1,      // share of labels that have the largest value
  Top5,      // ... one of the five largest
  F1,        // of labels: mean over classes; without: of elements above a
             // threshold, against the reference
  Agreement, // share of rows with the reference's largest element
  Sqnr,      // signal to noise against the reference, in dB
  Cosine,    // of the angle to the reference
  Mse,       // mean squared difference from the reference
  Command    // what a command says
};

/// What to measure: "top1", "f1:0.5", "sqnr@output" ... or "cmd:COMMAND".
struct MetricSpec {
  Metric metric = Metric::Agreement;
  /// Name or number of an output; empty: the first for labels, otherwise the
  /// worst.
  std::string output;
  double threshold = 0.5;
  std::string command;
  uint64_t firstSample = 0; // the number of the first folder for `command`
  std::string text;         // as given

  static llvm::Expected<MetricSpec> parse(llvm::StringRef text);

  bool needsLabels() const {
    return metric == Metric::Top1 || metric == Metric::Top5;
  }
  bool takesLabels() const { return needsLabels() || metric == Metric::F1; }
  /// Whether the score is one against a reference's outputs, if there are
  /// labels or not.
  bool needsReference(bool haveLabels) const {
    return metric == Metric::Agreement || metric == Metric::Sqnr ||
           metric == Metric::Cosine || metric == Metric::Mse ||
           (metric == Metric::F1 && !haveLabels);
  }
  /// A score of 1 stands for all: shown in percent.
  bool isShare() const {
    return metric != Metric::Sqnr && metric != Metric::Mse &&
           metric != Metric::Command;
  }
  bool largerIsBetter() const { return metric != Metric::Mse; }
  /// The score of a model that is its own reference.
  double perfect() const;
  std::string scoreText(double score) const;
};

/// Adds up what a metric says of the samples of one model.
class Scorer {
public:
  virtual ~Scorer() = default;
  /// `reference` is null where none is needed.
  virtual llvm::Error add(llvm::StringRef sample,
                          llvm::ArrayRef<data::Tensor> outputs,
                          const std::vector<data::Tensor> *reference) = 0;
  virtual llvm::Expected<double> score() = 0;
};

/// `outputs` are those of the model; labels are kept by reference, null where
/// there are none.
llvm::Expected<std::unique_ptr<Scorer>>
makeScorer(const MetricSpec &spec, llvm::ArrayRef<data::InputSpec> outputs,
           const std::vector<int64_t> *labels);

} // namespace ashlar::quantization

#endif
