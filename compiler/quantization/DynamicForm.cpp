//===- DynamicForm.cpp - activations quantized when the model runs --------===//
#include "compiler/quantization/FoldIntoConv.h"
#include "compiler/quantization/NodeInsertion.h"
#include "compiler/quantization/OtherForms.h"
#include "compiler/quantization/QuantizationParameters.h"
#include "compiler/quantization/RecurrentForm.h"

using namespace ashlar;
using namespace ashlar::quantization;
using ashlar::onnx::ElementType;
using llvm::StringRef;

namespace {

class DynamicQuantizer {
public:
  DynamicQuantizer(ModelGraph &graph, QuantizationPlan &plan,
                   const QuantizeOptions &options)
      : graph(graph), plan(plan), options(options), constants(graph),
        insertion(graph) {}

  llvm::Error run();

private:
  struct Bytes {
    std::string integers, scale, zeroPoint;
  };

  std::optional<std::string> refusal(const PlannedLayer &layer) const;
  llvm::Error quantize(const PlannedLayer &layer);
  llvm::Error quantizeRecurrent(PlannedLayer &layer);
  const Bytes &quantized(StringRef activation);
  llvm::Expected<FloatTensor> weightsOf(const PlannedLayer &layer);
  std::string add(int node, StringRef op, llvm::ArrayRef<std::string> inputs,
                  StringRef output);
  std::string addConstant(StringRef name, const FloatTensor &tensor);

