#include "compiler/quantization/SimulatedModel.h"

#include "compiler/quantization/FoldIntoConv.h"
#include "compiler/quantization/NodeInsertion.h"
#include "compiler/quantization/PrepareGraph.h"
#include "compiler/quantization/TableRanges.h"
#include "compiler/quantization/WidenFloats.h"
#include "runtime/ashlar_rt.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::quantization;
using ashlar::onnx::ElementType;
using llvm::Error;
using llvm::StringRef;

namespace ashlar::quantization {

class SimulationBuilder {
public:
  SimulationBuilder(SimulatedModel &result, const QuantizationPlan &plan,
                    const llvm::StringMap<ActivationParameters> &parameters,
                    const std::vector<CorrectedBias> &biases)
      : result(result), plan(plan), parameters(parameters), biases(biases),
        graph(*result.simulated), constants(graph), insertion(graph) {}

  Error run();

private:
  std::string addSwitch(StringRef tensor, int node, bool twoTerms = false);
  std::string constant(StringRef name, float value);
  void choose(int reader, StringRef tensor, const std::string &condition,
              const std::string &ifOn, const std::string &ifOff);
  void simulateTensor(const PlannedTensor &tensor);
  Error simulateLayer(const PlannedLayer &layer);
  llvm::Expected<std::string> roundBias(const PlannedLayer &layer,
                                        llvm::ArrayRef<float> weightScales);
  Error chooseBias(const PlannedLayer &layer,
                   llvm::ArrayRef<float> weightScales,
                   const std::string &condition);

  SimulatedModel &result;
  const QuantizationPlan &plan;
  const llvm::StringMap<ActivationParameters> &parameters;
  const std::vector<CorrectedBias> &biases;
  ModelGraph graph;
  ModelConstants constants;
  NodeInsertion insertion;
  llvm::StringMap<std::string> leaders;
  /// What a node reads where the model has a tensor.
  std::map<std::pair<int, std::string>, std::string> readNow;
};

} // namespace ashlar::quantization

std::string SimulationBuilder::addSwitch(StringRef tensor, int node,
                                         bool twoTerms) {
  std::string name = graph.uniqueName(
      "switch " + llvm::Twine(unsigned(result.switches.size())));
  result.switches.push_back({name, tensor.str(), graph.nameOf(node), twoTerms});
  proto::ValueInfoProto *input = graph.graph().add_input();
  input->set_name(name);
  proto::TypeProto::Tensor *type = input->mutable_type()->mutable_tensor_type();
  type->set_elem_type(int(ElementType::Bool));
  type->mutable_shape();
  return name;
}

std::string SimulationBuilder::constant(StringRef name, float value) {
  std::string made = graph.uniqueName(name);
  graph.graph().mutable_initializer()->Add(makeFloats(made, {}, {value}));
  return made;
}

// Rounds to the nearest of the values that eight bits have, ties to even ones:
// a sum with 1.5 * 2^23 has no bits behind the point. Two terms count in steps
// of the second, of which the first's are multiples.
void SimulationBuilder::simulateTensor(const PlannedTensor &tensor) {
  ActivationParameters values = parameters.lookup(tensor.leader);
  float low = values.isSigned ? -128 : 0, high = values.isSigned ? 127 : 255;
  if (tensor.twoTerms) {
    ActivationParameters second = secondTermOf(values);
    float steps = std::nearbyint(values.scale / second.scale);
    low = (low - values.zeroPoint) * steps - 128;
    high = (high - values.zeroPoint) * steps + 127;
    values = {second.scale, 0, values.isSigned};
  }
  std::string scale = constant(tensor.name + " scale", values.scale),
              least = constant(tensor.name + " least", low - values.zeroPoint),
              most = constant(tensor.name + " most", high - values.zeroPoint),
              magic = constant(tensor.name + " magic", 0x1.8p23f);
  std::string now = tensor.name;
  auto then = [&](StringRef op, const std::string &operand) {
    std::string made = graph.uniqueName(tensor.name + " " + op);
    insertion.insertBehind(tensor.name,
                           makeNode(op, "", made, {now, operand}, made));
    now = made;
  };
  then("Div", scale);
  then("Min", most);
  then("Max", least);
  then("Add", magic);
  then("Sub", magic);
  then("Mul", scale);
  for (int reader : tensor.readers)
    choose(reader, tensor.name, addSwitch(tensor.name, reader, tensor.twoTerms),
           now, "");
}

