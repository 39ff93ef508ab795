//===- BiasCorrection.cpp - means that rounding of weights moves ----------===//
#include "compiler/quantization/BiasCorrection.h"

#include "compiler/quantization/FoldIntoConv.h"
#include "compiler/quantization/Migration.h"
#include "compiler/quantization/QuantizationParameters.h"

using namespace ashlar;
using namespace ashlar::quantization;
using llvm::StringRef;

namespace {

class BiasCorrector {
public:
  BiasCorrector(ModelGraph &graph, const CalibrationTable &table,
                const QuantizeOptions &options)
      : graph(graph), table(table), options(options), constants(graph) {}

  llvm::Expected<std::vector<CorrectedBias>> run();

private:
  llvm::Error correct(const PlannedLayer &layer);
  std::vector<double> shiftOf(const proto::NodeProto &node,
                              const FloatTensor &weights, int64_t window,
                              llvm::ArrayRef<int64_t> channels,
                              llvm::ArrayRef<double> means) const;
  void subtract(int node, llvm::ArrayRef<double> shift);
  void subtractFrom(int layer, int reader, int operand,
                    llvm::ArrayRef<double> shift, double factor);

  ModelGraph &graph;
  const CalibrationTable &table;
  const QuantizeOptions &options;
  ModelConstants constants;
  std::vector<CorrectedBias> corrected;
};

// The mean of each channel of an activation; none where that was not kept.
std::vector<double> meansOf(const TensorStatistics &seen) {
  std::vector<double> means;
  size_t channels = seen.channelSums.size();
  for (double sum : seen.channelSums)
    means.push_back(sum * double(channels) / double(seen.elements));
  return means;
}

// By how much the quantized weights raise the mean of each output channel. At
// the borders of a padded image the true shift is less.
std::vector<double> BiasCorrector::shiftOf(const proto::NodeProto &node,
                                           const FloatTensor &weights,
                                           int64_t window,
                                           llvm::ArrayRef<int64_t> channels,
                                           llvm::ArrayRef<double> means) const {
  std::vector<int64_t> from = inputChannelsOf(node, weights.shape),
                       to = outputChannelsOf(node, weights.shape);
  if (from.empty() || *llvm::max_element(from) + 1 != int64_t(means.size()))
    return {};
  QuantizedWeights quantized =
      quantizeWeights(weights.values, channels, {}, window);
  std::vector<double> shift(*llvm::max_element(to) + 1, 0.0);
  for (size_t i = 0; i != from.size(); ++i) {
    double scale = quantized.scales[channels.empty() ? 0 : channels[i]];
    double change = quantized.values[i] * scale - weights.values[i];
    shift[to[i]] += change * means[from[i]];
  }
  return shift;
}

void BiasCorrector::subtractFrom(int layer, int reader, int operand,
                                 llvm::ArrayRef<double> shift, double factor) {
  proto::NodeProto &node = graph.node(reader);
  FloatTensor bias;
  std::string name;
  if (node.input_size() > operand && !node.input(operand).empty()) {
    name = node.input(operand);
    auto found = constants.floats(name);
    if (!found) {
      llvm::consumeError(found.takeError());
      return;
    }
    if (!*found ||
        ((*found)->size() != 1 && ((*found)->size() != int64_t(shift.size()) ||
                                   (*found)->shape.back() != (*found)->size())))
      return;
    bias = std::move(**found);
  }
  if (bias.size() != int64_t(shift.size())) {
    bias.values.assign(shift.size(), bias.values.empty() ? 0 : bias.values[0]);
    bias.shape = {int64_t(shift.size())};
  }
  for (size_t c = 0; c != shift.size(); ++c)
    bias.values[c] = float(bias.values[c] - shift[c] * factor);
  std::string made = graph.uniqueName(name.empty() ? node.output(0) + "_bias"
                                                   : name + "_corrected");
  addInitializer(graph, makeFloats(made, bias.shape, bias.values));
  while (node.input_size() <= operand)
    node.add_input();
  node.set_input(operand, made);
  corrected.push_back({graph.nameOf(layer), name, made});
}

void BiasCorrector::subtract(int index, llvm::ArrayRef<double> shift) {
  const proto::NodeProto &node = graph.node(index);
  if (node.op_type() == "Gemm") {
    float beta = floatAttribute(node, "beta", 1);
    if (beta != 0)
      subtractFrom(index, index, 2, shift,
                   floatAttribute(node, "alpha", 1) / beta);
    return;
  }
  if (node.op_type() != "MatMul")
    return subtractFrom(index, index, 2, shift, 1);
  int behind = graph.onlyConsumerOf(node.output(0));
  if (behind < 0 || !graph.is(behind, "Add"))
    return;
  const proto::NodeProto &add = graph.node(behind);
  int operand = add.input(0) == node.output(0) ? 1 : 0;
  if (graph.isConstant(add.input(operand)))
    subtractFrom(index, behind, operand, shift, 1);
}

llvm::Error BiasCorrector::correct(const PlannedLayer &layer) {
  proto::NodeProto &node = graph.node(layer.node);
  auto seen = table.tensors.find(node.input(0));
  if (seen == table.tensors.end() || seen->second.channelSums.empty() ||
      seen->second.elements == 0)
    return llvm::Error::success();
  auto weights = constants.floats(node.input(layer.weights));
  if (!weights)
    return weights.takeError();
  std::vector<int64_t> channels;
  if (options.perChannelWeights)
    channels = channelsAlong((*weights)->shape, layer.channelAxis);
  std::vector<double> shift =
      shiftOf(node, **weights, layer.window, channels, meansOf(seen->second));
  if (!shift.empty())
    subtract(layer.node, shift);
  return llvm::Error::success();
}

llvm::Expected<std::vector<CorrectedBias>> BiasCorrector::run() {
  auto plan = planQuantization(graph, options);
  if (!plan)
    return plan.takeError();
  for (const PlannedLayer &layer : plan->layers)
    if (layer.quantized && layer.weights >= 0)
      if (llvm::Error error = correct(layer))
        return std::move(error);
  graph.index();
  return std::move(corrected);
}

} // namespace

llvm::Expected<std::vector<CorrectedBias>>
quantization::correctBiases(ModelGraph &graph, const CalibrationTable &table,
                            const QuantizeOptions &options) {
  return BiasCorrector(graph, table, options).run();
}