  ModelGraph &graph;
  QuantizationPlan &plan;
  const QuantizeOptions &options;
  ModelConstants constants;
  NodeInsertion insertion;
  llvm::StringMap<Bytes> activations;
  bool contributed = false;
};

std::optional<std::string>
DynamicQuantizer::refusal(const PlannedLayer &layer) const {
  const proto::NodeProto &node = graph.node(layer.node);
  if (layer.activations.size() > 1)
    return std::string("both of its sides are activations");
  if (layer.weights < 0)
    return std::string("its weights are quantized in the file");
  StringRef op = node.op_type();
  if (op != "MatMul" && op != "Gemm" && op != "Conv")
    return (op + " has no form with integers").str();
  if (intAttribute(node, "transA", 0))
    return std::string("its activation is transposed");
  if (graph.opset() < 11)
    return std::string("DynamicQuantizeLinear begins with opset 11");
  return std::nullopt;
}

// Quantized once for all that read it.
const DynamicQuantizer::Bytes &DynamicQuantizer::quantized(StringRef x) {
  Bytes &bytes = activations[x];
  if (!bytes.integers.empty())
    return bytes;
  bytes.integers = graph.uniqueName(x + "_quantized");
  bytes.scale = graph.uniqueName(x + "_scale");
  bytes.zeroPoint = graph.uniqueName(x + "_zero_point");
  proto::NodeProto node =
      makeNode("DynamicQuantizeLinear", "",
               graph.uniqueName(x + "_DynamicQuantizeLinear"), {x.str()},
               bytes.integers);
  node.add_output(bytes.scale);
  node.add_output(bytes.zeroPoint);
  insertion.insertBehind(x, std::move(node));
  return bytes;
}

// As MatMulInteger takes them: [K, N], scaled by a Gemm's alpha.
llvm::Expected<FloatTensor>
DynamicQuantizer::weightsOf(const PlannedLayer &layer) {
  const proto::NodeProto &node = graph.node(layer.node);
  auto found = constants.floats(node.input(layer.weights));
  if (!found)
    return found.takeError();
  FloatTensor weights = std::move(**found);
  if (node.op_type() != "Gemm")
    return weights;
  for (float &value : weights.values)
    value *= floatAttribute(node, "alpha", 1);
  if (!intAttribute(node, "transB", 0))
    return weights;
  FloatTensor transposed{{weights.shape[1], weights.shape[0]}, {}};
  for (int64_t k = 0; k != weights.shape[1]; ++k)
    for (int64_t n = 0; n != weights.shape[0]; ++n)
      transposed.values.push_back(weights.values[n * weights.shape[1] + k]);
  return transposed;
}

std::string DynamicQuantizer::add(int node, StringRef op,
                                  llvm::ArrayRef<std::string> inputs,
                                  StringRef output) {
  insertion.insertBefore(
      node,
      makeNode(op, "", graph.uniqueName(output + "_" + op), inputs, output));
  return output.str();
}

std::string DynamicQuantizer::addConstant(StringRef name,
                                          const FloatTensor &tensor) {
  std::string unique = graph.uniqueName(name);
  addInitializer(graph, makeFloats(unique, tensor.shape, tensor.values));
  return unique;
}

// y = Cast(integer product) * (scale of x * scales of w) + bias
llvm::Error DynamicQuantizer::quantize(const PlannedLayer &layer) {
  const proto::NodeProto node = graph.node(layer.node);
  bool isConv = node.op_type() == "Conv";
  auto weights = weightsOf(layer);
  if (!weights)
    return weights.takeError();
  int64_t rank = int64_t(weights->shape.size());
  std::vector<int64_t> channels, scaleShape;
  if (options.perChannelWeights && (isConv || rank == 2)) {
    channels = channelsAlong(weights->shape, isConv ? 0 : 1);
    scaleShape = {weights->shape[isConv ? 0 : 1]};
    if (isConv)
      scaleShape.insert(scaleShape.end(), rank - 2, 1);
  }
  QuantizedWeights bytes = quantizeWeights(weights->values, channels, {});
  std::string w = node.input(layer.weights), y = node.output(0),
              integers = graph.uniqueName(w + "_quantized");
  addInitializer(
      graph,
      makeTensor(integers, ElementType::Int8, weights->shape,
                 StringRef(reinterpret_cast<const char *>(bytes.values.data()),
                           bytes.values.size())));
  std::string scales =
      addConstant(w + "_scale", {scaleShape, std::move(bytes.scales)});
  const Bytes &x = quantized(node.input(0));
  proto::NodeProto product;
  if (isConv)
    *product.mutable_attribute() = node.attribute();
  for (const std::string &input : {x.integers, integers, x.zeroPoint})
    product.add_input(input);
  std::string sums = graph.uniqueName(y + "_sums"),
              real = graph.uniqueName(y + "_unscaled"),
              factor = graph.uniqueName(y + "_factor");
  product.add_output(sums);
  product.set_name(graph.nameOf(layer.node));
  product.set_op_type(isConv ? "ConvInteger" : "MatMulInteger");
  insertion.insertBefore(layer.node, std::move(product));
  proto::NodeProto cast =
      makeNode("Cast", "", graph.uniqueName(y + "_Cast"), {sums}, real);
  setIntAttribute(cast, "to", int64_t(ElementType::Float));
  insertion.insertBefore(layer.node, std::move(cast));
  add(layer.node, "Mul", {x.scale, scales}, factor);
  bool hasBias = node.input_size() > 2 && !node.input(2).empty();
  std::string scaled = hasBias ? graph.uniqueName(y + "_product") : y;
  add(layer.node, "Mul", {real, factor}, scaled);
  insertion.remove(layer.node);
  if (!hasBias)
    return llvm::Error::success();
  std::string bias = node.input(2);
  auto values = constants.floats(bias);
  if (!values)
    return values.takeError();
  float beta = isConv ? 1 : floatAttribute(node, "beta", 1);
  if (*values && (isConv || beta != 1)) {
    if (isConv)
      (*values)->shape.insert((*values)->shape.end(), rank - 2, 1);
    for (float &value : (*values)->values)
      value *= beta;
    bias = addConstant(bias + "_added", **values);
  } else if (beta != 1) {
    std::string by = addConstant(y + "_beta", {{}, {beta}});
    bias = add(layer.node, "Mul", {bias, by}, graph.uniqueName(y + "_bias"));
  }
  add(layer.node, "Add", {scaled, bias}, y);
  return llvm::Error::success();
}

llvm::Error DynamicQuantizer::quantizeRecurrent(PlannedLayer &layer) {
  if (layer.isExcluded || !graph.is(layer.node, "LSTM"))
    return llvm::Error::success();
  auto reason = quantizeLstm(graph, constants, insertion, layer.node,
                             options.perChannelWeights);
  if (!reason)
    return reason.takeError();
  layer.quantized = !*reason;
  layer.reason = reason->value_or("");
  contributed |= layer.quantized;
  return llvm::Error::success();
}

llvm::Error DynamicQuantizer::run() {
  for (PlannedLayer &layer : plan.layers) {
    if (!layer.quantized) {
      if (llvm::Error error = quantizeRecurrent(layer))
        return error;
    } else if (auto reason = refusal(layer)) {
      layer.quantized = false;
      layer.reason = *reason;
    } else if (llvm::Error error = quantize(layer)) {
      return error;
    }
  }
  insertion.apply();
  if (contributed)
    importDomain(graph, "com.microsoft");
  return llvm::Error::success();
}

} // namespace

llvm::Error quantization::quantizeDynamically(ModelGraph &graph,
                                              QuantizationPlan &plan,
                                              const QuantizeOptions &options) {
  return DynamicQuantizer(graph, plan, options).run();
}
