//===- PlanTensors.cpp - which tensors become integers --------------------===//
//
// Contractions want their activations in bytes. From there the wish goes
// upstream: through what hands elements on; to both sides of a residual sum; to
// the argument of a function that is a table of bytes. What no contraction asks
// for, directly or through others, stays in floats: the ends of a network,
// normalizations, softmax.
//
//===----------------------------------------------------------------------===//
#include "compiler/quantization/QuantizationPlan.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/Support/Regex.h"

using namespace ashlar;
using namespace ashlar::quantization;
using llvm::StringRef;

namespace {

/// What is known of a tensor while planning.
struct Wish {
  bool bytes = false;   // is quantized
  bool operand = false; // of elementwise work whose result is quantized
  bool arithmetic = false;
  bool fromLayer = false; // follows from a quantized contraction
  bool fromConv = false;  // from a Conv, with no matrix product in between
  std::string leader;
  llvm::SmallVector<int, 4> readers;
};

class TensorPlanner {
public:
  TensorPlanner(const ModelGraph &graph, const QuantizeOptions &options)
      : graph(graph), options(options), constants(graph) {}

  llvm::Expected<QuantizationPlan> plan();

private:
  llvm::Error readExpressions();
  bool wantsTwoTerms(const PlannedLayer &layer);
  bool isExcluded(int node, std::string &reason);
  void planLayers();
  void follow(int node);
  void wishUpstream(int node);
  void wishOfLayer(const PlannedLayer &layer);
  void wishOfMovement(int node);
  void wishOfConcat(int node);
  bool averagesBytes(int node) const;
  void wishOfAverage(int node);
  void wishOfElementwise(int node);
  bool readsScalars(int node);
  void wishOfTable(int root);
  bool isActivation(StringRef tensor) const;
  bool isConvResult(StringRef tensor) const;
  bool fusesIntoConv(int node) const;
  void want(int reader, StringRef tensor, bool arithmetic);
  std::string leaderOf(StringRef tensor);
  void share(StringRef a, StringRef b);
  std::vector<PlannedTensor> collect();

