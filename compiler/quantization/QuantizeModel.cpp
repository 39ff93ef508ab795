//===- QuantizeModel.cpp - a float model file to a quantized one ----------===//
#include "compiler/quantization/QuantizeModel.h"

#include "compiler/quantization/FoldIntoConv.h"
#include "compiler/quantization/OtherForms.h"
#include "compiler/quantization/PrepareGraph.h"
#include "compiler/quantization/QdqInsertion.h"
#include "compiler/quantization/TableRanges.h"
#include "compiler/quantization/WidenFloats.h"

#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::quantization;
using llvm::StringRef;

// What cannot be read is reported when the model is quantized.
static void addTensors(ModelGraph &graph, std::vector<std::string> &names) {
  if (llvm::Error error = foldIntoConvolutions(graph))
    return llvm::consumeError(std::move(error));
  auto plan = planQuantization(graph, QuantizeOptions());
  if (!plan)
    return llvm::consumeError(plan.takeError());
  for (const PlannedTensor &tensor : plan->tensors)
    if (tensor.arithmetic && !llvm::is_contained(names, tensor.name))
      names.push_back(tensor.name);
}

std::vector<std::string>
quantization::tensorsToCalibrate(const ModelFile &model) {
  std::unique_ptr<ModelFile> copy = copyOf(model);
  std::vector<std::string> names, inBodies;
  auto places = widenFloats(*copy);
  if (!places) {
    llvm::consumeError(places.takeError());
    return names;
  }
  ModelGraph graph(*copy);
  llvm::cantFail(forEachBody(graph, [&](ModelGraph &body) {
    addTensors(body, inBodies);
    return llvm::Error::success();
  }));
  graph.index();
  addTensors(graph, names);
  for (std::string &name : inBodies)
    if (!llvm::is_contained(names, name))
      names.push_back(std::move(name));
  for (std::string &name : names)
    if (auto place = places->find(name); place != places->end())
      name = place->second;
  return names;
}