// Has `reader` read one of two tensors instead of `tensor`; without `ifOff`
// what it reads so far.
void SimulationBuilder::choose(int reader, StringRef tensor,
                               const std::string &condition,
                               const std::string &ifOn,
                               const std::string &ifOff) {
  std::string made = graph.uniqueName(condition + " " + tensor);
  std::string &now =
      readNow.try_emplace({reader, tensor.str()}, tensor.str()).first->second;
  insertion.insertBefore(
      reader, makeNode("Where", "", made,
                       {condition, ifOn, ifOff.empty() ? now : ifOff}, made));
  for (std::string &input : *graph.node(reader).mutable_input())
    if (input == now)
      input = made;
  now = made;
}

Error SimulationBuilder::simulateLayer(const PlannedLayer &layer) {
  if (!layer.quantized)
    return Error::success();
  const proto::NodeProto &node = graph.node(layer.node);
  result.list.push_back({graph.nameOf(layer.node), node.op_type(),
                         node.input(0), node.output(0), layer.terms,
                         layer.weights >= 0 && !layer.twoTerms});
  if (layer.weights < 0)
    return Error::success();
  std::string name = node.input(layer.weights);
  auto weights = constants.floats(name);
  if (!weights)
    return weights.takeError();
  std::vector<int64_t> channels;
  if (result.options.perChannelWeights && !layer.oneScale)
    channels = channelsAlong((*weights)->shape, layer.channelAxis);
  QuantizedWeights quantized =
      quantizeWeights((*weights)->values, channels, {}, layer.window);
  std::vector<float> rounded;
  for (auto [i, value] : llvm::enumerate(quantized.values))
    rounded.push_back(float(value) *
                      quantized.scales[channels.empty() ? 0 : channels[i]]);
  std::string made = graph.uniqueName(name + " rounded");
  graph.graph().mutable_initializer()->Add(
      makeFloats(made, (*weights)->shape, rounded));
  std::string condition = addSwitch("", layer.node);
  choose(layer.node, name, condition, made, name);
  return chooseBias(layer, quantized.scales, condition);
}

// A bias in steps of the product of both scales.
llvm::Expected<std::string>
SimulationBuilder::roundBias(const PlannedLayer &layer,
                             llvm::ArrayRef<float> weightScales) {
  const proto::NodeProto &node = graph.node(layer.node);
  std::string name = node.input(layer.bias);
  auto found = constants.floats(name);
  if (!found)
    return found.takeError();
  FloatTensor bias = std::move(**found);
  StringRef x = node.input(layer.activations.front());
  auto leader = leaders.find(layer.twoTerms ? leaderInTwoTerms(x) : x.str());
  bool unused =
      graph.is(layer.node, "Gemm") && floatAttribute(node, "beta", 1) == 0;
  if (leader == leaders.end() || unused) // quantized in the file
    return name;
  double step = parameters.lookup(leader->second).scale;
  if (graph.is(layer.node, "Gemm"))
    step *= floatAttribute(node, "alpha", 1) / floatAttribute(node, "beta", 1);
  for (auto [c, value] : llvm::enumerate(bias.values)) {
    double scale = weightScales[weightScales.size() == 1 ? 0 : c] * step;
    value = float(std::nearbyint(value / scale) * scale);
  }
  std::string made = graph.uniqueName(name + " rounded");
  graph.graph().mutable_initializer()->Add(
      makeFloats(made, bias.shape, bias.values));
  return made;
}

