//===- QuantizeModel.cpp - a float model file to a quantized one ----------===//
#include "compiler/quantization/QuantizeModel.h"

#include "compiler/quantization/FoldIntoConv.h"
#include "compiler/quantization/OtherForms.h"
#include "compiler/quantization/PrepareGraph.h"
#include "compiler/quantization/QdqInsertion.h"
#include "compiler/quantization/TableRanges.h"

#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::quantization;
using llvm::StringRef;

std::vector<std::string>
quantization::tensorsToCalibrate(const ModelFile &model) {
  std::unique_ptr<ModelFile> copy = copyOf(model);
  ModelGraph graph(*copy);
  std::vector<std::string> names;
  // What cannot be read is reported when the model is quantized.
  if (llvm::Error error = foldIntoConvolutions(graph)) {
    llvm::consumeError(std::move(error));
    return names;
  }
  auto plan = planQuantization(graph, QuantizeOptions());
  if (!plan) {
    llvm::consumeError(plan.takeError());
    return names;
  }
  for (const PlannedTensor &tensor : plan->tensors)
    if (tensor.arithmetic)
      names.push_back(tensor.name);
  return names;
}

namespace {

llvm::Error checkSomethingToDo(const QuantizationPlan &plan) {
  bool done = !plan.layers.empty();
  std::map<std::string, int> reasons;
  for (const PlannedLayer &layer : plan.layers) {
    if (layer.quantized)
      return llvm::Error::success();
    done &= layer.reason == kAlreadyQuantized;
    ++reasons[layer.reason];
  }
  if (plan.layers.empty())
    return llvm::createStringError(
        "nothing to quantize: the model's main graph has no layer that "
        "multiplies");
  if (done)
    return llvm::createStringError(
        "nothing to quantize: the model is quantized already");
  std::string text = "nothing to quantize";
  for (const auto &[reason, count] : reasons)
    text += (text.back() == 'e' ? ": " : "; ") + std::to_string(count) +
            (count == 1 ? " layer: " : " layers: ") + reason;
  return llvm::createStringError(text);
}

// Layers inside of If, Loop and Scan.
void addSubgraphLayers(const proto::GraphProto &body,
                       std::vector<LayerDecision> &layers) {
  for (const proto::NodeProto &node : body.node()) {
    StringRef op = node.op_type();
    if (op == "Conv" || op == "ConvTranspose" || op == "MatMul" ||
        op == "Gemm" || op == "LSTM" || op == "GRU" || op == "RNN" ||
        op == "Einsum")
      layers.push_back({node.name(), op.str(), false,
                        "it is in the body of an If, Loop or Scan"});
    for (const proto::AttributeProto &attribute : node.attribute()) {
      if (attribute.has_g())
        addSubgraphLayers(attribute.g(), layers);
      for (const proto::GraphProto &inner : attribute.graphs())
        addSubgraphLayers(inner, layers);
    }
  }
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
  if (layer.activations.size() > 1)
    return activations + " on both sides";
  if (layer.weights < 0)
    return activations + ", weights as in the file";
  return activations + ", s8 weights" + scales;
}

void describe(const ModelGraph &graph, const QuantizationPlan &plan,
              const QuantizeOptions &options, QuantizedModel &result) {
  for (const PlannedLayer &layer : plan.layers)
    result.layers.push_back({graph.nameOf(layer.node),
                             graph.node(layer.node).op_type(), layer.quantized,
                             reasonFor(layer, options)});
  for (const proto::NodeProto &node : graph.graph().node())
    for (const proto::AttributeProto &attribute : node.attribute()) {
      if (attribute.has_g())
        addSubgraphLayers(attribute.g(), result.layers);
      for (const proto::GraphProto &inner : attribute.graphs())
        addSubgraphLayers(inner, result.layers);
    }
  int done = llvm::count_if(plan.layers, [](const PlannedLayer &layer) {
    return layer.reason == kAlreadyQuantized;
  });
  if (done)
    result.warnings.push_back(
        "the model is quantized in part: " + std::to_string(done) +
        " layers stay as they are");
  for (const std::string &warning : plan.warnings)
    result.warnings.push_back(warning);
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

// The forms that need no calibration.
llvm::Error quantizeWithoutTable(const ModelFile &source, ModelGraph &graph,
                                 const llvm::StringSet<> &unused,
                                 const QuantizeOptions &options,
                                 QuantizedModel &result) {
  auto plan = planQuantization(graph, options);
  if (!plan)
    return plan.takeError();
  std::vector<LayerDecision> &layers = result.layers;
  describe(graph, *plan, options, result);
  llvm::Error error = options.form == QuantizedForm::Dynamic
                          ? quantizeDynamically(graph, *plan, options)
                          : quantizeWeightsOnly(graph, *plan, options);
  if (error)
    return error;
  for (auto [index, layer] : llvm::enumerate(plan->layers)) {
    layers[index].quantized = layer.quantized;
    layers[index].floatProducts = options.form == QuantizedForm::WeightOnly;
    layers[index].reason = layer.quantized && layer.reason.empty()
                               ? reasonFor(layer, options)
                               : layer.reason;
  }
  auto embeddings = quantizeEmbeddings(graph);
  if (!embeddings)
    return embeddings.takeError();
  if (*embeddings == 0)
    if (llvm::Error nothing = checkSomethingToDo(*plan))
      return nothing;
  removeUnusedConstants(graph, unused);
  warnOfInputs(source, graph, result.warnings);
  return llvm::Error::success();
}

llvm::Error quantize(const ModelFile &source, ModelGraph &graph,
                     CalibrationTable table, const QuantizeOptions &options,
                     QuantizedModel &result) {
  if (options.form == QuantizedForm::Static)
    if (llvm::Error error = checkTable(source, graph, table))
      return error;
  llvm::StringSet<> unused = unusedConstants(graph);
  if (llvm::Error error = foldIntoConvolutions(graph))
    return error;
  if (options.form != QuantizedForm::Static)
    return quantizeWithoutTable(source, graph, unused, options, result);
  auto corrected = prepareGraph(graph, table, options, result.warnings);
  if (!corrected)
    return corrected.takeError();
  auto plan = planQuantization(graph, options);
  if (!plan)
    return plan.takeError();
  describe(graph, *plan, options, result);
  if (llvm::Error error = checkSomethingToDo(*plan))
    return error;
  auto parameters =
      parametersOf(table, *plan, options.signedActivations, result.warnings);
  if (!parameters)
    return parameters.takeError();
  if (llvm::Error error = insertQdq(graph, *plan, *parameters, options))
    return error;
  removeUnusedConstants(graph, unused);
  warnOfInputs(source, graph, result.warnings);
  return llvm::Error::success();
}

} // namespace

llvm::Expected<QuantizedModel>
quantization::quantizeModel(const ModelFile &model,
                            const CalibrationTable &table,
                            const QuantizeOptions &options) {
  QuantizedModel result;
  result.model = copyOf(model);
  ModelGraph graph(*result.model);
  if (llvm::Error error = quantize(model, graph, table, options, result))
    return located(model, std::move(error));
  return std::move(result);
}
