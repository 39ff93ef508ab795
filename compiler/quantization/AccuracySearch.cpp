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

std::set<std::string> AccuracySearch::namesOf(const LayerSet &left) const {
  std::set<std::string> names;
  for (size_t place : left)
    names.insert(state->ranking[place].node);
  return names;
}

llvm::Expected<QuantizedModel>
AccuracySearch::quantize(const LayerSet &left) const {
  QuantizeOptions now = options;
  now.leftInFloats = namesOf(left);
  return quantizeModel(model, table, now);
}

double AccuracySearch::shareOf(const LayerSet &left) const {
  double all = 0, floats = 0;
  for (auto [place, layer] : llvm::enumerate(state->ranking)) {
    all += double(layer.macs);
    floats += left.count(place) ? double(layer.macs) : 0;
  }
  return all > 0 ? 1 - floats / all : 1;
}

// One layer at least stays in integers.
bool AccuracySearch::fits(const LayerSet &left) const {
  return left.size() < state->ranking.size() &&
         shareOf(left) >= goal.leastShare;
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

AccuracyTrial AccuracySearch::describe(const LayerSet &left, bool simulated,
                                       double score) const {
  AccuracyTrial trial;
  trial.left = left;
  trial.simulated = simulated;
  trial.score = score;
  trial.share = shareOf(left);
  judgeTrial(trial, *state->reference, evaluator.spec(), goal);
  return trial;
}

Error AccuracySearch::save() {
  return onState ? onState(*state) : Error::success();
}

AccuracySearch::Done AccuracySearch::findReference() {
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
AccuracySearch::tryOut(const LayerSet &left, bool simulate) {
  for (const AccuracyTrial &trial : trials)
    if (trial.left == left && trial.simulated == simulate)
      return trial;
  auto known = state->scores.find({left, simulate});
  double score;
  ++computed;
  if (known != state->scores.end()) {
    score = known->second;
  } else {
    if (onStep)
      onStep((simulate ? "simulating" : "evaluating") + llvm::Twine(" with ") +
             llvm::Twine(left.size()) +
             (left.size() == 1 ? " layer" : " layers") + " in floats");
    auto found = [&]() -> llvm::Expected<std::optional<double>> {
      if (simulate)
        return simulation.score(namesOf(left), evaluator);
      auto quantized = quantize(left);
      if (!quantized)
        return quantized.takeError();
      return evaluator.score(*quantized->model);
    }();
    if (!found)
      return found.takeError();
    if (!*found)
      return std::nullopt;
    score = **found;
    state->scores[{left, simulate}] = score;
    if (Error error = save())
      return std::move(error);
  }
  trials.push_back(describe(left, simulate, score));
  if (onTrial)
    onTrial(trials.back(), *state->reference);
  return trials.back();
}

// Orders layers by what leaving each in floats promises, for what it costs: the
// error that it alone brings to the outputs, over its multiply-accumulates. The
// thousandth of all that is added is what any layer costs.
AccuracySearch::Done AccuracySearch::rank() {
  if (!state->ranking.empty())
    return true;
  auto layers =
      simulation.rank(kRankingSamples, [&](size_t layer, size_t count) {
        if (onStep)
          onStep("ranking layers, " + llvm::Twine(layer) + " of " +
                 llvm::Twine(count));
      });
  if (!layers)
    return layers.takeError();
  if (!*layers)
    return false;
  double all = 0;
  for (const LayerError &layer : **layers)
    all += double(layer.macs);
  auto promise = [&](const LayerError &layer) {
    return layer.noise / (double(layer.macs) + all / 1000 + 1);
  };
  llvm::sort(**layers, [&](const LayerError &a, const LayerError &b) {
    return std::make_pair(-promise(a), a.node) <
           std::make_pair(-promise(b), b.node);
  });
  state->ranking = std::move(**layers);
  if (Error error = save())
    return std::move(error);
  return true;
}

// A better score; of equal ones, fewer multiply-accumulates in floats.
bool AccuracySearch::isBetter(const AccuracyTrial &a,
                              const AccuracyTrial &b) const {
  if (a.meets != b.meets)
    return a.meets;
  if (!a.meets && a.score != b.score)
    return evaluator.spec().largerIsBetter() ? a.score > b.score
                                             : a.score < b.score;
  if (a.share != b.share)
    return a.share > b.share;
  return a.left.size() < b.left.size();
}

const AccuracyTrial *AccuracySearch::bestOf(bool simulated) const {
  const AccuracyTrial *best = nullptr;
  for (const AccuracyTrial &trial : trials)
    if (trial.simulated == simulated && (!best || isBetter(trial, *best)))
      best = &trial;
  return best;
}

// Compiles what the simulation promises to meet the goal.
AccuracySearch::Done AccuracySearch::verify(const LayerSet &left) {
  auto trial = tryOut(left, /*simulate=*/false);
  if (!trial)
    return trial.takeError();
  if (!*trial)
    return false;
  verified |= (*trial)->meets;
  return true;
}

// Twice as many layers of the ranking each time, as far as they fit; then
// halves the interval. Where scores rise and fall this finds one of the places
// where the goal is met.
AccuracySearch::Done AccuracySearch::searchAlongRanking() {
  std::vector<LayerSet> steps = {{}};
  for (size_t place = 0; place != state->ranking.size(); ++place) {
    LayerSet next = steps.back();
    next.insert(place);
    if (fits(next))
      steps.push_back(std::move(next));
  }
  size_t most = steps.size() - 1, failing = 0, meeting = 0;
  for (size_t count = 1; most && !meeting && mayTry();) {
    auto trial = tryOut(steps[count], /*simulate=*/true);
    if (!trial)
      return trial.takeError();
    if (!*trial)
      return false;
    if ((*trial)->meets)
      meeting = count;
    else if (count == most)
      return true;
    else {
      failing = count;
      count = std::min(2 * count, most);
    }
  }
  while (meeting > failing + 1 && mayTry()) {
    size_t middle = failing + (meeting - failing) / 2;
    auto trial = tryOut(steps[middle], /*simulate=*/true);
    if (!trial)
      return trial.takeError();
    if (!*trial)
      return false;
    ((*trial)->meets ? meeting : failing) = middle;
  }
  return true;
}

// What one step may lead to: a layer more, two that follow each other in the
// ranking, or one instead of others; then one less.
std::vector<LayerSet> AccuracySearch::neighboursOf(const LayerSet &left) const {
  std::vector<LayerSet> result;
  auto add = [&](LayerSet next) {
    // Room is made by those that promise least.
    for (auto last = next.rbegin(); !fits(next) && last != next.rend();) {
      if (left.count(*last)) {
        next.erase(*last);
        last = next.rbegin();
      } else {
        ++last;
      }
    }
    if (next != left && fits(next) && !llvm::is_contained(result, next))
      result.push_back(std::move(next));
  };
  for (size_t place = 0; place != state->ranking.size(); ++place) {
    if (left.count(place))
      continue;
    LayerSet next = left;
    next.insert(place);
    add(next);
    if (place + 1 != state->ranking.size()) {
      next.insert(place + 1);
      add(std::move(next));
    }
  }
  for (size_t place : left) {
    LayerSet next = left;
    next.erase(place);
    add(std::move(next));
  }
  return result;
}

// From the best so far to better ones beside it, until the goal is met.
AccuracySearch::Done AccuracySearch::improve() {
  for (bool moved = true; moved && mayTry();) {
    moved = false;
    AccuracyTrial from = *bestOf(/*simulated=*/true);
    if (from.meets)
      return true;
    for (const LayerSet &next : neighboursOf(from.left)) {
      if (!mayTry())
        break;
      auto trial = tryOut(next, /*simulate=*/true);
      if (!trial)
        return trial.takeError();
      if (!*trial)
        return false;
      moved = (*trial)->score != from.score && isBetter(**trial, from);
      if (moved)
        break;
    }
  }
  return true;
}

// Layers go back to integers one by one, the costliest first, while the goal
// is still met.
AccuracySearch::Done AccuracySearch::reduce(LayerSet left) {
  std::vector<size_t> order(left.begin(), left.end());
  llvm::sort(order, [&](size_t a, size_t b) {
    return std::make_pair(-state->ranking[a].macs, a) <
           std::make_pair(-state->ranking[b].macs, b);
  });
  for (size_t place : order) {
    LayerSet next = left;
    next.erase(place);
    if (next.empty() || !mayTry())
      break;
    auto trial = tryOut(next, /*simulate=*/true);
    if (!trial)
      return trial.takeError();
    if (!*trial)
      return false;
    if ((*trial)->meets)
      left = std::move(next);
  }
  return true;
}

AccuracySearch::Done AccuracySearch::search() {
  // Simulated as all others are, to be compared with them.
  auto plain = tryOut({}, /*simulate=*/true);
  if (!plain)
    return plain.takeError();
  if (!*plain)
    return false;
  for (auto step :
       {&AccuracySearch::searchAlongRanking, &AccuracySearch::improve}) {
    auto done = (this->*step)();
    if (!done || !*done)
      return done;
  }
  if (const AccuracyTrial *best = bestOf(true); best->meets) {
    auto done = reduce(LayerSet(best->left));
    if (!done || !*done)
      return done;
  }
  // The best ones in turn: what is compiled rounds a little differently.
  std::vector<AccuracyTrial> order;
  for (const AccuracyTrial &trial : trials)
    if (trial.simulated && !trial.left.empty())
      order.push_back(trial);
  llvm::sort(order, [&](const AccuracyTrial &a, const AccuracyTrial &b) {
    return isBetter(a, b) || (!isBetter(b, a) && a.left < b.left);
  });
  for (const AccuracyTrial &trial :
       llvm::ArrayRef(order).take_front(kVerifiedTrials)) {
    auto done = verify(trial.left);
    if (!done || !*done || verified || !trial.meets)
      return done;
  }
  return true;
}

llvm::Expected<AccuracyResult> AccuracySearch::run(AccuracyState &given) {
  state = &given;
  auto step = [&]() -> Done {
    auto done = findReference();
    if (!done || !*done)
      return done;
    auto first = tryOut({}, /*simulate=*/false);
    if (!first)
      return first.takeError();
    if (!*first || (*first)->meets)
      return first->has_value();
    done = rank();
    if (!done || !*done)
      return done;
    return search();
  };
  auto done = step();
  if (!done)
    return done.takeError();
  AccuracyResult result;
  result.interrupted = !*done;
  result.reference = state->reference.value_or(0);
  result.trials = trials;
  if (const AccuracyTrial *best = bestOf(/*simulated=*/false))
    result.best = *best;
  result.met = result.best.meets;
  for (size_t place : result.best.left)
    result.left.push_back(state->ranking[place]);
  auto quantized = quantize(result.best.left);
  if (!quantized)
    return quantized.takeError();
  result.model = std::move(*quantized);
  return std::move(result);
}
