//===- QuantizeModel.cpp - a float model file to a quantized one ----------===//
#include "compiler/quantization/QuantizeModel.h"

#include "compiler/quantization/BiasCorrection.h"
#include "compiler/quantization/FoldIntoConv.h"
#include "compiler/quantization/Migration.h"
#include "compiler/quantization/OtherForms.h"
#include "compiler/quantization/QdqInsertion.h"
#include "compiler/quantization/RaiseOpset.h"

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

/// Names in quotes, the first of them if there are many.
std::string listOf(llvm::ArrayRef<std::string> names, size_t most = 20) {
  std::string text;
  for (const std::string &name : names.take_front(most))
    text += (text.empty() ? "'" : ", '") + name + "'";
  if (names.size() > most)
    text += " and " + std::to_string(names.size() - most) + " more";
  return text;
}

class TableReader {
public:
  TableReader(const CalibrationTable &table, const QuantizationPlan &plan,
              bool isSigned)
      : table(table), plan(plan), isSigned(isSigned) {}

  /// Parameters of each leader; every problem of the table is in the error.
  llvm::Expected<llvm::StringMap<ActivationParameters>>
  read(std::vector<std::string> &warnings);

private:
  struct Range {
    double minimum = 0, maximum = 0;
  };
  void include(const PlannedTensor &tensor);

  const CalibrationTable &table;
  const QuantizationPlan &plan;
  bool isSigned;
  std::map<std::string, Range> ranges;
  std::vector<std::string> missing, unseen, wrong, flat;
};

void TableReader::include(const PlannedTensor &tensor) {
  auto found = table.tensors.find(tensor.name);
  if (found == table.tensors.end()) {
    missing.push_back(tensor.name);
    return;
  }
  const TensorStatistics &seen = found->second;
  if (!std::isfinite(seen.minimum) || !std::isfinite(seen.maximum) ||
      seen.minimum > seen.maximum) {
    wrong.push_back(tensor.name);
    return;
  }
  if (seen.minimum == 0 && seen.maximum == 0)
    flat.push_back(tensor.name);
  Range &range = ranges[tensor.leader];
  range.minimum = std::min(range.minimum, seen.minimum);
  range.maximum = std::max(range.maximum, seen.maximum);
}

llvm::Expected<llvm::StringMap<ActivationParameters>>
TableReader::read(std::vector<std::string> &warnings) {
  for (const PlannedTensor &tensor : plan.tensors)
    if (tensor.arithmetic)
      include(tensor);
  std::vector<std::string> problems;
  if (!missing.empty())
    problems.push_back("the table lacks the tensors " + listOf(missing));
  if (!wrong.empty())
    problems.push_back("the table has no usable range (finite, minimum not "
                       "above maximum) for the tensors " +
                       listOf(wrong));
  if (!problems.empty())
    return llvm::createStringError(llvm::join(problems, "; "));
  if (!flat.empty())
    warnings.push_back("only zeros were seen in the tensors " + listOf(flat) +
                       ": whatever else comes there will be wrong");
  llvm::StringMap<ActivationParameters> result;
  for (const auto &[leader, range] : ranges)
    result[leader] = chooseParameters(range.minimum, range.maximum, isSigned);
  return result;
}

// Tensors of the table that the model does not have.
llvm::Error checkTable(const ModelFile &model, const ModelGraph &graph,
                       const CalibrationTable &table) {
  std::vector<std::string> problems, unknown;
  if (!table.modelHash.empty() && table.modelHash != hashOfModel(model))
    problems.push_back("the calibration table was made for another model (its "
                       "hash differs)");
  for (const auto &[name, statistics] : table.tensors)
    if (graph.producerOf(name) < 0 && !graph.isInput(name) &&
        !graph.isConstant(name))
      unknown.push_back(name);
  if (!unknown.empty())
    problems.push_back(
        "the table names tensors that the model does not have: " +
        listOf(unknown));
  if (problems.empty())
    return llvm::Error::success();
  return llvm::createStringError(llvm::join(problems, "; "));
}

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

// ONNX Runtime needs an opset that has integer operators.
void raiseOldOpset(ModelGraph &graph, std::vector<std::string> &warnings) {
  int64_t opset = graph.opset();
  if (opset >= kFirstIntegerOpset)
    return;
  if (llvm::Error error = raiseOpset(graph.modelFile().model))
    warnings.push_back(llvm::toString(std::move(error)) +
                       "; ONNX Runtime will not load the result");
  else
    warnings.push_back("opset " + std::to_string(opset) + " became " +
                       std::to_string(kFirstIntegerOpset) +
                       ", where integer operators begin");
  graph.index();
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
  raiseOldOpset(graph, result.warnings);
  auto migrated = migrateScales(graph, table, options);
  if (!migrated)
    return migrated.takeError();
  if ((options.equalize || options.migrate) && migrated->empty())
    result.warnings.push_back(
        "no scales were moved between activations and weights: no channels "
        "that differ, with statistics in the table, allow it");
  if (options.correctBias) {
    auto corrected = correctBiases(graph, table, options);
    if (!corrected)
      return corrected.takeError();
    if (*corrected == 0)
      result.warnings.push_back("no bias was corrected: the table has no means "
                                "of what the layers read");
  }
  auto plan = planQuantization(graph, options);
  if (!plan)
    return plan.takeError();
  describe(graph, *plan, options, result);
  if (llvm::Error error = checkSomethingToDo(*plan))
    return error;
  auto parameters = TableReader(table, *plan, options.signedActivations)
                        .read(result.warnings);
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
