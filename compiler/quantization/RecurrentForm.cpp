//===- RecurrentForm.cpp - LSTM on integers without calibration -----------===//
#include "compiler/quantization/RecurrentForm.h"

#include "compiler/quantization/FoldIntoConv.h"
#include "compiler/quantization/QuantizationParameters.h"
#include "compiler/quantization/QuantizationPlan.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::quantization;
using ashlar::onnx::ElementType;
using llvm::StringRef;

namespace {

constexpr int kInput = 1, kRecurrence = 2, kLstmInputs = 8;
/// Weights of the state in one direction, below which rounding the state costs
/// a step more time than bytes save.
constexpr int64_t kLeastRecurrence = 8192;

using Reason = std::optional<std::string>;

class LstmQuantizer {
public:
  LstmQuantizer(ModelGraph &graph, ModelConstants &constants,
                NodeInsertion &insertion, int node, bool perChannel)
      : graph(graph), constants(constants), insertion(insertion), index(node),
        node(graph.node(node)), perChannel(perChannel) {}

  llvm::Expected<Reason> run();

private:
  /// The weights at an operand, or why there are none.
  llvm::Expected<Reason> read(int operand, FloatTensor &weights);
  /// Adds the three constants of an operand.
  void addBytes(int operand, const FloatTensor &weights);

  ModelGraph &graph;
  ModelConstants &constants;
  NodeInsertion &insertion;
  int index;
  const proto::NodeProto node;
  bool perChannel;
  std::string bytes[3], scale[3], zeroPoint[3];
};

llvm::Expected<Reason> LstmQuantizer::read(int operand, FloatTensor &weights) {
  if (operand >= node.input_size())
    return Reason("it has too few inputs");
  std::string name = node.input(operand);
  if (isDequantized(graph, name))
    return Reason("its weights are quantized in the file");
  auto found = constants.floats(name);
  if (!found)
    return found.takeError();
  if (!*found)
    return Reason(graph.isConstant(name) && graph.producerOf(name) >= 0
                      ? "its weights are computed by " +
                            graph.node(graph.producerOf(name)).op_type()
                      : "its weights are not constant");
  if (ElementType type = graph.elementType(name); type != ElementType::Float)
    return Reason(
        llvm::formatv("its weights are not of float32 but of type {0}",
                      int(type))
            .str());
  weights = std::move(**found);
  if (weights.shape.size() != 3 || weights.values.empty())
    return Reason("its weights have no three axes");
  if (!llvm::all_of(weights.values, [](float x) { return std::isfinite(x); }))
    return Reason("its weights hold NaN or infinity");
  return Reason();
}

void LstmQuantizer::addBytes(int operand, const FloatTensor &weights) {
  int64_t directions = weights.shape[0], rows = weights.shape[1],
          depth = weights.shape[2], count = perChannel ? rows : 1;
  std::vector<int64_t> channels(weights.values.size());
  for (size_t i = 0; i != channels.size(); ++i)
    channels[i] = int64_t(i) / (perChannel ? depth : rows * depth);
  QuantizedWeights quantized = quantizeWeights(weights.values, channels, {});
  // Columns are the rows of the gates there.
  std::string transposed(quantized.values.size(), 0);
  for (int64_t d = 0; d != directions; ++d)
    for (int64_t row = 0; row != rows; ++row)
      for (int64_t k = 0; k != depth; ++k)
        transposed[(d * depth + k) * rows + row] =
            char(quantized.values[(d * rows + row) * depth + k]);
  std::string name = node.input(operand);
  bytes[operand] = graph.uniqueName(name + "_quantized");
  scale[operand] = graph.uniqueName(name + "_scale");
  zeroPoint[operand] = graph.uniqueName(name + "_zero_point");
  std::vector<int64_t> shape{directions};
  if (perChannel)
    shape.push_back(count);
  addInitializer(graph, makeTensor(bytes[operand], ElementType::Int8,
                                   {directions, depth, rows}, transposed));
  addInitializer(graph, makeFloats(scale[operand], shape, quantized.scales));
  addInitializer(graph, makeTensor(zeroPoint[operand], ElementType::Int8, shape,
                                   std::string(directions * count, 0)));
}

llvm::Expected<Reason> LstmQuantizer::run() {
  if (intAttribute(node, "layout", 0))
    return Reason("DynamicQuantizeLSTM has no layout with batches first");
  FloatTensor weights[2];
  for (int operand : {kInput, kRecurrence}) {
    auto reason = read(operand, weights[operand - 1]);
    if (!reason || *reason)
      return reason;
  }
  const std::vector<int64_t> &shape = weights[1].shape;
  if (int64_t products = shape[1] * shape[2]; products < kLeastRecurrence)
    return Reason(
        llvm::formatv("{0} products with the state in each step only", products)
            .str());
  addBytes(kInput, weights[0]);
  addBytes(kRecurrence, weights[1]);
  proto::NodeProto made = node;
  made.set_op_type("DynamicQuantizeLSTM");
  made.set_domain("com.microsoft");
  made.set_name(graph.nameOf(index));
  removeAttribute(made, "layout");
  removeAttribute(made, "output_sequence");
  while (made.input_size() < kLstmInputs)
    made.add_input("");
  for (int operand : {kInput, kRecurrence}) {
    made.set_input(operand, bytes[operand]);
    made.add_input(scale[operand]);
    made.add_input(zeroPoint[operand]);
  }
  insertion.insertBefore(index, std::move(made));
  insertion.remove(index);
  return Reason();
}

} // namespace

llvm::Expected<std::optional<std::string>>
quantization::quantizeLstm(ModelGraph &graph, ModelConstants &constants,
                           NodeInsertion &insertion, int node,
                           bool perChannel) {
  return LstmQuantizer(graph, constants, insertion, node, perChannel).run();
}
