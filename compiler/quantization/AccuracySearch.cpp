#include "compiler/quantization/AccuracySearch.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::quantization;
using llvm::Error;

// Samples that tell how sensitive a layer is.
static constexpr uint64_t kRankingSamples = 8;
// Sets of layers that are compiled at most, of those that met the goal.
static constexpr size_t kVerifiedTrials = 6;

namespace {

/// onSample ended the search.
class Interruption : public llvm::ErrorInfo<Interruption> {
public:
  static char ID;
  void log(llvm::raw_ostream &os) const override { os << "interrupted"; }
  std::error_code convertToErrorCode() const override {
    return llvm::inconvertibleErrorCode();
  }
};

char Interruption::ID = 0;

template <typename T>
llvm::Expected<T> orInterruption(llvm::Expected<std::optional<T>> result) {
  if (!result)
    return result.takeError();
  if (!*result)
    return llvm::make_error<Interruption>();
  return std::move(**result);
}

} // namespace

llvm::Expected<QuantizedModel>
AccuracySearch::quantize(const StepSet &taken) const {
  QuantizeOptions now = options;
  now.chosen = state->ranking.formsOf(taken);
  return quantizeModel(model, table, now);
}

void ashlar::quantization::judgeTrial(AccuracyTrial &trial, double reference,
                                      const MetricSpec &spec,
                                      const AccuracyGoal &goal) {
  double score = trial.score;
  trial.drop = spec.largerIsBetter() ? reference - score : score - reference;
  trial.relativeDrop = trial.drop == 0 ? 0 : trial.drop / std::fabs(reference);
  if (goal.maxDrop && std::isinf(*goal.maxDrop))
    trial.meets = true; // an infinite reference has no finite drop
  else if (goal.score)
    trial.meets =
        spec.largerIsBetter() ? score >= *goal.score : score <= *goal.score;
  else
    trial.meets =
        (goal.relative ? trial.relativeDrop : trial.drop) <= *goal.maxDrop;
}

AccuracyTrial AccuracySearch::describe(const StepSet &taken, bool simulated,
                                       double score) const {
  AccuracyTrial trial;
  trial.taken = taken;
  trial.simulated = simulated;
  trial.score = score;
  trial.inFloats = state->ranking.countInFloats(taken);
  trial.inTwoTerms = taken.size() - trial.inFloats;
  trial.share = state->ranking.shareInInt8(taken);
  trial.twice = state->ranking.shareDoneTwice(taken);
  trial.cost = state->ranking.costOf(taken);
  judgeTrial(trial, *state->reference, evaluator.spec(), goal);
  return trial;
}

Error AccuracySearch::save() {
  return onState ? onState(*state) : Error::success();
}

Error AccuracySearch::findReference() {
  // Runs again when a search goes on: others are compared with its outputs.
  if (onStep)
    onStep("evaluating the model in floats");
  auto score = orInterruption(evaluator.setReference(model));
  if (!score)
    return score.takeError();
  state->reference = *score;
  return save();
}

llvm::Expected<double> AccuracySearch::scoreOf(const StepSet &taken,
                                               bool simulate) {
  if (simulate)
    return orInterruption(
        simulation.score(state->ranking.formsOf(taken), evaluator));
  auto quantized = quantize(taken);
  if (!quantized)
    return quantized.takeError();
  return orInterruption(evaluator.score(*quantized->model));
}

static std::string layersText(size_t count) {
  return std::to_string(count) + (count == 1 ? " layer" : " layers");
}

llvm::Expected<AccuracyTrial> AccuracySearch::tryOut(const StepSet &taken,
                                                     bool simulate) {
  for (const AccuracyTrial &trial : trials)
    if (trial.taken == taken && trial.simulated == simulate)
      return trial;
  ++computed;
  auto known = state->scores.find({taken, simulate});
  if (known == state->scores.end()) {
    size_t inFloats = state->ranking.countInFloats(taken);
    if (onStep)
      onStep((simulate ? "simulating" : "evaluating") + llvm::Twine(" with ") +
             layersText(inFloats) + " in floats, " +
             llvm::Twine(taken.size() - inFloats) + " in two terms");
    auto score = scoreOf(taken, simulate);
    if (!score)
      return score.takeError();
    known = state->scores.insert({{taken, simulate}, *score}).first;
    if (Error error = save())
      return std::move(error);
  }
  trials.push_back(describe(taken, simulate, known->second));
  if (onTrial)
    onTrial(trials.back(), *state->reference);
  return trials.back();
}

