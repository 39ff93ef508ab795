#include "compiler/quantization/AccuracySteps.h"

#include "llvm/ADT/STLExtras.h"

using namespace ashlar;
using namespace ashlar::quantization;

// A multiply-accumulate in floats takes as long as four in int8.
static constexpr double kCostInFloats = 4, kCostInTwoTerms = 2;

AccuracySteps::AccuracySteps(std::vector<AccuracyStep> order)
    : steps(std::move(order)), other(steps.size()) {
  std::map<std::string, size_t> known;
  for (auto [place, step] : llvm::enumerate(steps)) {
    auto [entry, isNew] = known.try_emplace(step.layer.node, place);
    if (isNew) {
      allMacs += double(step.layer.macs);
      ++layerCount;
      continue;
    }
    other[place] = entry->second;
    other[entry->second] = place;
  }
}

// Orders steps by the error that a layer alone brings to the outputs and that
// the step takes away, over what it costs. Where two terms promise more than
// floats do, floats promise the rest, for the rest of the cost. The thousandth
// of all that is added is what any step costs.
AccuracySteps AccuracySteps::rank(llvm::ArrayRef<LayerError> layers) {
  double all = 0;
  for (const LayerError &layer : layers)
    all += double(layer.macs);
  double any = (kCostInFloats - 1) * (all / 1000 + 1);
  std::vector<std::pair<double, AccuracyStep>> promises;
  for (const LayerError &layer : layers) {
    auto promise = [&](double gain, double cost) {
      return gain / (cost * double(layer.macs) + any);
    };
    double inFloats = promise(layer.noise, kCostInFloats - 1);
    if (layer.noiseInTwoTerms && *layer.noiseInTwoTerms < layer.noise) {
      double rest = *layer.noiseInTwoTerms;
      double inTwoTerms = promise(layer.noise - rest, kCostInTwoTerms - 1);
      promises.push_back({inTwoTerms, {layer, /*inFloats=*/false}});
      if (inTwoTerms > inFloats)
        inFloats = promise(rest, kCostInFloats - kCostInTwoTerms);
    }
    promises.push_back({inFloats, {layer, /*inFloats=*/true}});
  }
  llvm::sort(promises, [](const auto &a, const auto &b) {
    return std::make_tuple(-a.first, a.second.layer.node, a.second.inFloats) <
           std::make_tuple(-b.first, b.second.layer.node, b.second.inFloats);
  });
  std::vector<AccuracyStep> order;
  for (auto &[promise, step] : promises)
    order.push_back(std::move(step));
  return AccuracySteps(std::move(order));
}

LayerForms AccuracySteps::formsOf(const StepSet &taken) const {
  LayerForms forms;
  for (size_t place : taken)
    (steps[place].inFloats ? forms.inFloats : forms.inTwoTerms)
        .insert(steps[place].layer.node);
  return forms;
}

size_t AccuracySteps::countInFloats(const StepSet &taken) const {
  return llvm::count_if(taken,
                        [&](size_t place) { return steps[place].inFloats; });
}

double AccuracySteps::shareInInt8(const StepSet &taken) const {
  double floats = 0;
  for (size_t place : taken)
    floats += steps[place].inFloats ? double(steps[place].layer.macs) : 0;
  return allMacs > 0 ? 1 - floats / allMacs : 1;
}

double AccuracySteps::shareDoneTwice(const StepSet &taken) const {
  double twice = 0;
  for (size_t place : taken)
    twice += steps[place].inFloats ? 0 : double(steps[place].layer.macs);
  return allMacs > 0 ? twice / allMacs : 0;
}

double AccuracySteps::extraCostOf(size_t place) const {
  const AccuracyStep &step = steps[place];
  return double(step.layer.macs) *
         ((step.inFloats ? kCostInFloats : kCostInTwoTerms) - 1);
}

double AccuracySteps::costOf(const StepSet &taken) const {
  double cost = allMacs;
  for (size_t place : taken)
    cost += extraCostOf(place);
  return cost;
}

bool AccuracySteps::fits(const StepSet &taken, double leastShare) const {
  return countInFloats(taken) < layerCount && shareInInt8(taken) >= leastShare;
}

StepSet AccuracySteps::with(StepSet taken, size_t place) const {
  if (other[place] && taken.count(*other[place])) {
    if (!steps[place].inFloats)
      return taken;
    taken.erase(*other[place]);
  }
  taken.insert(place);
  return taken;
}

std::optional<size_t> AccuracySteps::twoTermsInsteadOf(size_t place) const {
  return steps[place].inFloats ? other[place] : std::nullopt;
}

// Room is made by the layers in floats that promise least.
bool AccuracySteps::makeRoom(StepSet &taken, const StepSet &before,
                             double leastShare) const {
  std::vector<size_t> leaving;
  for (size_t place : llvm::reverse(before))
    if (steps[place].inFloats && taken.count(place))
      leaving.push_back(place);
  for (size_t place : leaving) {
    if (fits(taken, leastShare))
      break;
    taken.erase(place);
  }
  return fits(taken, leastShare);
}

std::vector<StepSet> AccuracySteps::neighboursOf(const StepSet &taken,
                                                 double leastShare) const {
  std::vector<StepSet> result;
  auto add = [&](StepSet next) {
    if (makeRoom(next, taken, leastShare) && next != taken &&
        !llvm::is_contained(result, next))
      result.push_back(std::move(next));
  };
  for (size_t place = 0; place != steps.size(); ++place) {
    StepSet next = with(taken, place);
    if (next == taken)
      continue;
    add(next);
    if (place + 1 != steps.size())
      add(with(next, place + 1));
  }
  for (size_t place : taken) {
    StepSet next = taken;
    next.erase(place);
    add(std::move(next));
  }
  return result;
}
