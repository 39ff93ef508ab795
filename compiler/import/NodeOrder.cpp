#include "compiler/import/GraphImporter.h"
#include <queue>

using namespace mlir;

namespace ashlar {
namespace {

using Nodes = google::protobuf::RepeatedPtrField<proto::NodeProto>;

// Names of outer values that a node uses, those in its subgraphs included.
void collectUses(const proto::NodeProto &node, SmallVectorImpl<StringRef> &uses,
                 unsigned depth);

void collectUses(const proto::GraphProto &graph,
                 SmallVectorImpl<StringRef> &uses, unsigned depth) {
  llvm::StringSet<> inside;
  for (const proto::ValueInfoProto &input : graph.input())
    inside.insert(input.name());
  for (const proto::TensorProto &tensor : graph.initializer())
    inside.insert(tensor.name());
  SmallVector<StringRef> all;
  for (const proto::NodeProto &node : graph.node()) {
    collectUses(node, all, depth);
    for (const std::string &output : node.output())
      inside.insert(output);
  }
  for (const proto::ValueInfoProto &output : graph.output())
    all.push_back(output.name());
  for (StringRef name : all)
    if (!inside.contains(name))
      uses.push_back(name);
}

void collectUses(const proto::NodeProto &node, SmallVectorImpl<StringRef> &uses,
                 unsigned depth) {
  for (const std::string &input : node.input())
    if (!input.empty())
      uses.push_back(input);
  // Deeper graphs are refused anyway.
  if (depth > 40)
    return;
  for (const proto::AttributeProto &attribute : node.attribute()) {
    if (attribute.has_g())
      collectUses(attribute.g(), uses, depth + 1);
    for (const proto::GraphProto &graph : attribute.graphs())
      collectUses(graph, uses, depth + 1);
  }
}

} // namespace

LogicalResult orderNodes(const Nodes &nodes,
                         llvm::function_ref<Location(unsigned)> locationOf,
                         SmallVectorImpl<unsigned> &order) {
  llvm::StringMap<unsigned> producers;
  for (auto [index, node] : llvm::enumerate(nodes))
    for (const std::string &output : node.output())
      if (!output.empty())
        producers.try_emplace(output, index);
  std::vector<SmallVector<unsigned, 2>> users(nodes.size());
  std::vector<unsigned> waiting(nodes.size());
  for (auto [index, node] : llvm::enumerate(nodes)) {
    SmallVector<StringRef> uses;
    collectUses(node, uses, 0);
    for (StringRef name : uses) {
      auto producer = producers.find(name);
      if (producer == producers.end())
        continue;
      users[producer->second].push_back(index);
      ++waiting[index];
    }
  }
  std::priority_queue<unsigned, std::vector<unsigned>, std::greater<unsigned>>
      ready;
  for (unsigned index = 0; index < waiting.size(); ++index)
    if (!waiting[index])
      ready.push(index);
  while (!ready.empty()) {
    unsigned index = ready.top();
    ready.pop();
    order.push_back(index);
    for (unsigned user : users[index])
      if (!--waiting[user])
        ready.push(user);
  }
  if (order.size() == waiting.size())
    return success();
  // What waits is on a cycle or behind one; walk back from any to the cycle.
  unsigned at = std::find_if(waiting.begin(), waiting.end(),
                             [](unsigned n) { return n != 0; }) -
                waiting.begin();
  std::vector<bool> seen(waiting.size());
  auto waitingProducer = [&](unsigned index) {
    SmallVector<StringRef> uses;
    collectUses(nodes[index], uses, 0);
    for (StringRef name : uses)
      if (auto producer = producers.find(name);
          producer != producers.end() && waiting[producer->second])
        return producer->second;
    return index;
  };
  while (!seen[at]) {
    seen[at] = true;
    at = waitingProducer(at);
  }
  InFlightDiagnostic error = operatorError(locationOf(at), nodes[at].op_type());
  error << "depends on its own result";
  for (unsigned next = waitingProducer(at); next != at;
       next = waitingProducer(next))
    error.attachNote(locationOf(next)) << "by way of this node";
  return failure();
}

} // namespace ashlar