Error AccuracySearch::rank() {
  if (!state->ranking.empty())
    return Error::success();
  auto layers = orInterruption(
      simulation.rank(kRankingSamples, [&](size_t layer, size_t count) {
        if (onStep)
          onStep("ranking layers, " + llvm::Twine(layer) + " of " +
                 llvm::Twine(count));
      }));
  if (!layers)
    return layers.takeError();
  if (!goal.twoTerms)
    for (LayerError &layer : *layers)
      layer.noiseInTwoTerms.reset();
  state->ranking = AccuracySteps::rank(*layers);
  return save();
}

// A better score; of those that meet the goal, and of equal ones, the one that
// costs less.
bool AccuracySearch::isBetter(const AccuracyTrial &a,
                              const AccuracyTrial &b) const {
  if (a.meets != b.meets)
    return a.meets;
  if (!a.meets && a.score != b.score)
    return evaluator.spec().largerIsBetter() ? a.score > b.score
                                             : a.score < b.score;
  if (a.cost != b.cost)
    return a.cost < b.cost;
  return a.taken.size() < b.taken.size();
}

const AccuracyTrial *AccuracySearch::bestOf(bool simulated) const {
  const AccuracyTrial *best = nullptr;
  for (const AccuracyTrial &trial : trials)
    if (trial.simulated == simulated && (!best || isBetter(trial, *best)))
      best = &trial;
  return best;
}

// Of a search that did not come to compiling what it found: the simulation's
// word counts, but for what has been compiled since.
const AccuracyTrial *AccuracySearch::bestOfUnfinished() const {
  const AccuracyTrial *best = bestOf(/*simulated=*/false);
  for (const AccuracyTrial &trial : trials) {
    bool compiled = llvm::any_of(trials, [&](const AccuracyTrial &other) {
      return !other.simulated && other.taken == trial.taken;
    });
    if (!compiled && (!best || isBetter(trial, *best)))
      best = &trial;
  }
  return best;
}

// Twice as many steps of the ranking each time, as far as they fit; then halves
// the interval. Where scores rise and fall this finds one of the places where
// the goal is met.
Error AccuracySearch::searchAlongRanking() {
  std::vector<StepSet> prefixes = {{}};
  for (size_t place = 0; place != state->ranking.size(); ++place) {
    StepSet next = state->ranking.with(prefixes.back(), place);
    if (next != prefixes.back() && fits(next))
      prefixes.push_back(std::move(next));
  }
  size_t most = prefixes.size() - 1, failing = 0, meeting = 0;
  for (size_t count = 1; most && !meeting && mayTry();) {
    auto trial = tryOut(prefixes[count], /*simulate=*/true);
    if (!trial)
      return trial.takeError();
    if (trial->meets)
      meeting = count;
    else if (count == most)
      break;
    else {
      failing = count;
      count = std::min(2 * count, most);
    }
  }
  while (meeting > failing + 1 && mayTry()) {
    size_t middle = failing + (meeting - failing) / 2;
    auto trial = tryOut(prefixes[middle], /*simulate=*/true);
    if (!trial)
      return trial.takeError();
    (trial->meets ? meeting : failing) = middle;
  }
  return Error::success();
}

// From the best so far to better ones beside it, until the goal is met.
Error AccuracySearch::improve() {
  for (bool moved = true; moved && mayTry();) {
    moved = false;
    AccuracyTrial from = *bestOf(/*simulated=*/true);
    if (from.meets)
      break;
    for (const StepSet &next :
         state->ranking.neighboursOf(from.taken, goal.leastShare)) {
      if (!mayTry())
        break;
      auto trial = tryOut(next, /*simulate=*/true);
      if (!trial)
        return trial.takeError();
      moved = trial->score != from.score && isBetter(*trial, from);
      if (moved)
        break;
    }
  }
  return Error::success();
}

