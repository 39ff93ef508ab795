#include "compiler/quantization/SimulatedTrials.h"

#include "compiler/quantization/LayerMacs.h"
#include "runtime/ashlar_rt.h"

#include <cmath>
#include <limits>

using namespace ashlar;
using namespace ashlar::quantization;
using llvm::Error;

static double decibels(double noise) {
  if (noise == 0)
    return std::numeric_limits<double>::infinity();
  return -10 * std::log10(noise);
}

double LayerError::sqnr() const { return decibels(noise); }

double LayerError::sqnrInTwoTerms() const {
  return decibels(noiseInTwoTerms.value_or(noise));
}

namespace {

/// Compares outputs with those of the same samples in floats.
class OutputErrors {
public:
  void addReference(std::vector<data::Tensor> outputs) {
    references.push_back(std::move(outputs));
  }

  void begin() { at = 0, sums.assign(references.front().size(), {}); }

  void add(llvm::ArrayRef<data::Tensor> outputs) {
    const std::vector<data::Tensor> &expected = references[at++];
    for (size_t i = 0; i != outputs.size(); ++i)
      // Sizes may differ where they depend on values.
      if (outputs[i].dtype == ASHLAR_FLOAT32 &&
          outputs[i].bytes.size() == expected[i].bytes.size())
        sums[i].add(outputs[i], expected[i]);
  }

  /// Over all outputs, each by its own size.
  double noise() const {
    double total = 0;
    for (const Sums &one : sums)
      total += one.signal > 0 ? one.noise / one.signal : 0;
    return total;
  }

private:
  struct Sums {
    double signal = 0, noise = 0;

    void add(const data::Tensor &values, const data::Tensor &expected) {
      const auto *a = reinterpret_cast<const float *>(values.bytes.data());
      const auto *b = reinterpret_cast<const float *>(expected.bytes.data());
      for (size_t i = 0; i != values.bytes.size() / sizeof(float); ++i) {
        double error = double(a[i]) - double(b[i]);
        signal += double(b[i]) * double(b[i]);
        noise += error * error;
      }
    }
  };
  std::vector<std::vector<data::Tensor>> references;
  std::vector<Sums> sums;
  size_t at = 0;
};

} // namespace

Error SimulatedTrials::prepare() {
  if (compiled)
    return Error::success();
  auto made = SimulatedModel::create(model, table, options);
  if (!made)
    return made.takeError();
  auto loaded = setup.compile((*made)->model(), nullptr);
  if (!loaded)
    return loaded.takeError();
  simulated = std::move(*made);
  compiled = std::move(*loaded);
  return Error::success();
}

llvm::Expected<bool> SimulatedTrials::runWith(
    const LayerForms &forms, uint64_t samples,
    llvm::function_ref<void(std::vector<data::Tensor>)> each) {
  auto switches = simulated->switchesFor(forms);
  if (!switches)
    return switches.takeError();
  return runSamples(
      setup, *compiled,
      [&](const data::Sample &, std::vector<data::Tensor> outputs) {
        each(std::move(outputs));
        return Error::success();
      },
      nullptr, samples, *switches);
}

llvm::Expected<std::optional<std::vector<LayerError>>>
SimulatedTrials::rank(uint64_t samples,
                      llvm::function_ref<void(size_t, size_t)> onLayer) {
  if (Error error = prepare())
    return std::move(error);
  auto macs = measureLayerMacs(setup, *simulated);
  if (!macs)
    return macs.takeError();
  if (!*macs)
    return std::nullopt;
  OutputErrors errors;
  LayerForms forms;
  for (const SimulatedModel::Layer &layer : simulated->layers())
    forms.inFloats.insert(layer.node);
  auto done = runWith(forms, samples, [&](std::vector<data::Tensor> outputs) {
    errors.addReference(std::move(outputs));
  });
  auto noiseNow = [&]() -> llvm::Expected<double> {
    errors.begin();
    done = runWith(forms, samples, [&](std::vector<data::Tensor> outputs) {
      errors.add(outputs);
    });
    if (!done)
      return done.takeError();
    return *done ? errors.noise() : 0;
  };
  std::vector<LayerError> result;
  for (const SimulatedModel::Layer &layer : simulated->layers()) {
    if (!done)
      return done.takeError();
    if (!*done)
      return std::nullopt;
    onLayer(result.size(), simulated->layers().size());
    LayerError &error = result.emplace_back();
    error.node = layer.node;
    error.op = layer.op;
    error.macs = (**macs)[layer.node];
    forms.inFloats.erase(layer.node);
    auto noise = noiseNow();
    if (!noise)
      return noise.takeError();
    error.noise = *noise;
    if (*done && layer.mayHaveTwoTerms) {
      forms.inTwoTerms = {layer.node};
      auto less = noiseNow();
      if (!less)
        return less.takeError();
      error.noiseInTwoTerms = *less;
      forms.inTwoTerms.clear();
    }
    forms.inFloats.insert(layer.node);
  }
  if (!done)
    return done.takeError();
  if (!*done)
    return std::nullopt;
  return std::move(result);
}

llvm::Expected<std::optional<double>>
SimulatedTrials::score(const LayerForms &forms, Evaluator &evaluator) {
  if (Error error = prepare())
    return std::move(error);
  auto switches = simulated->switchesFor(forms);
  if (!switches)
    return switches.takeError();
  return evaluator.score(*compiled, *switches);
}
