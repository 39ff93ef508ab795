//===- SimulatedTrials.h - what layers left in floats would bring ---------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_SIMULATEDTRIALS_H
#define ASHLAR_COMPILER_QUANTIZATION_SIMULATEDTRIALS_H

#include "compiler/quantization/Evaluate.h"
#include "compiler/quantization/SimulatedModel.h"

namespace ashlar::quantization {

/// One layer that can be quantized.
struct LayerError {
  std::string node, op;
  /// Squares of the error of the model's outputs, over the squares of the
  /// outputs, when this layer alone is quantized.
  double noise = 0;
  /// The same with its activation in two terms; none where it cannot be.
  std::optional<double> noiseInTwoTerms;
  int64_t macs = 0; // multiply-accumulates of the first sample

  // In dB.
  double sqnr() const;
  double sqnrInTwoTerms() const;
};

/// Answers by one compiled model what any choice of layers leads to.
class SimulatedTrials {
public:
  SimulatedTrials(const ModelFile &model, const CalibrationTable &table,
                  const QuantizeOptions &options, const EvaluationSetup &setup)
      : model(model), table(table), options(options), setup(setup) {}

  /// The layers, in the order of the file, judged by at most so many samples.
  /// `onLayer` is told how many are done. None where onSample ended it.
  llvm::Expected<std::optional<std::vector<LayerError>>>
  rank(uint64_t samples, llvm::function_ref<void(size_t, size_t)> onLayer);

  /// The score with layers in these forms.
  llvm::Expected<std::optional<double>> score(const LayerForms &forms,
                                              Evaluator &evaluator);

private:
  llvm::Error prepare();
  llvm::Expected<bool>
  runWith(const LayerForms &forms, uint64_t samples,
          llvm::function_ref<void(std::vector<data::Tensor>)> each);

  const ModelFile &model;
  const CalibrationTable &table;
  const QuantizeOptions &options;
  const EvaluationSetup &setup;
  std::unique_ptr<SimulatedModel> simulated;
  std::unique_ptr<LoadedModel> compiled;
};

} // namespace ashlar::quantization

#endif
