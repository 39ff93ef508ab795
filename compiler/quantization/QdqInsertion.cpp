//===- QdqInsertion.cpp - a plan carried out ------------------------------===//
#include "compiler/quantization/QdqInsertion.h"

#include "compiler/quantization/FoldIntoConv.h"
#include "compiler/quantization/NodeInsertion.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::quantization;
using ashlar::onnx::ElementType;
using llvm::StringRef;

namespace {

// Sums of products with bytes stay below 2^30; so must what is added to them.
constexpr double kGreatestBias = 0x1p30;

class QdqInserter {
public:
  QdqInserter(ModelGraph &graph, const QuantizationPlan &plan,
              const llvm::StringMap<ActivationParameters> &parameters,
              const QuantizeOptions &options)
      : graph(graph), plan(plan), parameters(parameters), options(options),
        constants(graph), insertion(graph),
        domain(domainOfQuantization(graph, options.perChannelWeights)) {}

  llvm::Error run();

private:
  struct Written {
    std::string integers, scale, zeroPoint;
    std::vector<float> scales;
    bool perChannel = false;
  };

  void quantizeTensor(const PlannedTensor &tensor);
  void quantizeInTwoTerms(const PlannedTensor &tensor);
  void multiplyTwice(int node, const std::string &first,
                     const std::string &second);
  std::pair<std::string, std::string>
  addParameters(const std::string &name, const ActivationParameters &values);
  std::string insertRounding(StringRef behind, const std::string &tensor,
                             const std::pair<std::string, std::string> &names);
  llvm::Error quantizeLayer(const PlannedLayer &layer);
  llvm::Expected<float> activationScale(const PlannedLayer &layer);
  std::vector<double> leastScales(const PlannedLayer &layer,
                                  const std::optional<FloatTensor> &bias,
                                  double activation, int64_t channels) const;
  Written writeWeights(const PlannedLayer &layer, StringRef name,
                       const FloatTensor &weights,
                       llvm::ArrayRef<double> least);
  void writeBias(const PlannedLayer &layer, const FloatTensor &bias,
                 float activation, const Written &weights);
  proto::NodeProto makeQuantization(StringRef op, StringRef name,
                                    llvm::ArrayRef<std::string> inputs,
                                    StringRef output,
                                    std::optional<int64_t> axis) {
    return makeNode(op, domain, graph.uniqueName(name), inputs, output, axis);
  }
  void addDequantize(int reader, int operand, StringRef name,
                     const Written &written, std::optional<int64_t> axis);