  const ModelGraph &graph;
  const QuantizeOptions &options;
  ModelConstants constants;
  std::vector<Role> roles;
  std::vector<int> layerOf; // index into result.layers, or -1
  llvm::StringMap<Wish> wishes;
  std::vector<llvm::Regex> excluded, twoTerms;
  std::vector<char> excludedUsed, twoTermsUsed;
  QuantizationPlan result;
};

llvm::Error TensorPlanner::readExpressions() {
  auto read = [](llvm::ArrayRef<std::string> texts,
                 std::vector<llvm::Regex> &expressions,
                 std::vector<char> &used) -> llvm::Error {
    for (const std::string &text : texts) {
      llvm::Regex regex(text);
      std::string problem;
      if (!regex.isValid(problem))
        return llvm::createStringError(
            "'" + text + "' is no regular expression: " + problem);
      expressions.push_back(std::move(regex));
    }
    used.assign(expressions.size(), 0);
    return llvm::Error::success();
  };
  if (llvm::Error error = read(options.excludedNodes, excluded, excludedUsed))
    return error;
  return read(options.twoTermNodes, twoTerms, twoTermsUsed);
}

// Layers in two terms multiply an activation that is in floats with constant
// weights.
bool TensorPlanner::wantsTwoTerms(const PlannedLayer &layer) {
  std::string name = graph.nameOf(layer.node);
  bool wanted = options.chosen.inTwoTerms.count(name) != 0;
  if (!layer.quantized || layer.weights < 0 || layer.activations.size() != 1 ||
      isDequantized(graph, graph.node(layer.node).input(0)))
    return false;
  for (auto [regex, used] : llvm::zip_equal(twoTerms, twoTermsUsed))
    if (regex.match(name))
      wanted = used = true;
  return wanted;
}

bool TensorPlanner::isExcluded(int node, std::string &reason) {
  bool found = false;
  std::string name = graph.nameOf(node);
  for (size_t i = 0; i != excluded.size(); ++i)
    if (excluded[i].match(name)) {
      excludedUsed[i] = 1;
      if (!found)
        reason = "excluded by '" + options.excludedNodes[i] + "'";
      found = true;
    }
  if (!found && options.chosen.inFloats.count(name)) {
    reason = "left in floats for accuracy";
    found = true;
  }
  const std::string &op = graph.node(node).op_type();
  if (!found && llvm::is_contained(options.excludedOperators, op)) {
    reason = "excluded with all " + op;
    found = true;
  }
  return found;
}

void TensorPlanner::planLayers() {
  roles.assign(graph.nodeCount(), Role::Other);
  layerOf.assign(graph.nodeCount(), -1);
  llvm::StringSet<> operators;
  for (int node = 0; node != graph.nodeCount(); ++node) {
    Role role = roleOf(graph, constants, node);
    operators.insert(graph.node(node).op_type());
    std::string reason;
    bool stays = isExcluded(node, reason);
    roles[node] = stays ? Role::Other : role;
    if (role != Role::Contraction && role != Role::Multiplying)
      continue;
    // A product of two constants is one itself.
    if (graph.isConstant(graph.node(node).output(0)))
      continue;
    PlannedLayer layer = planLayer(graph, constants, node, role);
    if (stays) {
      layer = PlannedLayer();
      layer.isExcluded = true;
      layer.node = node;
      layer.reason = reason;
    }
    if (!layer.quantized)
      roles[node] = Role::Other;
    layer.twoTerms = wantsTwoTerms(layer);
    layerOf[node] = int(result.layers.size());
    result.layers.push_back(std::move(layer));
  }
  for (auto [index, text] : llvm::enumerate(options.excludedNodes))
    if (!excludedUsed[index])
      result.warnings.push_back("no node's name matches '" + text +
                                "', which is to be excluded");
  for (auto [index, text] : llvm::enumerate(options.twoTermNodes))
    if (!twoTermsUsed[index])
      result.warnings.push_back("no layer that can be quantized in two terms "
                                "has a name that matches '" +
                                text + "'");
  for (const std::string &op : options.excludedOperators)
    if (!operators.contains(op))
      result.warnings.push_back("the model has no operator '" + op +
                                "', which is to be excluded");
}

bool TensorPlanner::isActivation(StringRef tensor) const {
  return !tensor.empty() && !graph.isConstant(tensor) && graph.isFloat(tensor);
}

// Downstream: what follows from quantized contractions.
void TensorPlanner::follow(int node) {
  const proto::NodeProto &proto = graph.node(node);
  bool fromLayer = false, fromConv = false;
  switch (roles[node]) {
  case Role::Contraction:
    fromLayer = true;
    fromConv = proto.op_type() == "Conv" || proto.op_type() == "ConvTranspose";
    break;
  case Role::Movement:
  case Role::Concat:
  case Role::Average:
  case Role::Elementwise:
    for (const std::string &input : proto.input()) {
      Wish known = wishes.lookup(input);
      fromLayer |= known.fromLayer || isDequantized(graph, input);
      fromConv |= known.fromConv;
    }
    break;
  default:
    return;
  }
  for (const std::string &output : proto.output()) {
    if (output.empty() || !graph.isFloat(output))
      continue;
    wishes[output].fromLayer = fromLayer;
    wishes[output].fromConv = fromConv;
  }
}

void TensorPlanner::want(int reader, StringRef tensor, bool arithmetic) {
  if (!isActivation(tensor) || isDequantized(graph, tensor))
    return;
  Wish &wish = wishes[tensor];
  wish.bytes = true;
  wish.arithmetic |= arithmetic;
  if (!llvm::is_contained(wish.readers, reader))
    wish.readers.push_back(reader);
}

std::string TensorPlanner::leaderOf(StringRef tensor) {
  std::string at = tensor.str();
  while (true) {
    const std::string &next = wishes[at].leader;
    if (next.empty() || next == at)
      return at;
    at = next;
  }
}

void TensorPlanner::share(StringRef a, StringRef b) {
  std::string first = leaderOf(a), second = leaderOf(b);
  if (first != second)
    wishes[second].leader = first;
}

// Whether a tensor is made by a quantized Conv, or by the Relu or Clip that is
// one with it.
bool TensorPlanner::isConvResult(StringRef tensor) const {
  int producer = graph.producerOf(tensor);
  if (producer < 0)
    return false;
  if (roles[producer] == Role::Contraction)
    return graph.is(producer, "Conv") || graph.is(producer, "ConvTranspose");
  return fusesIntoConv(producer);
}

bool TensorPlanner::fusesIntoConv(int node) const {
  if (roles[node] != Role::Elementwise ||
      !(graph.is(node, "Relu") || graph.is(node, "Clip")))
    return false;
  const std::string &input = graph.node(node).input(0);
  int producer = graph.producerOf(input);
  return producer >= 0 && roles[producer] == Role::Contraction &&
         graph.onlyConsumerOf(input) == node;
}

void TensorPlanner::wishOfLayer(const PlannedLayer &layer) {
  if (layer.twoTerms)
    return;
  for (int operand : layer.activations)
    want(layer.node, graph.node(layer.node).input(operand),
         /*arithmetic=*/true);
}

// Bytes move instead of floats where they come from a contraction; anything
// else is quantized behind the movement.
void TensorPlanner::wishOfMovement(int node) {
  const proto::NodeProto &proto = graph.node(node);
  StringRef from = proto.input(0);
  bool wanted = false;
  for (const std::string &output : proto.output()) {
    Wish &wish = wishes[output];
    wanted |= wish.bytes || wish.operand;
    if (graph.isOutput(output))
      return;
  }
  if (!wanted || !isActivation(from) || !wishes[from].fromLayer)
    return;
  want(node, from, /*arithmetic=*/false);
  for (const std::string &output : proto.output()) {
    if (!isActivation(output) || !graph.isUsed(output))
      continue;
    Wish &wish = wishes[output];
    if (!wish.bytes)
      wish.arithmetic = true;
    wish.bytes = true;
    if (!isDequantized(graph, from))
      share(output, from);
  }
}

// The parts of a joined tensor share its parameters, unless something else
// reads them: then they are quantized anew before they are joined.
void TensorPlanner::wishOfConcat(int node) {
  const proto::NodeProto &proto = graph.node(node);
  const std::string &output = proto.output(0);
  Wish wish = wishes[output];
  bool any = false;
  for (const std::string &input : proto.input()) {
    if (!isActivation(input))
      return;
    any |= wishes[input].fromLayer;
  }
  if (!(wish.bytes || wish.operand) || graph.isOutput(output) || !any)
    return;
  if (!wish.bytes)
    wishes[output].arithmetic = true;
  wishes[output].bytes = true;
  for (const std::string &input : proto.input()) {
    bool alone = graph.onlyConsumerOf(input) == node;
    want(node, input, /*arithmetic=*/!alone);
    if (alone && !isDequantized(graph, input))
      share(output, input);
  }
}

// Averages of pictures are exact sums of bytes. Those of squares, and those
// behind matrix products, belong to normalizations: eight bits are too few for
// a variance.
bool TensorPlanner::averagesBytes(int node) const {
  const std::string &input = graph.node(node).input(0);
  int producer = graph.producerOf(input);
  bool square =
      producer >= 0 &&
      (graph.is(producer, "Pow") ||
       (graph.is(producer, "Mul") &&
        graph.node(producer).input(0) == graph.node(producer).input(1)));
  return !square && wishes.lookup(input).fromConv;
}

void TensorPlanner::wishOfAverage(int node) {
  if (averagesBytes(node))
    want(node, graph.node(node).input(0), /*arithmetic=*/true);
}

// Whether all constants that a node reads are single numbers: a bias for each
// channel, say, makes a function for each channel.
bool TensorPlanner::readsScalars(int node) {
  return llvm::all_of(graph.node(node).input(), [&](StringRef input) {
    return input.empty() || isActivation(input) ||
           constants.scalar(input).has_value();
  });
}

// The function that ends in `root` is a table if it has one argument and takes
// long: the argument is quantized, too.
void TensorPlanner::wishOfTable(int root) {
  llvm::SetVector<int> members;
  llvm::SetVector<StringRef> leaves;
  members.insert(root);
  bool dear = false;
  for (size_t i = 0; i != members.size(); ++i) {
    dear |= isDearFunction(graph, members[i]);
    for (const std::string &input : graph.node(members[i]).input()) {
      if (!isActivation(input))
        continue;
      int producer = graph.producerOf(input);
      bool inside = producer >= 0 && roles[producer] == Role::Elementwise &&
                    readsScalars(producer) && !wishes[input].bytes &&
                    !graph.isOutput(input) &&
                    llvm::all_of(graph.consumersOf(input), [&](int reader) {
                      return members.contains(reader);
                    });
      if (inside)
        members.insert(producer);
      else
        leaves.insert(input);
    }
  }
  // A member may read what another one, found later, turned out to make.
  llvm::SmallVector<StringRef> outer;
  for (StringRef leaf : leaves)
    if (int producer = graph.producerOf(leaf);
        producer < 0 || !members.contains(producer))
      outer.push_back(leaf);
  if (!readsScalars(root) || !dear || outer.size() != 1 ||
      !wishes[outer.front()].fromLayer)
    return;
  for (int reader : graph.consumersOf(outer.front()))
    if (members.contains(reader))
      want(reader, outer.front(), /*arithmetic=*/true);
}

void TensorPlanner::wishOfElementwise(int node) {
  const proto::NodeProto &proto = graph.node(node);
  Wish &wish = wishes[proto.output(0)];
  if (!wish.bytes && !wish.operand)
    return;
  if (fusesIntoConv(node)) {
    if (!wish.bytes && isConvResult(proto.output(0)) &&
        isConvResult(proto.input(0))) {
      wish.bytes = wish.arithmetic = true;
      for (int reader : graph.consumersOf(proto.output(0)))
        if (roles[reader] != Role::Other)
          wish.readers.push_back(reader);
    }
    return;
  }
  if (wish.bytes)
    wishOfTable(node);
  for (const std::string &input : proto.input()) {
    if (!isActivation(input))
      continue;
    Wish &from = wishes[input];
    from.operand = true;
    int producer = graph.producerOf(input);
    bool made =
        producer >= 0 &&
        (roles[producer] == Role::Movement || roles[producer] == Role::Concat ||
         (roles[producer] == Role::Average && averagesBytes(producer)));
    if (from.bytes || isConvResult(input) || (made && from.fromLayer))
      want(node, input, /*arithmetic=*/true);
  }
}

// Upstream: what a node whose result is wanted wants of its inputs.
void TensorPlanner::wishUpstream(int node) {
  switch (roles[node]) {
  case Role::Contraction:
    return wishOfLayer(result.layers[layerOf[node]]);
  case Role::Movement:
    return wishOfMovement(node);
  case Role::Concat:
    return wishOfConcat(node);
  case Role::Average:
    return wishOfAverage(node);
  case Role::Elementwise:
    return wishOfElementwise(node);
  default:
    return;
  }
}

std::vector<PlannedTensor> TensorPlanner::collect() {
  std::vector<PlannedTensor> tensors;
  auto isInTwoTerms = [&](int node) {
    return layerOf[node] >= 0 && result.layers[layerOf[node]].twoTerms;
  };
  auto addTwoTerms = [&](const std::string &name) {
    PlannedTensor tensor;
    tensor.name = name;
    tensor.twoTerms = tensor.arithmetic = true;
    tensor.leader = leaderInTwoTerms(name);
    for (int reader : graph.consumersOf(name))
      if (isInTwoTerms(reader) && graph.node(reader).input(0) == name)
        tensor.readers.push_back(reader);
    if (!tensor.readers.empty())
      tensors.push_back(std::move(tensor));
  };
  auto add = [&](const std::string &name) {
    addTwoTerms(name);
    auto found = wishes.find(name);
    if (found == wishes.end() || !found->second.bytes)
      return;
    const Wish &wish = found->second;
    PlannedTensor tensor;
    tensor.name = name;
    tensor.leader = leaderOf(name);
    tensor.arithmetic = wish.arithmetic;
    // A convolution's sums leave it as bytes and nothing else.
    int producer = graph.producerOf(name);
    bool bytesOnly = isConvResult(name) || (producer >= 0 && wish.fromConv);
    for (int reader : graph.consumersOf(name))
      if (llvm::is_contained(wish.readers, reader) ||
          (bytesOnly && !isInTwoTerms(reader)))
        tensor.readers.push_back(reader);
    tensors.push_back(std::move(tensor));
  };
  for (const proto::ValueInfoProto &input : graph.graph().input())
    add(input.name());
  for (const std::string &name : graph.outerTensors())
    add(name);
  for (int node : graph.order())
    for (const std::string &output : graph.node(node).output())
      add(output);
  return tensors;
}

llvm::Expected<QuantizationPlan> TensorPlanner::plan() {
  if (llvm::Error error = readExpressions())
    return std::move(error);
  planLayers();
  for (int node : graph.order())
    follow(node);
  for (int node : llvm::reverse(graph.order()))
    wishUpstream(node);
  result.tensors = collect();
  return std::move(result);
}

} // namespace

std::string quantization::leaderInTwoTerms(StringRef tensor) {
  return (tensor + " in two terms").str();
}

llvm::Expected<QuantizationPlan>
quantization::planQuantization(const ModelGraph &graph,
                               const QuantizeOptions &options) {
  return TensorPlanner(graph, options).plan();
}