namespace {

/// What became of the bodies of If, Loop and Scan.
struct BodyResults {
  int count = 0;
  std::vector<LayerDecision> layers;
  /// How many bodies had it.
  llvm::StringMap<int> warnings;
};

llvm::Error checkSomethingToDo(llvm::ArrayRef<LayerDecision> layers) {
  bool done = !layers.empty();
  std::map<std::string, int> reasons;
  for (const LayerDecision &layer : layers) {
    if (layer.quantized)
      return llvm::Error::success();
    done &= layer.reason == kAlreadyQuantized;
    ++reasons[layer.reason];
  }
  if (layers.empty())
    return llvm::createStringError(
        "nothing to quantize: the model has no layer that multiplies");
  if (done)
    return llvm::createStringError(
        "nothing to quantize: the model is quantized already");
  std::string text = "nothing to quantize";
  for (const auto &[reason, count] : reasons)
    text += (text.back() == 'e' ? ": " : "; ") + std::to_string(count) +
            (count == 1 ? " layer: " : " layers: ") + reason;
  return llvm::createStringError(text);
}

std::string reasonFor(const PlannedLayer &layer,
                      const QuantizeOptions &options) {
  if (!layer.quantized)
    return layer.reason;
  std::string scales = options.perChannelWeights
                           ? " with a scale for each channel"
                           : " with one scale";
  if (options.form == QuantizedForm::Dynamic)
    return "activations quantized when the model runs, s8 weights" + scales;
  if (options.form == QuantizedForm::WeightOnly)
    return "weights in " + std::to_string(options.weightBits) +
           " bits, a scale for " + std::to_string(options.blockSize);
  std::string activations =
      options.signedActivations ? "s8 activations" : "u8 activations";
  if (layer.twoTerms)
    activations += " in two terms";
  if (layer.activations.size() > 1)
    return activations + " on both sides";
  if (layer.weights < 0)
    return activations + ", weights as in the file";
  return activations + ", s8 weights" + scales;
}

std::vector<LayerDecision> describe(const ModelGraph &graph,
                                    const QuantizationPlan &plan,
                                    const QuantizeOptions &options) {
  std::vector<LayerDecision> layers;
  for (const PlannedLayer &layer : plan.layers)
    layers.push_back({graph.nameOf(layer.node),
                      graph.node(layer.node).op_type(), layer.quantized,
                      reasonFor(layer, options), layer.twoTerms});
  return layers;
}

// Warnings of the main graph; those of something that no graph has, where the
// bodies lack it, too.
void warnOfPlan(const QuantizationPlan &plan, const BodyResults &bodies,
                std::vector<std::string> &warnings) {
  int done = llvm::count_if(plan.layers, [](const PlannedLayer &layer) {
    return layer.reason == kAlreadyQuantized;
  });
  if (done)
    warnings.push_back("the model is quantized in part: " +
                       std::to_string(done) + " layers stay as they are");
  for (const std::string &warning : plan.warnings)
    if (!bodies.count || bodies.warnings.lookup(warning) == bodies.count)
      warnings.push_back(warning);
}

llvm::Error located(const ModelFile &model, llvm::Error error) {
  return llvm::createStringError(
      model.name + ": error: " + llvm::toString(std::move(error)));
}

// Inputs that only replaced the weights by default. Before IR version 4 every
// initialiser was such an input, and none was meant.
void warnOfInputs(const ModelFile &source, const ModelGraph &graph,
                  std::vector<std::string> &warnings) {
  if (source.model.ir_version() < 4)
    return;
  std::vector<std::string> gone;
  for (const proto::ValueInfoProto &input : source.model.graph().input())
    if (!graph.isInput(input.name()))
      gone.push_back(input.name());
  if (!gone.empty())
    warnings.push_back("inputs with default values are constants now: " +
                       listOf(gone, 3));
}

// What a table rests on; tables without that number were written by hand.
void warnOfSamples(const CalibrationTable &table,
                   std::vector<std::string> &warnings) {
  if (table.madeUp)
    warnings.push_back("the ranges come from made-up samples (ashlar calibrate "
                       "--random) and say nothing about real inputs");
  else if (table.samples && table.samples < kFewSamples)
    warnings.push_back("the ranges rest on " + std::to_string(table.samples) +
                       (table.samples == 1 ? " sample" : " samples") +
                       "; 100 to 500 are usual");
}

// The forms that need no calibration, for one graph; true if embeddings became
// bytes.
llvm::Expected<bool> quantizeWithoutTable(ModelGraph &graph,
                                          const QuantizeOptions &options,
                                          QuantizationPlan &plan,
                                          std::vector<LayerDecision> &layers) {
  layers = describe(graph, plan, options);
  llvm::Error error = options.form == QuantizedForm::Dynamic
                          ? quantizeDynamically(graph, plan, options)
                          : quantizeWeightsOnly(graph, plan, options);
  if (error)
    return std::move(error);
  for (auto [index, layer] : llvm::enumerate(plan.layers)) {
    layers[index].quantized = layer.quantized;
    layers[index].floatProducts = options.form == QuantizedForm::WeightOnly;
    layers[index].reason = layer.quantized && layer.reason.empty()
                               ? reasonFor(layer, options)
                               : layer.reason;
  }
  auto embeddings = quantizeEmbeddings(graph);
  if (!embeddings)
    return embeddings.takeError();
  return *embeddings > 0;
}

/// Whether the table has anything on the tensors that a plan needs.
bool hasAny(const CalibrationTable &table, const QuantizationPlan &plan) {
  return llvm::any_of(plan.tensors, [&](const PlannedTensor &tensor) {
    return tensor.arithmetic && table.tensors.count(tensor.name);
  });
}

/// Quantizes the main graph and the bodies in it.
class ModelQuantizer {
public:
  ModelQuantizer(ModelGraph &graph, CalibrationTable &table,
                 const QuantizeOptions &options, QuantizedModel &result)
      : graph(graph), table(table), options(options), result(result) {}

  llvm::Error quantize();

private:
  llvm::Error quantizeBody(ModelGraph &body);
  llvm::Error quantizeGraph(ModelGraph &part, QuantizationPlan &plan,
                            std::vector<LayerDecision> &layers);