  ModelGraph &graph;
  const QuantizationPlan &plan;
  const llvm::StringMap<ActivationParameters> &parameters;
  const QuantizeOptions &options;
  ModelConstants constants;
  NodeInsertion insertion;
  StringRef domain;
  /// Scale and zero point of each leader.
  llvm::StringMap<std::pair<std::string, std::string>> written;
  llvm::StringMap<std::vector<Written>> weightsWritten;
  llvm::StringMap<std::string> leaders;
};

StringRef bytesOf(llvm::ArrayRef<int8_t> values) {
  return StringRef(reinterpret_cast<const char *>(values.data()),
                   values.size());
}

// Scale and zero point, by name.
std::pair<std::string, std::string>
QdqInserter::addParameters(const std::string &name,
                           const ActivationParameters &values) {
  std::string scale = graph.uniqueName(name + "_scale"),
              zeroPoint = graph.uniqueName(name + "_zero_point");
  addInitializer(graph, makeFloats(scale, {}, {values.scale}));
  int8_t zero = int8_t(values.zeroPoint);
  addInitializer(graph, makeTensor(zeroPoint,
                                   values.isSigned ? ElementType::Int8
                                                   : ElementType::Uint8,
                                   {}, bytesOf(zero)));
  return {scale, zeroPoint};
}

// A tensor to bytes and back, behind what makes `behind`.
std::string
QdqInserter::insertRounding(StringRef behind, const std::string &tensor,
                            const std::pair<std::string, std::string> &names) {
  std::string integers = graph.uniqueName(tensor + "_QuantizeLinear_Output"),
              reals = graph.uniqueName(tensor + "_DequantizeLinear_Output");
  insertion.insertBehind(
      behind, makeQuantization("QuantizeLinear", tensor + "_QuantizeLinear",
                               {tensor, names.first, names.second}, integers,
                               std::nullopt));
  insertion.insertBehind(
      behind, makeQuantization("DequantizeLinear", tensor + "_DequantizeLinear",
                               {integers, names.first, names.second}, reals,
                               std::nullopt));
  return reals;
}

// The second product, without the bias, and the sum of both.
void QdqInserter::multiplyTwice(int index, const std::string &first,
                                const std::string &second) {
  proto::NodeProto &node = graph.node(index);
  std::string result = node.output(0), name = graph.nameOf(index);
  proto::NodeProto other = node;
  node.set_input(0, first);
  node.set_output(0, graph.uniqueName(result + "_first_product"));
  other.set_input(0, second);
  other.set_name(graph.uniqueName(name + "_of_second_term"));
  other.set_output(0, graph.uniqueName(result + "_second_product"));
  if (other.input_size() > 2)
    other.mutable_input()->DeleteSubrange(2, other.input_size() - 2);
  if (graph.is(index, "Gemm") && graph.opset() < 11) {
    std::string zero = graph.uniqueName(name + "_no_bias");
    addInitializer(graph, makeFloats(zero, {1}, {0}));
    other.add_input(zero);
  }
  proto::NodeProto sum =
      makeNode("Add", "", graph.uniqueName(name + "_of_both_terms"),
               {node.output(0), other.output(0)}, result);
  insertion.insertBehind(result, std::move(other));
  insertion.insertBehind(result, std::move(sum));
}

// What the first term loses is rounded to the second: x is nearly their sum.
void QdqInserter::quantizeInTwoTerms(const PlannedTensor &tensor) {
  ActivationParameters values = parameters.lookup(tensor.leader);
  std::string lost = graph.uniqueName(tensor.name + "_second_term");
  std::string first =
      insertRounding(tensor.name, tensor.name,
                     addParameters(tensor.name + "_first_term", values));
  insertion.insertBehind(tensor.name,
                         makeNode("Sub", "", graph.uniqueName(lost + "_Sub"),
                                  {tensor.name, first}, lost));
  std::string second = insertRounding(
      tensor.name, lost, addParameters(lost, secondTermOf(values)));
  for (int reader : tensor.readers)
    multiplyTwice(reader, first, second);
}

void QdqInserter::quantizeTensor(const PlannedTensor &tensor) {
  auto &names = written[tensor.leader];
  if (names.first.empty())
    names = addParameters(tensor.leader, parameters.lookup(tensor.leader));
  std::string reals = insertRounding(tensor.name, tensor.name, names);
  for (int reader : tensor.readers)
    for (std::string &input : *graph.node(reader).mutable_input())
      if (input == tensor.name)
        input = reals;
}

// The scale of a layer's activation, chosen or from the file.
llvm::Expected<float> QdqInserter::activationScale(const PlannedLayer &layer) {
  StringRef x = graph.node(layer.node).input(layer.activations.front());
  if (layer.twoTerms)
    return parameters.lookup(leaderInTwoTerms(x)).scale;
  if (auto leader = leaders.find(x); leader != leaders.end())
    return parameters.lookup(leader->second).scale;
  int producer = graph.producerOf(x);
  std::optional<float> scale;
  if (producer >= 0 && graph.node(producer).input_size() > 1)
    scale = constants.scalar(graph.node(producer).input(1));
  if (!scale)
    return llvm::createStringError(
        "\"" + graph.nameOf(layer.node) + "\": its activation '" + x +
        "' is dequantized with a scale that is not one constant");
  return *scale;
}

// Scales of weights below which the bias would not fit 32 bits.
std::vector<double>
QdqInserter::leastScales(const PlannedLayer &layer,
                         const std::optional<FloatTensor> &bias,
                         double activation, int64_t channels) const {
  std::vector<double> least;
  if (!bias)
    return least;
  least.assign(options.perChannelWeights ? channels : 1, 0.0);
  for (int64_t c = 0; c != channels; ++c) {
    double value = bias->values[bias->size() == 1 ? 0 : c];
    double &entry = least[options.perChannelWeights ? c : 0];
    entry = std::max(entry, std::fabs(value) / (activation * kGreatestBias));
  }
  return least;
}

QdqInserter::Written QdqInserter::writeWeights(const PlannedLayer &layer,
                                               StringRef name,
                                               const FloatTensor &weights,
                                               llvm::ArrayRef<double> least) {
  bool perChannel = options.perChannelWeights && !layer.oneScale;
  std::vector<int64_t> channels;
  if (perChannel)
    channels = channelsAlong(weights.shape, layer.channelAxis);
  QuantizedWeights quantized =
      quantizeWeights(weights.values, channels, least, layer.window);
  std::vector<Written> &known =
      weightsWritten[(name + "@" + llvm::Twine(layer.channelAxis)).str()];
  for (const Written &one : known)
    if (one.scales == quantized.scales && one.perChannel == perChannel)
      return one;
  Written made;
  made.scales = quantized.scales;
  made.perChannel = perChannel;
  made.integers = graph.uniqueName(name + "_quantized");
  made.scale = graph.uniqueName(name + "_scale");
  made.zeroPoint = graph.uniqueName(name + "_zero_point");
  std::vector<int64_t> list;
  if (perChannel)
    list.push_back(int64_t(made.scales.size()));
  addInitializer(graph, makeTensor(made.integers, ElementType::Int8,
                                   weights.shape, bytesOf(quantized.values)));
  addInitializer(graph, makeFloats(made.scale, list, made.scales));
  std::vector<int8_t> zeros(made.scales.size(), 0);
  addInitializer(graph, makeTensor(made.zeroPoint, ElementType::Int8, list,
                                   bytesOf(zeros)));
  known.push_back(made);
  return made;
}

void QdqInserter::addDequantize(int reader, int operand, StringRef name,
                                const Written &made,
                                std::optional<int64_t> axis) {
  std::string reals = graph.uniqueName(name + "_DequantizeLinear_Output");
  insertion.insertBefore(
      reader, makeQuantization(
                  "DequantizeLinear", (name + "_DequantizeLinear").str(),
                  {made.integers, made.scale, made.zeroPoint}, reals, axis));
  graph.node(reader).set_input(operand, reals);
}

// The bias counts in steps of the product of both scales, so that it can be
// added to the sums.
void QdqInserter::writeBias(const PlannedLayer &layer, const FloatTensor &bias,
                            float activation, const Written &weights) {
  StringRef name = graph.node(layer.node).input(layer.bias);
  auto shape = constants.floats(
      graph.node(layer.node).input(layer.weights)); // for the channels
  int64_t channels = int64_t(weights.scales.size());
  if (shape && *shape)
    channels = (*shape)->shape[layer.channelAxis];
  else
    llvm::consumeError(shape.takeError());
  Written made;
  made.perChannel = weights.perChannel;
  for (float scale : weights.scales)
    made.scales.push_back(activation * scale);
  std::vector<int32_t> integers;
  for (int64_t c = 0; c != channels; ++c) {
    double scale = made.scales[made.perChannel ? c : 0];
    double steps =
        std::nearbyint(bias.values[bias.size() == 1 ? 0 : c] / scale);
    integers.push_back(int32_t(std::clamp(steps, -0x1p31, 0x1p31 - 1)));
  }
  made.integers = graph.uniqueName(name + "_quantized");
  made.scale = graph.uniqueName(name + "_quantized_scale");
  made.zeroPoint = graph.uniqueName(name + "_quantized_zero_point");
  std::vector<int64_t> list;
  if (made.perChannel)
    list.push_back(channels);
  auto words = [](const std::vector<int32_t> &values) {
    return StringRef(reinterpret_cast<const char *>(values.data()),
                     values.size() * sizeof(int32_t));
  };
  addInitializer(graph, makeTensor(made.integers, ElementType::Int32,
                                   {channels}, words(integers)));
  addInitializer(graph, makeFloats(made.scale, list, made.scales));
  addInitializer(graph,
                 makeTensor(made.zeroPoint, ElementType::Int32, list,
                            words(std::vector<int32_t>(made.scales.size()))));
  std::optional<int64_t> axis;
  if (made.perChannel)
    axis = 0;
  addDequantize(layer.node, layer.bias, name, made, axis);
}

llvm::Error QdqInserter::quantizeLayer(const PlannedLayer &layer) {
  if (!layer.quantized || layer.weights < 0)
    return llvm::Error::success();
  proto::NodeProto &node = graph.node(layer.node);
  std::string name = node.input(layer.weights);
  auto weights = constants.floats(name);
  if (!weights)
    return weights.takeError();
  auto activation = activationScale(layer);
  if (!activation)
    return activation.takeError();
  std::optional<FloatTensor> bias;
  if (layer.bias >= 0) {
    auto found = constants.floats(node.input(layer.bias));
    if (!found)
      return found.takeError();
    bias = std::move(*found);
  }
  std::string suffix;
  if (graph.is(layer.node, "Gemm")) {
    float alpha = floatAttribute(node, "alpha", 1),
          beta = floatAttribute(node, "beta", 1);
    if (alpha != 1)
      name = graph.uniqueName(name + "_scaled");
    for (float &value : (*weights)->values)
      value *= alpha;
    removeAttribute(node, "alpha");
    if (bias) {
      for (float &value : bias->values)
        value *= beta;
      removeAttribute(node, "beta");
    }
  }
  int64_t channels = (*weights)->shape[layer.channelAxis];
  Written made = writeWeights(layer, name, **weights,
                              leastScales(layer, bias, *activation, channels));
  if (bias)
    writeBias(layer, *bias, *activation, made);
  std::optional<int64_t> axis;
  if (made.perChannel)
    axis = layer.channelAxis;
  addDequantize(layer.node, layer.weights, name, made, axis);
  return llvm::Error::success();
}

llvm::Error QdqInserter::run() {
  for (const PlannedTensor &tensor : plan.tensors)
    if (!tensor.twoTerms)
      leaders[tensor.name] = tensor.leader;
  // Layers first: they are found by the names that their inputs have now.
  for (const PlannedLayer &layer : plan.layers)
    if (llvm::Error error = quantizeLayer(layer))
      return error;
  for (const PlannedTensor &tensor : plan.tensors)
    if (tensor.twoTerms)
      quantizeInTwoTerms(tensor);
    else
      quantizeTensor(tensor);
  insertion.apply();
  importDomain(graph, domain);
  return llvm::Error::success();
}

} // namespace

llvm::Error
quantization::insertQdq(ModelGraph &graph, const QuantizationPlan &plan,
                        const llvm::StringMap<ActivationParameters> &parameters,
                        const QuantizeOptions &options) {
  return QdqInserter(graph, plan, parameters, options).run();
}
