//===- AccuracySearch.h - which layers need more than int8 ----------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_ACCURACYSEARCH_H
#define ASHLAR_COMPILER_QUANTIZATION_ACCURACYSEARCH_H

#include "compiler/quantization/AccuracySteps.h"

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
  /// Whether layers may have activations in two terms.
  bool twoTerms = true;
  /// Scores that are computed at most.
  uint64_t mostTrials = 100;
};

/// One quantized form of the model.
struct AccuracyTrial {
  StepSet taken;
  /// Computed by the model that simulates quantization.
  bool simulated = false;
  double score = 0;
  double drop = 0, relativeDrop = 0;
  size_t inFloats = 0, inTwoTerms = 0; // layers
  /// Of the multiply-accumulates: those in int8, and those done twice in it.
  double share = 1, twice = 0;
  double cost = 0;
  bool meets = false;
};

/// Fills in what a score means against that of floats.
void judgeTrial(AccuracyTrial &trial, double reference, const MetricSpec &spec,
                const AccuracyGoal &goal);

/// All that is known; written as JSON between trials, so that a search that was
/// ended can go on.
struct AccuracyState {
  std::string key; // what it is a search of
  std::optional<double> reference;
  AccuracySteps ranking;
  /// By the steps taken, and whether they were simulated.
  std::map<std::pair<StepSet, bool>, double> scores;
};
llvm::Expected<AccuracyState> readAccuracyState(llvm::StringRef path);
void writeAccuracyState(const AccuracyState &state, llvm::raw_ostream &os);

struct AccuracyResult {
  /// Owns the model that the best trial's steps lead to.
  QuantizedModel model;
  double reference = 0;
  AccuracyTrial best;
  std::vector<AccuracyTrial> trials;
  /// Layers in the order of the ranking.
  std::vector<LayerError> inFloats, inTwoTerms;
  bool met = false, interrupted = false;
  /// What ended the search before its time; the best so far is here then, too.
  std::string failure;
};

class AccuracySearch {
public:
  AccuracySearch(const ModelFile &model, const CalibrationTable &table,
                 const QuantizeOptions &options, Evaluator &evaluator,
                 const EvaluationSetup &setup, const AccuracyGoal &goal)
      : model(model), table(table), options(options), evaluator(evaluator),
        goal(goal), simulation(model, table, options, setup) {}

  /// Goes on from `state` and keeps it up to date. `onState` is called when it
  /// has grown, `onTrial` with each trial, `onStep` with what goes on.
  llvm::Expected<AccuracyResult> run(AccuracyState &state);

  std::function<llvm::Error(const AccuracyState &)> onState;
  std::function<void(const AccuracyTrial &, double reference)> onTrial;
  std::function<void(const llvm::Twine &)> onStep;

private:
  llvm::Expected<QuantizedModel> quantize(const StepSet &taken) const;
  llvm::Expected<double> scoreOf(const StepSet &taken, bool simulate);
  /// Interruption where onSample ended it.
  llvm::Expected<AccuracyTrial> tryOut(const StepSet &taken, bool simulate);
  llvm::Error findReference();
  llvm::Error rank();
  llvm::Error runSteps();
  llvm::Error search();
  llvm::Error searchAlongRanking();
  llvm::Error improve();
  llvm::Error reduce(StepSet taken);
  llvm::Error verify();
  bool fits(const StepSet &taken) const {
    return state->ranking.fits(taken, goal.leastShare);
  }
  bool isBetter(const AccuracyTrial &a, const AccuracyTrial &b) const;
  const AccuracyTrial *bestOf(bool simulated) const;
  const AccuracyTrial *bestOfUnfinished() const;
  bool mayTry() const { return computed < goal.mostTrials; }
  AccuracyTrial describe(const StepSet &taken, bool simulated,
                         double score) const;
  llvm::Error save();

  const ModelFile &model;
  const CalibrationTable &table;
  const QuantizeOptions &options;
  Evaluator &evaluator;
  const AccuracyGoal &goal;
  SimulatedTrials simulation;
  AccuracyState *state = nullptr;
  std::vector<AccuracyTrial> trials;
  uint64_t computed = 0; // trials, known ones among them
};

} // namespace ashlar::quantization

#endif
