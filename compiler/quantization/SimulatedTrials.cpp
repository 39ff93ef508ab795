#include "compiler/quantization/SimulatedTrials.h"

#include "compiler/quantization/LayerMacs.h"
#include "runtime/ashlar_rt.h"

#include <cmath>
#include <limits>

using namespace ashlar;
using namespace ashlar::quantization;
using llvm::Error;

double LayerError::sqnr() const {
  if (noise == 0)
    return std::numeric_limits<double>::infinity();
  return -10 * std::log10(noise);
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
  auto runWith = [&](const std::set<std::string> &left,
                     llvm::function_ref<void(std::vector<data::Tensor>)> each)
      -> llvm::Expected<bool> {
    auto switches = simulated->switchesFor(left);
    if (!switches)
      return switches.takeError();
    return runSamples(
        setup, *compiled,
        [&](const data::Sample &, std::vector<data::Tensor> outputs) {
          each(std::move(outputs));
          return Error::success();
        },
        nullptr, samples, *switches);
  };
  std::set<std::string> left;
  for (const SimulatedModel::Layer &layer : simulated->layers())
    left.insert(layer.node);
  auto done = runWith(left, [&](std::vector<data::Tensor> outputs) {
    errors.addReference(std::move(outputs));
  });
  std::vector<LayerError> result;
  for (const SimulatedModel::Layer &layer : simulated->layers()) {
    if (!done)
      return done.takeError();
    if (!*done)
      return std::nullopt;
    onLayer(result.size(), simulated->layers().size());
    left.erase(layer.node);
    errors.begin();
    done = runWith(
        left, [&](std::vector<data::Tensor> outputs) { errors.add(outputs); });
    left.insert(layer.node);
    result.push_back(
        {layer.node, layer.op, errors.noise(), (**macs)[layer.node]});
  }
  if (!done)
    return done.takeError();
  if (!*done)
    return std::nullopt;
  return std::move(result);
}

llvm::Expected<std::optional<double>>
SimulatedTrials::score(const std::set<std::string> &left,
                       Evaluator &evaluator) {
  if (Error error = prepare())
    return std::move(error);
  auto switches = simulated->switchesFor(left);
  if (!switches)
    return switches.takeError();
  return evaluator.score(*compiled, *switches);
}
