//===- AccuracySearch.h - how many layers to leave in floats --------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_ACCURACYSEARCH_H
#define ASHLAR_COMPILER_QUANTIZATION_ACCURACYSEARCH_H

#include "compiler/quantization/Evaluate.h"
#include "compiler/quantization/LayerErrors.h"

namespace ashlar::quantization {

struct AccuracyGoal {
  /// How much worse than in floats the score may be: of the score itself if
  /// `relative`.
  std::optional<double> maxDrop;
  bool relative = true;
  /// Or the score to reach.
  std::optional<double> score;
  /// Share of the multiply-accumulates that have to stay in integers.
  double leastShare = 0;
};

/// One quantized form of the model.
struct AccuracyTrial {
  size_t left = 0; // layers left in floats, the most sensitive ones
  double score = 0;
  double drop = 0, relativeDrop = 0;
  double share = 1; // of the multiply-accumulates, in integers
  bool meets = false;
};

/// All that is known; written as JSON between trials, so that a search that was
/// ended can go on.
struct AccuracyState {
  std::string key; // what it is a search of
  std::optional<double> reference;
  /// The layers that can be left, the most sensitive first.
  std::vector<LayerError> ranking;
  std::map<size_t, double> scores; // by number of layers left
};
llvm::Expected<AccuracyState> readAccuracyState(llvm::StringRef path);
void writeAccuracyState(const AccuracyState &state, llvm::raw_ostream &os);

struct AccuracyResult {
  /// Owns the model with the best trial's layers left.
  QuantizedModel model;
  double reference = 0;
  AccuracyTrial best;
  std::vector<AccuracyTrial> trials;
  /// Left in floats, the most sensitive first.
  std::vector<LayerError> left;
  bool met = false, interrupted = false;
};

class AccuracySearch {
public:
  AccuracySearch(const ModelFile &model, const CalibrationTable &table,
                 const QuantizeOptions &options, Evaluator &evaluator,
                 const EvaluationSetup &setup, const AccuracyGoal &goal)
      : model(model), table(table), options(options), evaluator(evaluator),
        setup(setup), goal(goal) {}

  /// Goes on from `state` and keeps it up to date. `onState` is called when it
  /// has grown, `onTrial` with each trial, `onStep` with what goes on.
  llvm::Expected<AccuracyResult> run(AccuracyState &state);

  std::function<llvm::Error(const AccuracyState &)> onState;
  std::function<void(const AccuracyTrial &, double reference)> onTrial;
  std::function<void(const llvm::Twine &)> onStep;

private:
  llvm::Expected<QuantizedModel> quantize(size_t left) const;
  llvm::Expected<std::optional<AccuracyTrial>> tryOut(size_t left);
  llvm::Expected<bool> findReference();
  llvm::Expected<bool> rank();
  llvm::Expected<bool> search();
  AccuracyTrial describe(size_t left, double score) const;
  llvm::Error save();

  const ModelFile &model;
  const CalibrationTable &table;
  const QuantizeOptions &options;
  Evaluator &evaluator;
  const EvaluationSetup &setup;
  const AccuracyGoal &goal;
  AccuracyState *state = nullptr;
  std::vector<AccuracyTrial> trials;
};

} // namespace ashlar::quantization

#endif