  ModelGraph &graph;
  CalibrationTable &table;
  const QuantizeOptions &options;
  QuantizedModel &result;
  BodyResults bodies;
  bool embeddings = false;
};

llvm::Error ModelQuantizer::quantizeGraph(ModelGraph &part,
                                          QuantizationPlan &plan,
                                          std::vector<LayerDecision> &layers) {
  if (options.form != QuantizedForm::Static) {
    auto done = quantizeWithoutTable(part, options, plan, layers);
    if (!done)
      return done.takeError();
    embeddings |= *done;
    return llvm::Error::success();
  }
  layers = describe(part, plan, options);
  auto parameters =
      parametersOf(table, plan, options.signedActivations, result.warnings);
  if (!parameters)
    return parameters.takeError();
  return insertQdq(part, plan, *parameters, options);
}

llvm::Error ModelQuantizer::quantizeBody(ModelGraph &body) {
  llvm::StringSet<> unused = unusedConstants(body);
  if (llvm::Error error = foldIntoConvolutions(body))
    return error;
  auto plan = planQuantization(body, options);
  if (!plan)
    return plan.takeError();
  ++bodies.count;
  for (const std::string &warning : plan->warnings)
    ++bodies.warnings[warning];
  // A branch that no sample took has no ranges.
  if (options.form == QuantizedForm::Static && !hasAny(table, *plan))
    for (PlannedLayer &layer : plan->layers)
      if (layer.quantized) {
        layer.quantized = false;
        layer.reason = "no sample of the calibration ran the body it is in";
      }
  std::vector<LayerDecision> layers = describe(body, *plan, options);
  bool something = llvm::any_of(
      plan->layers, [](const PlannedLayer &layer) { return layer.quantized; });
  if (something || options.form != QuantizedForm::Static)
    if (llvm::Error error = quantizeGraph(body, *plan, layers))
      return error;
  llvm::append_range(bodies.layers, layers);
  removeUnusedConstants(body, unused);
  return llvm::Error::success();
}

llvm::Error ModelQuantizer::quantize() {
  llvm::StringSet<> unused = unusedConstants(graph);
  if (llvm::Error error = foldIntoConvolutions(graph))
    return error;
  if (options.form == QuantizedForm::Static) {
    auto corrected = prepareGraph(graph, table, options, result.warnings);
    if (!corrected)
      return corrected.takeError();
  }
  graph.index();
  if (llvm::Error error = forEachBody(
          graph, [&](ModelGraph &body) { return quantizeBody(body); }))
    return error;
  graph.index();
  auto plan = planQuantization(graph, options);
  if (!plan)
    return plan.takeError();
  warnOfPlan(*plan, bodies, result.warnings);
  bool something = llvm::any_of(
      plan->layers, [](const PlannedLayer &layer) { return layer.quantized; });
  result.layers = describe(graph, *plan, options);
  if (options.form != QuantizedForm::Static || something)
    if (llvm::Error error = quantizeGraph(graph, *plan, result.layers))
      return error;
  llvm::append_range(result.layers, bodies.layers);
  if (!embeddings)
    if (llvm::Error nothing = checkSomethingToDo(result.layers))
      return nothing;
  removeUnusedConstants(graph, unused);
  return llvm::Error::success();
}

} // namespace

llvm::Expected<QuantizedModel>
quantization::quantizeModel(const ModelFile &model,
                            const CalibrationTable &table,
                            const QuantizeOptions &options) {
  if (options.form == QuantizedForm::Static)
    if (llvm::Error error = checkTable(model, table))
      return located(model, std::move(error));
  QuantizedModel result;
  result.model = copyOf(model);
  CalibrationTable ranges = table;
  auto widened = widenWithTable(*result.model, ranges);
  if (!widened)
    return located(model, widened.takeError());
  if (*widened)
    result.warnings.push_back(
        "computes in 16-bit floats: what is not quantized computes in f32 now");
  if (options.form == QuantizedForm::Static)
    warnOfSamples(table, result.warnings);
  ModelGraph graph(*result.model);
  if (llvm::Error error =
          ModelQuantizer(graph, ranges, options, result).quantize())
    return located(model, std::move(error));
  warnOfInputs(model, graph, result.warnings);
  return std::move(result);
}
