#include "compiler/quantization/AccuracySearch.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Regex.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::quantization;
using llvm::Error;

// Samples that tell how sensitive a layer is.
static constexpr uint64_t kRankingSamples = 16;

// A regular expression that matches one name.
static std::string exactly(const std::string &name) {
  return "^" + llvm::Regex::escape(name) + "$";
}

llvm::Expected<QuantizedModel> AccuracySearch::quantize(size_t left) const {
  QuantizeOptions now = options;
  for (size_t i = 0; i != left; ++i)
    now.excludedNodes.push_back(exactly(state->ranking[i].node));
  return quantizeModel(model, table, now);
}

AccuracyTrial AccuracySearch::describe(size_t left, double score) const {
  const MetricSpec &spec = evaluator.spec();
  AccuracyTrial trial;
  trial.left = left;
  trial.score = score;
  double reference = *state->reference;
  trial.drop = spec.largerIsBetter() ? reference - score : score - reference;
  trial.relativeDrop = trial.drop == 0 ? 0 : trial.drop / std::fabs(reference);
  double all = 0, floats = 0;
  for (size_t i = 0; i != state->ranking.size(); ++i) {
    all += double(state->ranking[i].macs);
    floats += i < left ? double(state->ranking[i].macs) : 0;
  }
  trial.share = all > 0 ? 1 - floats / all : 1;
  if (goal.score)
    trial.meets =
        spec.largerIsBetter() ? score >= *goal.score : score <= *goal.score;
  else
    trial.meets =
        (goal.relative ? trial.relativeDrop : trial.drop) <= *goal.maxDrop;
  return trial;
}

Error AccuracySearch::save() {
  return onState ? onState(*state) : Error::success();
}

llvm::Expected<bool> AccuracySearch::findReference() {
  // Runs again when a search goes on: others are compared with its outputs.
  if (onStep)
    onStep("evaluating the model in floats");
  auto score = evaluator.setReference(model);
  if (!score)
    return score.takeError();
  if (!*score)
    return false;
  state->reference = **score;
  if (Error error = save())
    return std::move(error);
  return true;
}

llvm::Expected<std::optional<AccuracyTrial>>
AccuracySearch::tryOut(size_t left) {
  auto known = state->scores.find(left);
  double score;
  if (known != state->scores.end()) {
    score = known->second;
  } else {
    if (onStep)
      onStep("evaluating with " + llvm::Twine(left) +
             (left == 1 ? " layer" : " layers") + " in floats");
    auto quantized = quantize(left);
    if (!quantized)
      return quantized.takeError();
    auto found = evaluator.score(*quantized->model);
    if (!found)
      return found.takeError();
    if (!*found)
      return std::nullopt;
    score = **found;
    state->scores[left] = score;
    if (Error error = save())
      return std::move(error);
  }
  trials.push_back(describe(left, score));
  if (onTrial)
    onTrial(trials.back(), *state->reference);
  return trials.back();
}

// Orders layers by what quantization does to each alone, and leaves out those
// that are too large to be left in floats.
llvm::Expected<bool> AccuracySearch::rank() {
  if (!state->ranking.empty())
    return true;
  if (onStep)
    onStep("ranking layers");
  auto quantized = quantizeModel(model, table, options);
  if (!quantized)
    return quantized.takeError();
  auto errors = measureLayerErrors(setup, model, *quantized, kRankingSamples);
  if (!errors)
    return errors.takeError();
  if (!*errors)
    return false;
  llvm::sort(**errors, [](const LayerError &a, const LayerError &b) {
    return std::make_pair(a.sqnr(), a.node) < std::make_pair(b.sqnr(), b.node);
  });
  // Those that may be left come first, as many as the share allows.
  double all = 0, floats = 0;
  for (const LayerError &layer : **errors)
    all += double(layer.macs);
  std::vector<LayerError> rest;
  for (LayerError &layer : **errors) {
    if (all > 0 && 1 - (floats + double(layer.macs)) / all < goal.leastShare) {
      rest.push_back(layer);
      continue;
    }
    floats += double(layer.macs);
    state->ranking.push_back(layer);
  }
  llvm::append_range(state->ranking, rest);
  if (Error error = save())
    return std::move(error);
  return true;
}

// Doubles the number of layers left until the goal is met, then halves the
// interval.
llvm::Expected<bool> AccuracySearch::search() {
  // One layer at least stays in integers.
  size_t most = 0;
  while (most + 1 < state->ranking.size() &&
         describe(most + 1, 0).share >= goal.leastShare)
    ++most;
  size_t failing = 0, meeting = 0;
  for (size_t left = 1; most && !meeting;) {
    auto trial = tryOut(left);
    if (!trial)
      return trial.takeError();
    if (!*trial)
      return false;
    if ((*trial)->meets)
      meeting = left;
    else if (left == most)
      return true;
    else {
      failing = left;
      left = std::min(2 * left, most);
    }
  }
  while (meeting > failing + 1) {
    size_t middle = failing + (meeting - failing) / 2;
    auto trial = tryOut(middle);
    if (!trial)
      return trial.takeError();
    if (!*trial)
      return false;
    ((*trial)->meets ? meeting : failing) = middle;
  }
  return true;
}

llvm::Expected<AccuracyResult> AccuracySearch::run(AccuracyState &given) {
  state = &given;
  auto step = [&]() -> llvm::Expected<bool> {
    auto done = findReference();
    if (!done || !*done)
      return done;
    auto first = tryOut(0);
    if (!first)
      return first.takeError();
    if (!*first || (*first)->meets)
      return first->has_value();
    done = rank();
    if (!done || !*done)
      return done;
    // Its share is known only now.
    trials.front() = describe(0, trials.front().score);
    return search();
  };
  auto done = step();
  if (!done)
    return done.takeError();
  AccuracyResult result;
  result.interrupted = !*done;
  result.reference = state->reference.value_or(0);
  result.trials = trials;
  bool larger = evaluator.spec().largerIsBetter();
  // The fewest layers left that meet the goal; else the best score.
  const AccuracyTrial *best = nullptr;
  for (const AccuracyTrial &trial : result.trials) {
    bool better =
        !best || (trial.meets && (!best->meets || trial.left < best->left));
    if (best && !best->meets && !trial.meets)
      better = larger ? trial.score > best->score : trial.score < best->score;
    if (better)
      best = &trial;
  }
  if (best)
    result.best = *best;
  result.met = best && best->meets;
  for (size_t i = 0; i != result.best.left; ++i)
    result.left.push_back(state->ranking[i]);
  auto quantized = quantize(result.best.left);
  if (!quantized)
    return quantized.takeError();
  result.model = std::move(*quantized);
  return std::move(result);
}