// Biases are rounded, and corrected, where weights are rounded.
Error SimulationBuilder::chooseBias(const PlannedLayer &layer,
                                    llvm::ArrayRef<float> weightScales,
                                    const std::string &condition) {
  std::string name = graph.nameOf(layer.node), ifOn, ifOff;
  if (layer.bias >= 0) {
    auto rounded = roundBias(layer, weightScales);
    if (!rounded)
      return rounded.takeError();
    ifOn = *rounded;
    ifOff = graph.node(layer.node).input(layer.bias);
  }
  std::string tensor = ifOff;
  for (const CorrectedBias &bias : biases) {
    if (bias.layer != name)
      continue;
    tensor = bias.made;
    if (ifOn.empty())
      ifOn = bias.made;
    ifOff =
        bias.before.empty() ? constant(bias.made + " before", 0) : bias.before;
  }
  if (tensor.empty())
    return Error::success();
  // A tensor may be the bias of several layers.
  for (int reader : graph.consumersOf(tensor))
    if (layer.bias < 0 || reader == layer.node)
      choose(reader, tensor, condition, ifOn, ifOff);
  return Error::success();
}

Error SimulationBuilder::run() {
  for (const PlannedTensor &tensor : plan.tensors)
    leaders[tensor.twoTerms ? tensor.leader : tensor.name] = tensor.leader;
  for (const PlannedLayer &layer : plan.layers)
    if (Error error = simulateLayer(layer))
      return error;
  for (const PlannedTensor &tensor : plan.tensors)
    simulateTensor(tensor);
  insertion.apply();
  return Error::success();
}

llvm::Expected<std::unique_ptr<SimulatedModel>>
SimulatedModel::create(const ModelFile &model, const CalibrationTable &given,
                       const QuantizeOptions &options) {
  std::unique_ptr<SimulatedModel> result(new SimulatedModel());
  result->options = options;
  result->prepared = copyOf(model);
  CalibrationTable table = given;
  if (auto widened = widenWithTable(*result->prepared, table); !widened)
    return widened.takeError();
  result->graph = std::make_unique<ModelGraph>(*result->prepared);
  std::vector<std::string> warnings;
  if (Error error = foldIntoConvolutions(*result->graph))
    return std::move(error);
  auto biases = prepareGraph(*result->graph, table, options, warnings);
  if (!biases)
    return biases.takeError();
  auto plan = planQuantization(*result->graph, options);
  if (!plan)
    return plan.takeError();
  // In two terms, too, whatever may be.
  QuantizeOptions everywhere = options;
  everywhere.twoTermNodes = {"."};
  auto inTwoTerms = planQuantization(*result->graph, everywhere);
  if (!inTwoTerms)
    return inTwoTerms.takeError();
  llvm::erase_if(plan->tensors,
                 [](const PlannedTensor &tensor) { return tensor.twoTerms; });
  for (const PlannedTensor &tensor : inTwoTerms->tensors)
    if (tensor.twoTerms)
      plan->tensors.push_back(tensor);
  auto parameters =
      parametersOf(table, *plan, options.signedActivations, warnings);
  if (!parameters)
    return parameters.takeError();
  result->simulated = copyOf(*result->prepared);
  if (Error error =
          SimulationBuilder(*result, *plan, *parameters, *biases).run())
    return std::move(error);
  return std::move(result);
}

llvm::Expected<std::vector<data::Tensor>>
SimulatedModel::switchesFor(const LayerForms &forms) const {
  QuantizeOptions now = options;
  now.chosen = forms;
  auto plan = planQuantization(*graph, now);
  if (!plan)
    return plan.takeError();
  std::map<std::pair<std::string, bool>, std::set<std::string>> readers;
  for (const PlannedTensor &tensor : plan->tensors)
    for (int reader : tensor.readers)
      readers[{tensor.name, tensor.twoTerms}].insert(graph->nameOf(reader));
  std::vector<data::Tensor> values;
  for (const Switch &one : switches) {
    auto found = readers.find({one.tensor, one.twoTerms});
    bool on = one.tensor.empty()
                  ? !forms.inFloats.count(one.node)
                  : found != readers.end() && found->second.count(one.node);
    data::Tensor &value = values.emplace_back();
    value.name = one.input;
    value.dtype = ASHLAR_BOOL;
    value.bytes = {uint8_t(on)};
  }
  return std::move(values);
}
