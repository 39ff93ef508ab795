#include "compiler/quantization/Evaluate.h"

using namespace ashlar;
using namespace ashlar::quantization;
using llvm::Error;

// Outputs of the reference that are kept instead of computed again.
static constexpr uint64_t kKeptBytes = uint64_t(256) << 20;

llvm::Expected<bool> ashlar::quantization::runSamples(
    const EvaluationSetup &setup, const LoadedModel &model,
    llvm::function_ref<Error(const data::Sample &, std::vector<data::Tensor>)>
        each,
    TensorObserver *observer, uint64_t limit, const MoreInputs &more) {
  auto runner = ModelRunner::create(model, setup.threads);
  if (!runner)
    return runner.takeError();
  // Samples do not hold the other inputs.
  ashlar_model_info info = model.info();
  std::vector<ashlar_tensor_info> tensors(
      info.tensors, info.tensors + info.num_inputs + info.num_outputs);
  info.num_inputs -= uint32_t(more.size());
  tensors.erase(tensors.begin() + info.num_inputs,
                tensors.begin() + info.num_inputs + more.size());
  info.tensors = tensors.data();
  auto samples = setup.open(info);
  if (!samples)
    return samples.takeError();
  for (uint64_t index = 0; index != limit; ++index) {
    auto sample = (*samples)->next();
    if (!sample)
      return sample.takeError();
    if (!*sample)
      break;
    auto failure = [&](Error error) {
      return llvm::createStringError(
          (*sample)->name + ": error: " + llvm::toString(std::move(error)));
    };
    std::vector<data::Tensor> inputs = (*sample)->inputs;
    llvm::append_range(inputs, more);
    if (Error error = (*runner)->bind(std::move(inputs)))
      return failure(std::move(error));
    if (Error error = (*runner)->execute(nullptr, observer))
      return failure(std::move(error));
    if (Error error = each(**sample, (*runner)->outputs()))
      return std::move(error);
    if (setup.onSample && !setup.onSample(index + 1))
      return false;
  }
  return true;
}

llvm::Expected<std::optional<double>>
Evaluator::setReference(const ModelFile &model) {
  auto compiled = setup.compile(model, nullptr);
  if (!compiled)
    return compiled.takeError();
  auto scorer =
      makeScorer(metric, data::outputSpecs((*compiled)->info()), labels);
  if (!scorer)
    return scorer.takeError();
  kept.clear();
  keptBytes = 0;
  auto done =
      runSamples(setup, **compiled,
                 [&](const data::Sample &sample,
                     std::vector<data::Tensor> outputs) -> Error {
                   if (!needsReference())
                     return (*scorer)->add(sample.name, outputs, nullptr);
                   uint64_t bytes = 0;
                   for (const data::Tensor &tensor : outputs)
                     bytes += tensor.bytes.size();
                   if (keptBytes + bytes <= kKeptBytes) {
                     keptBytes += bytes;
                     kept.push_back(std::move(outputs));
                   } else {
                     keptBytes = kKeptBytes; // the first ones only
                   }
                   return Error::success();
                 });
  if (!done)
    return done.takeError();
  if (!*done)
    return std::nullopt;
  if (!needsReference())
    return (*scorer)->score();
  auto runner = ModelRunner::create(**compiled, setup.threads);
  if (!runner)
    return runner.takeError();
  referenceRunner = std::move(*runner);
  reference = std::move(*compiled);
  return metric.perfect();
}

llvm::Expected<std::vector<data::Tensor> *>
Evaluator::referenceOutputs(const data::Sample &sample, uint64_t index) {
  if (index < kept.size())
    return &kept[index];
  if (Error error = referenceRunner->bind(sample.inputs))
    return std::move(error);
  if (Error error = referenceRunner->execute())
    return std::move(error);
  latest = referenceRunner->outputs();
  return &latest;
}

llvm::Expected<std::optional<double>> Evaluator::score(const ModelFile &model) {
  auto compiled = setup.compile(model, nullptr);
  if (!compiled)
    return compiled.takeError();
  return score(**compiled, {});
}

llvm::Expected<std::optional<double>> Evaluator::score(const LoadedModel &model,
                                                       const MoreInputs &more) {
  auto scorer = makeScorer(metric, data::outputSpecs(model.info()), labels);
  if (!scorer)
    return scorer.takeError();
  uint64_t index = 0;
  auto done = runSamples(
      setup, model,
      [&](const data::Sample &sample,
          std::vector<data::Tensor> outputs) -> Error {
        if (!needsReference())
          return (*scorer)->add(sample.name, outputs, nullptr);
        auto expected = referenceOutputs(sample, index++);
        if (!expected)
          return expected.takeError();
        return (*scorer)->add(sample.name, outputs, *expected);
      },
      nullptr, UINT64_MAX, more);
  if (!done)
    return done.takeError();
  if (!*done)
    return std::nullopt;
  return (*scorer)->score();
}
