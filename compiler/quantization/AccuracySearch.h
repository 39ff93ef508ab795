//===- AccuracySearch.h - which layers to leave in floats -----------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_ACCURACYSEARCH_H
#define ASHLAR_COMPILER_QUANTIZATION_ACCURACYSEARCH_H

#include "compiler/quantization/SimulatedTrials.h"

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
  /// Scores that are computed at most.
  uint64_t mostTrials = 100;
};

/// Layers left in floats: places in the ranking.
using LayerSet = std::set<size_t>;

/// One quantized form of the model.
struct AccuracyTrial {
  LayerSet left;
  /// Computed by the model that simulates quantization.
  bool simulated = false;
  double score = 0;
  double drop = 0, relativeDrop = 0;
  double share = 1; // of the multiply-accumulates, in integers
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
  /// All layers that are quantized, those first that are to be left first.
  std::vector<LayerError> ranking;
  /// By the layers left, and whether they were simulated.
  std::map<std::pair<LayerSet, bool>, double> scores;
};
llvm::Expected<AccuracyState> readAccuracyState(llvm::StringRef path);
void writeAccuracyState(const AccuracyState &state, llvm::raw_ostream &os);

struct AccuracyResult {
  /// Owns the model with the best trial's layers left.
  QuantizedModel model;
  double reference = 0;
  AccuracyTrial best;
  std::vector<AccuracyTrial> trials;
  /// Left in floats, in the order of the ranking.
  std::vector<LayerError> left;
  bool met = false, interrupted = false;
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
  /// A step's outcome: false where onSample ended it.
  using Done = llvm::Expected<bool>;
  std::set<std::string> namesOf(const LayerSet &left) const;
  llvm::Expected<QuantizedModel> quantize(const LayerSet &left) const;
  llvm::Expected<std::optional<AccuracyTrial>> tryOut(const LayerSet &left,
                                                      bool simulate);
  Done findReference();
  Done rank();
  Done search();
  Done searchAlongRanking();
  Done improve();
  Done verify(const LayerSet &left);
  Done reduce(LayerSet left);
  double shareOf(const LayerSet &left) const;
  bool fits(const LayerSet &left) const;
  std::vector<LayerSet> neighboursOf(const LayerSet &left) const;
  bool isBetter(const AccuracyTrial &a, const AccuracyTrial &b) const;
  const AccuracyTrial *bestOf(bool simulated) const;
  bool mayTry() const { return computed < goal.mostTrials; }
  AccuracyTrial describe(const LayerSet &left, bool simulated,
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
  bool verified = false;
};

} // namespace ashlar::quantization

#endif
