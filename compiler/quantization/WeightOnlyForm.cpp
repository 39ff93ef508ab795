//===- WeightOnlyForm.cpp - weights in few bits, products in floats -------===//
#include "compiler/quantization/FoldIntoConv.h"
#include "compiler/quantization/NodeInsertion.h"
#include "compiler/quantization/OtherForms.h"
#include "compiler/quantization/QuantizationParameters.h"

#include <algorithm>
#include <cmath>

using namespace ashlar;
using namespace ashlar::quantization;
using ashlar::onnx::ElementType;
using llvm::StringRef;

namespace {

constexpr llvm::StringLiteral kContributed = "com.microsoft";

StringRef bytesOf(llvm::ArrayRef<uint8_t> values) {
  return StringRef(reinterpret_cast<const char *>(values.data()),
                   values.size());
}

/// Blocks of weights along the sum, as MatMulNBits stores them: for each output
/// channel its blocks, in each the elements from the lowest bits on.
struct PackedWeights {
  std::vector<uint8_t> bytes;
  std::vector<float> scales;
};

// The element of largest magnitude is the least integer, which has no
// counterpart above: so all integers are used.
float scaleOfBlock(llvm::ArrayRef<float> block, int bits) {
  float extreme = 0;
  for (float value : block)
    if (std::fabs(value) > std::fabs(extreme))
      extreme = value;
  float scale = extreme / -float(1 << (bits - 1));
  return std::fabs(scale) < 1e-30f ? 1.0f : scale;
}

PackedWeights pack(llvm::ArrayRef<float> rows, int64_t k, int bits,
                   int64_t blockSize) {
  PackedWeights packed;
  int middle = 1 << (bits - 1);
  int64_t count = int64_t(rows.size()) / k;
  for (int64_t n = 0; n != count; ++n)
    for (int64_t start = 0; start < k; start += blockSize) {
      llvm::ArrayRef<float> block =
          rows.slice(n * k + start, std::min(blockSize, k - start));
      float scale = scaleOfBlock(block, bits);
      packed.scales.push_back(scale);
      size_t place = packed.bytes.size();
      // What is beyond the last element is zero.
      packed.bytes.resize(place + blockSize * bits / 8,
                          bits == 8 ? middle : middle | middle << 4);
      for (auto [i, value] : llvm::enumerate(block)) {
        int integer = int(std::clamp(std::nearbyint(value / scale) + middle,
                                     0.0f, float(2 * middle - 1)));
        uint8_t &byte = packed.bytes[place + i * bits / 8];
        if (bits == 8)
          byte = uint8_t(integer);
        else
          byte = i % 2 ? uint8_t((byte & 0x0f) | integer << 4)
                       : uint8_t((byte & 0xf0) | integer);
      }
    }
  return packed;
}

class WeightQuantizer {
public:
  WeightQuantizer(ModelGraph &graph, QuantizationPlan &plan,
                  const QuantizeOptions &options)
      : graph(graph), plan(plan), options(options), constants(graph),
        insertion(graph) {}

  llvm::Error run();

private:
  std::optional<std::string> refusal(const PlannedLayer &layer);
  llvm::Error quantize(const PlannedLayer &layer);
  llvm::Expected<bool> quantizeRecurrent(int node);
  llvm::Expected<bool> quantizeOperand(int node, int operand, int64_t axis);

