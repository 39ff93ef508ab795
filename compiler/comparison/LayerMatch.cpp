#include "compiler/comparison/LayerMatch.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace ashlar;
using namespace ashlar::comparison;
using llvm::StringRef;
using quantization::ModelGraph;

bool comparison::isMultiplier(StringRef op) {
  return llvm::StringSwitch<bool>(op)
      .Cases({"Conv", "ConvTranspose", "MatMul", "Gemm", "Attention"}, true)
      .Cases({"LSTM", "GRU", "RNN", "MatMulNBits", "QLinearConv"}, true)
      .Cases({"QLinearMatMul", "MatMulInteger", "ConvInteger", "FusedMatMul"},
             true)
      .Default(false);
}

// Whether channels stand in the second dimension behind it.
static bool isChannelsSecond(StringRef op) {
  return llvm::StringSwitch<bool>(op)
      .Cases({"Conv", "ConvTranspose", "QLinearConv", "ConvInteger"}, true)
      .Cases({"BatchNormalization", "InstanceNormalization", "MaxPool"}, true)
      .Cases({"AveragePool", "GlobalAveragePool", "GlobalMaxPool"}, true)
      .Default(false);
}

// Whether they stand in the last one.
static bool isChannelsLast(StringRef op) {
  return llvm::StringSwitch<bool>(op)
      .Cases({"MatMul", "Gemm", "QLinearMatMul", "MatMulInteger"}, true)
      .Cases({"FusedMatMul", "MatMulNBits", "Attention"}, true)
      .Cases({"LayerNormalization", "SkipLayerNormalization"}, true)
      .Cases({"Gather", "Flatten", "Softmax", "LSTM", "GRU"}, true)
      .Default(false);
}

// What fused layers carry between a multiplication and its QuantizeLinear.
static bool isElementwise(StringRef op) {
  return llvm::StringSwitch<bool>(op)
      .Cases({"Relu", "Clip", "LeakyRelu", "PRelu", "Elu", "Sigmoid"}, true)
      .Cases({"HardSigmoid", "HardSwish", "Swish", "Tanh", "Gelu"}, true)
      .Cases({"Add", "Sub", "Mul", "Div", "Softplus", "Mish", "Erf"}, true)
      .Default(false);
}

namespace {
class Matcher {
public:
  Matcher(const ModelGraph &reference, const ModelGraph &test)
      : reference(reference), test(test) {}

  std::vector<MatchedTensor> run();

private:
  bool isFloatValue(const ModelGraph &graph, StringRef tensor) const {
    return graph.isFloat(tensor) && !graph.isConstant(tensor);
  }
  std::string dequantizedOf(StringRef tensor) const;
  bool isHidden(StringRef tensor, unsigned depth = 0) const;
  bool add(StringRef tensor);
  void describe(MatchedTensor &match);
  int matchOf(StringRef tensor) const {
    auto found = index.find(tensor);
    return found == index.end() ? -1 : found->second;
  }

  const ModelGraph &reference, &test;
  std::vector<MatchedTensor> matches;
  llvm::StringMap<int> index; // by name, and by where it is observed
};
} // namespace

// The float value behind the Q/DQ pair of `tensor`; empty: it has none.
std::string Matcher::dequantizedOf(StringRef tensor) const {
  for (int q : test.consumersOf(tensor)) {
    if (!test.is(q, "QuantizeLinear") || test.node(q).input(0) != tensor)
      continue;
    for (int dq : test.consumersOf(test.node(q).output(0)))
      if (test.is(dq, "DequantizeLinear"))
        return test.node(dq).output(0);
  }
  return "";
}

// Whether `tensor` goes nowhere but, element by element, into quantized values.
bool Matcher::isHidden(StringRef tensor, unsigned depth) const {
  llvm::ArrayRef<int> readers = test.consumersOf(tensor);
  if (test.isOutput(tensor) || test.isCaptured(tensor) || readers.empty() ||
      depth > 8)
    return false;
  return llvm::all_of(readers, [&](int reader) {
    if (!isElementwise(test.node(reader).op_type()))
      return false;
    StringRef result = test.node(reader).output(0);
    return !dequantizedOf(result).empty() || isHidden(result, depth + 1);
  });
}

bool Matcher::add(StringRef tensor) {
  if (tensor.empty() || !isFloatValue(test, tensor) ||
      !isFloatValue(reference, tensor) || index.contains(tensor))
    return false;
  MatchedTensor match;
  match.name = tensor.str();
  match.observed = dequantizedOf(tensor);
  match.quantized = !match.observed.empty();
  if (!match.quantized && isHidden(tensor))
    return false;
  if (!match.quantized)
    match.observed = match.name;
  match.isInput = test.isInput(tensor);
  match.isOutput = test.isOutput(tensor);
  describe(match);
  index[match.name] = index[match.observed] = int(matches.size());
  matches.push_back(std::move(match));
  return true;
}

// Walks back to the matched tensors before, through what lies between.
void Matcher::describe(MatchedTensor &match) {
  std::vector<std::string> stack = {match.name};
  llvm::StringSet<> seen;
  std::vector<int> nodes;
  while (!stack.empty()) {
    std::string tensor = std::move(stack.back());
    stack.pop_back();
    int before = matchOf(tensor), producer = test.producerOf(tensor);
    if (before >= 0) {
      if (!llvm::is_contained(match.inputs, before))
        match.inputs.push_back(before);
      continue;
    }
    if (producer < 0 || test.isConstant(tensor) ||
        llvm::is_contained(nodes, producer))
      continue;
    nodes.push_back(producer);
    for (const std::string &input : test.node(producer).input())
      if (seen.insert(input).second)
        stack.push_back(input);
  }
  llvm::sort(match.inputs);
  llvm::sort(nodes);
  int main = -1;
  for (int node : nodes) {
    StringRef op = test.node(node).op_type();
    if (op == "QuantizeLinear" || op == "DequantizeLinear")
      continue;
    match.nodes.push_back(test.nameOf(node));
    match.op += (match.op.empty() ? "" : "+") + op.str();
    bool multiplies = isMultiplier(op);
    if (main < 0 || multiplies || !isMultiplier(test.node(main).op_type()))
      main = node;
  }
  if (nodes.size() > 6) // shapes computed on the way, and such
    match.op = main < 0 ? "" : test.node(main).op_type();
  if (main >= 0) {
    match.layer = test.nameOf(main);
    StringRef op = test.node(main).op_type();
    // What neither has nor moves channels leaves them where they are.
    match.channelsLast =
        isChannelsLast(op) || (!isChannelsSecond(op) && !match.inputs.empty() &&
                               matches[match.inputs.front()].channelsLast);
  } else {
    match.layer = match.name;
    match.op = match.isInput ? "input" : "QuantizeLinear";
    match.channelsLast =
        !match.inputs.empty() && matches[match.inputs.front()].channelsLast;
  }
}

std::vector<MatchedTensor> Matcher::run() {
  for (const proto::ValueInfoProto &input : test.graph().input())
    if (!test.initializer(input.name()) && !dequantizedOf(input.name()).empty())
      add(input.name());
  for (int node : test.order())
    for (const std::string &output : test.node(node).output())
      add(output);
  return std::move(matches);
}

std::vector<MatchedTensor> comparison::matchTensors(const ModelGraph &reference,
                                                    const ModelGraph &test) {
  return Matcher(reference, test).run();
}
