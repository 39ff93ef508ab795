//===- AccuracySteps.h - what may win accuracy back, in order -------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_ACCURACYSTEPS_H
#define ASHLAR_COMPILER_QUANTIZATION_ACCURACYSTEPS_H

#include "compiler/quantization/SimulatedTrials.h"

namespace ashlar::quantization {

/// A layer in a form that is more exact than int8: left in floats, or with its
/// activation in two terms.
struct AccuracyStep {
  LayerError layer;
  bool inFloats = true;
};

/// Steps that are taken: places in their order. Of one layer there is one step
/// at most.
using StepSet = std::set<size_t>;

/// All steps of a model, those first that promise most for what they cost.
class AccuracySteps {
public:
  AccuracySteps() = default;
  explicit AccuracySteps(std::vector<AccuracyStep> order);
  static AccuracySteps rank(llvm::ArrayRef<LayerError> layers);

  llvm::ArrayRef<AccuracyStep> order() const { return steps; }
  size_t size() const { return steps.size(); }
  bool empty() const { return steps.empty(); }
  const AccuracyStep &operator[](size_t place) const { return steps[place]; }

  LayerForms formsOf(const StepSet &taken) const;
  /// How many of the steps leave a layer in floats.
  size_t countInFloats(const StepSet &taken) const;
  /// Shares of the multiply-accumulates: those in int8, once or twice, and
  /// those that are done twice.
  double shareInInt8(const StepSet &taken) const;
  double shareDoneTwice(const StepSet &taken) const;
  /// What all products cost, one in int8 being 1 for a multiply-accumulate.
  double costOf(const StepSet &taken) const;
  double extraCostOf(size_t place) const;
  /// Some layer is in integers, and so much of the multiply-accumulates.
  bool fits(const StepSet &taken, double leastShare) const;

  /// With one step more, which takes the place of the layer's other one; but
  /// two terms do not replace floats.
  StepSet with(StepSet taken, size_t place) const;
  /// The step to two terms of a layer that a step leaves in floats.
  std::optional<size_t> twoTermsInsteadOf(size_t place) const;
  /// What one step may lead to: a step more, two that follow each other, or one
  /// instead of others; then one less.
  std::vector<StepSet> neighboursOf(const StepSet &taken,
                                    double leastShare) const;

private:
  bool makeRoom(StepSet &taken, const StepSet &before, double leastShare) const;

  std::vector<AccuracyStep> steps;
  /// The place of the other step of the same layer, or none.
  std::vector<std::optional<size_t>> other;
  double allMacs = 0;
  size_t layerCount = 0;
};

} // namespace ashlar::quantization

#endif