// Steps are taken back one by one, the costliest first, while the goal is still
// met; two terms may do where floats are not needed.
Error AccuracySearch::reduce(StepSet taken) {
  const AccuracySteps &ranking = state->ranking;
  std::vector<size_t> order(taken.begin(), taken.end());
  llvm::sort(order, [&](size_t a, size_t b) {
    return std::make_pair(-ranking.extraCostOf(a), a) <
           std::make_pair(-ranking.extraCostOf(b), b);
  });
  for (size_t place : order) {
    StepSet next = taken;
    next.erase(place);
    std::vector<StepSet> less = {next};
    if (auto cheaper = ranking.twoTermsInsteadOf(place)) {
      next.insert(*cheaper);
      less.push_back(next);
    }
    for (const StepSet &one : less) {
      if (one.empty() || !mayTry())
        continue;
      auto trial = tryOut(one, /*simulate=*/true);
      if (!trial)
        return trial.takeError();
      if (!trial->meets)
        continue;
      taken = one;
      break;
    }
  }
  return Error::success();
}

// Compiles what the simulation promises to meet the goal, the best ones in
// turn: what is compiled rounds a little differently.
Error AccuracySearch::verify() {
  std::vector<AccuracyTrial> order;
  for (const AccuracyTrial &trial : trials)
    if (trial.simulated && !trial.taken.empty())
      order.push_back(trial);
  llvm::sort(order, [&](const AccuracyTrial &a, const AccuracyTrial &b) {
    return isBetter(a, b) || (!isBetter(b, a) && a.taken < b.taken);
  });
  for (const AccuracyTrial &trial :
       llvm::ArrayRef(order).take_front(kVerifiedTrials)) {
    auto compiled = tryOut(trial.taken, /*simulate=*/false);
    if (!compiled)
      return compiled.takeError();
    if (compiled->meets || !trial.meets)
      break;
  }
  return Error::success();
}

Error AccuracySearch::search() {
  // Simulated as all others are, to be compared with them.
  auto plain = tryOut({}, /*simulate=*/true);
  if (!plain)
    return plain.takeError();
  for (auto step :
       {&AccuracySearch::searchAlongRanking, &AccuracySearch::improve})
    if (Error error = (this->*step)())
      return error;
  if (const AccuracyTrial *best = bestOf(/*simulated=*/true); best->meets)
    if (Error error = reduce(StepSet(best->taken)))
      return error;
  return verify();
}

Error AccuracySearch::runSteps() {
  if (Error error = findReference())
    return error;
  auto plain = tryOut({}, /*simulate=*/false);
  if (!plain)
    return plain.takeError();
  if (plain->meets)
    return Error::success();
  if (Error error = rank())
    return error;
  return search();
}

llvm::Expected<AccuracyResult> AccuracySearch::run(AccuracyState &given) {
  state = &given;
  AccuracyResult result;
  if (Error error = llvm::handleErrors(runSteps(), [&](const Interruption &) {
        result.interrupted = true;
      })) {
    if (trials.empty())
      return std::move(error);
    result.failure = llvm::toString(std::move(error));
  }
  result.reference = state->reference.value_or(0);
  result.trials = trials;
  bool ended = !result.interrupted && result.failure.empty();
  if (const AccuracyTrial *best =
          ended ? bestOf(/*simulated=*/false) : bestOfUnfinished())
    result.best = *best;
  result.met = ended && result.best.meets;
  for (size_t place : result.best.taken) {
    const AccuracyStep &step = state->ranking[place];
    (step.inFloats ? result.inFloats : result.inTwoTerms).push_back(step.layer);
  }
  auto quantized = quantize(result.best.taken);
  if (!quantized)
    return quantized.takeError();
  result.model = std::move(*quantized);
  return std::move(result);
}