  ModelGraph &graph;
  QuantizationPlan &plan;
  const QuantizeOptions &options;
  ModelConstants constants;
  NodeInsertion insertion;
  bool contributed = false;
};

std::optional<std::string> WeightQuantizer::refusal(const PlannedLayer &layer) {
  const proto::NodeProto &node = graph.node(layer.node);
  StringRef op = node.op_type();
  if (op != "MatMul" && op != "Gemm")
    return std::string("weights alone are quantized in matrix products only");
  if (layer.activations.size() > 1)
    return std::string("both of its sides are activations");
  if (layer.weights < 0)
    return std::string("its weights are quantized in the file");
  if (intAttribute(node, "transA", 0))
    return std::string("its activation is transposed");
  auto weights = constants.floats(node.input(layer.weights));
  if (!weights)
    return llvm::toString(weights.takeError());
  if ((*weights)->shape.size() != 2)
    return std::string("its weights are a batch of matrices");
  return std::nullopt;
}

llvm::Error WeightQuantizer::quantize(const PlannedLayer &layer) {
  const proto::NodeProto node = graph.node(layer.node);
  std::string w = node.input(layer.weights), y = node.output(0);
  auto found = constants.floats(w);
  if (!found)
    return found.takeError();
  FloatTensor &weights = **found;
  bool isGemm = node.op_type() == "Gemm";
  bool transposed = isGemm && intAttribute(node, "transB", 0);
  int64_t k = weights.shape[transposed ? 1 : 0],
          n = weights.shape[transposed ? 0 : 1];
  std::vector<float> rows(weights.values.size());
  for (int64_t i = 0; i != k; ++i)
    for (int64_t j = 0; j != n; ++j)
      rows[j * k + i] = weights.values[transposed ? j * k + i : i * n + j] *
                        (isGemm ? floatAttribute(node, "alpha", 1) : 1);
  PackedWeights packed = pack(rows, k, options.weightBits, options.blockSize);
  int64_t blocks = (k + options.blockSize - 1) / options.blockSize;
  std::string bits = std::to_string(options.weightBits),
              bytes = graph.uniqueName(w + "_Q" + bits),
              scales = graph.uniqueName(w + "_scales");
  addInitializer(
      graph, makeTensor(bytes, ElementType::Uint8,
                        {n, blocks, options.blockSize * options.weightBits / 8},
                        bytesOf(packed.bytes)));
  addInitializer(graph, makeFloats(scales, {n * blocks}, packed.scales));
  bool hasBias = node.input_size() > 2 && !node.input(2).empty();
  std::string result = hasBias ? graph.uniqueName(y + "_product") : y;
  proto::NodeProto product =
      makeNode("MatMulNBits", kContributed, graph.nameOf(layer.node),
               {node.input(0), bytes, scales}, result);
  setIntAttribute(product, "K", k);
  setIntAttribute(product, "N", n);
  setIntAttribute(product, "bits", options.weightBits);
  setIntAttribute(product, "block_size", options.blockSize);
  insertion.insertBefore(layer.node, std::move(product));
  insertion.remove(layer.node);
  contributed = true;
  if (!hasBias)
    return llvm::Error::success();
  std::string bias = node.input(2);
  if (float beta = floatAttribute(node, "beta", 1); beta != 1) {
    std::string factor = graph.uniqueName(y + "_beta"),
                scaled = graph.uniqueName(y + "_bias");
    addInitializer(graph, makeFloats(factor, {}, {beta}));
    insertion.insertBefore(
        layer.node, makeNode("Mul", "", graph.uniqueName(scaled + "_Mul"),
                             {bias, factor}, scaled));
    bias = scaled;
  }
  insertion.insertBefore(
      layer.node,
      makeNode("Add", "", graph.uniqueName(y + "_Add"), {result, bias}, y));
  return llvm::Error::success();
}

// One constant behind a DequantizeLinear with a scale for each place on `axis`.
llvm::Expected<bool> WeightQuantizer::quantizeOperand(int index, int operand,
                                                      int64_t axis) {
  proto::NodeProto &node = graph.node(index);
  std::string name = node.input(operand);
  if (isDequantized(graph, name))
    return false;
  auto found = constants.floats(name);
  if (!found)
    return found.takeError();
  if (!*found || int64_t((*found)->shape.size()) <= axis ||
      !llvm::all_of((*found)->values, [](float x) { return std::isfinite(x); }))
    return false;
  FloatTensor &weights = **found;
  QuantizedWeights quantized =
      quantizeWeights(weights.values, channelsAlong(weights.shape, axis), {});
  std::string integers = graph.uniqueName(name + "_quantized"),
              scale = graph.uniqueName(name + "_scale"),
              zero = graph.uniqueName(name + "_zero_point"),
              reals = graph.uniqueName(name + "_DequantizeLinear_Output");
  auto asBytes = [](llvm::ArrayRef<int8_t> values) {
    return bytesOf(llvm::ArrayRef<uint8_t>(
        reinterpret_cast<const uint8_t *>(values.data()), values.size()));
  };
  int64_t count = int64_t(quantized.scales.size());
  addInitializer(graph, makeTensor(integers, ElementType::Int8, weights.shape,
                                   asBytes(quantized.values)));
  addInitializer(graph, makeFloats(scale, {count}, quantized.scales));
  addInitializer(graph, makeTensor(zero, ElementType::Int8, {count},
                                   asBytes(std::vector<int8_t>(count, 0))));
  StringRef domain = domainOfQuantization(graph, /*withAxis=*/true);
  contributed |= !domain.empty();
  insertion.insertBefore(index,
                         makeNode("DequantizeLinear", domain,
                                  graph.uniqueName(name + "_DequantizeLinear"),
                                  {integers, scale, zero}, reals, axis));
  node.set_input(operand, reals);
  return true;
}

// W and R of LSTM, GRU and RNN: a scale for each row of the gates.
llvm::Expected<bool> WeightQuantizer::quantizeRecurrent(int index) {
  StringRef op = graph.node(index).op_type();
  if (!graph.isStandard(index) || (op != "LSTM" && op != "GRU" && op != "RNN"))
    return false;
  auto w = quantizeOperand(index, 1, 1);
  if (!w)
    return w.takeError();
  auto r = quantizeOperand(index, 2, 1);
  if (!r)
    return r.takeError();
  return *w || *r;
}

llvm::Error WeightQuantizer::run() {
  for (PlannedLayer &layer : plan.layers) {
    if (!layer.quantized) {
      if (layer.isExcluded)
        continue;
      auto done = quantizeRecurrent(layer.node);
      if (!done)
        return done.takeError();
      if (*done) {
        layer.quantized = true;
        layer.reason = "s8 weights, a scale for each row of the gates";
      }
    } else if (auto reason = refusal(layer)) {
      layer.quantized = false;
      layer.reason = *reason;
    } else if (llvm::Error error = quantize(layer)) {
      return error;
    }
  }
  insertion.apply();
  if (contributed)
    importDomain(graph, kContributed);
  return llvm::Error::success();
}

} // namespace

llvm::Error quantization::quantizeWeightsOnly(ModelGraph &graph,
                                              QuantizationPlan &plan,
                                              const QuantizeOptions &options) {
  return WeightQuantizer(graph, plan, options).run();
}

llvm::Expected<int> quantization::quantizeEmbeddings(ModelGraph &graph) {
  // Smaller tables are not worth a rounding.
  constexpr int64_t leastElements = 1024;
  ModelConstants constants(graph);
  NodeInsertion insertion(graph);
  StringRef domain = domainOfQuantization(graph, /*withAxis=*/false);
  int count = 0;
  for (int index = 0; index != graph.nodeCount(); ++index) {
    if (!graph.is(index, "Gather") ||
        graph.isConstant(graph.node(index).output(0)))
      continue;
    proto::NodeProto &node = graph.node(index);
    std::string name = node.input(0), y = node.output(0);
    auto found = constants.floats(name);
    if (!found)
      return found.takeError();
    if (!*found || graph.elementType(name) != ElementType::Float ||
        (*found)->size() < leastElements ||
        !llvm::all_of((*found)->values,
                      [](float x) { return std::isfinite(x); }))
      continue;
    QuantizedWeights quantized = quantizeWeights((*found)->values, {}, {});
    std::string integers = graph.uniqueName(name + "_quantized"),
                scale = graph.uniqueName(name + "_scale"),
                zero = graph.uniqueName(name + "_zero_point"),
                picked = graph.uniqueName(y + "_quantized");
    llvm::ArrayRef<uint8_t> bytes(
        reinterpret_cast<const uint8_t *>(quantized.values.data()),
        quantized.values.size());
    addInitializer(graph, makeTensor(integers, ElementType::Int8,
                                     (*found)->shape, bytesOf(bytes)));
    addInitializer(graph, makeFloats(scale, {}, quantized.scales));
    addInitializer(
        graph, makeTensor(zero, ElementType::Int8, {}, bytesOf(uint8_t(0))));
    insertion.insertBehind(y,
                           makeNode("DequantizeLinear", domain,
                                    graph.uniqueName(y + "_DequantizeLinear"),
                                    {picked, scale, zero}, y));
    node.set_input(0, integers);
    node.set_output(0, picked);
    ++count;
  }
  if (count) {
    insertion.apply();
    importDomain(graph, domain);
  }
  return count;
}
