#include "compiler/comparison/LocalModel.h"

using namespace ashlar;
using namespace ashlar::comparison;
using llvm::StringRef;
using quantization::ModelGraph;

namespace {
class Cutter {
public:
  explicit Cutter(ModelFile &file) : graph(file) {}

  /// The name of what is looked at.
  std::string cut(const MatchedTensor &match,
                  const std::vector<int64_t> &shape);
  void reindex() { graph.index(); }

private:
  std::string copyPair(const MatchedTensor &match);
  void rename(proto::GraphProto &body, StringRef from, StringRef to);
  void rename(proto::NodeProto &node, StringRef from, StringRef to);

  ModelGraph graph;
};
} // namespace

void Cutter::rename(proto::NodeProto &node, StringRef from, StringRef to) {
  for (std::string &input : *node.mutable_input())
    if (input == from)
      input = to.str();
  for (proto::AttributeProto &attribute : *node.mutable_attribute()) {
    if (attribute.has_g())
      rename(*attribute.mutable_g(), from, to);
    for (proto::GraphProto &body : *attribute.mutable_graphs())
      rename(body, from, to);
  }
}

void Cutter::rename(proto::GraphProto &body, StringRef from, StringRef to) {
  for (proto::NodeProto &node : *body.mutable_node())
    rename(node, from, to);
  // A body may give on what it captures: a body's outputs are tensors of its
  // own or of the graphs around it.
  for (proto::ValueInfoProto &output : *body.mutable_output())
    if (output.name() == from)
      output.set_name(to.str());
}

// The Q/DQ pair of the match once more, for what is looked at: the first one
// belongs to what reads the given values.
std::string Cutter::copyPair(const MatchedTensor &match) {
  int dq = graph.producerOf(match.observed);
  int q = dq < 0 ? -1 : graph.producerOf(graph.node(dq).input(0));
  if (q < 0)
    return "";
  proto::NodeProto quantize = graph.node(q), dequantize = graph.node(dq);
  std::string bytes = graph.uniqueName(match.name + "/bytes"),
              seen = graph.uniqueName(match.name + "/seen");
  quantize.set_name(graph.uniqueName(quantize.name() + "/seen"));
  dequantize.set_name(graph.uniqueName(dequantize.name() + "/seen"));
  quantize.set_output(0, bytes);
  dequantize.set_input(0, bytes);
  dequantize.set_output(0, seen);
  *graph.graph().add_node() = std::move(quantize);
  *graph.graph().add_node() = std::move(dequantize);
  return seen;
}

std::string Cutter::cut(const MatchedTensor &match,
                        const std::vector<int64_t> &shape) {
  int nodes = graph.nodeCount();
  std::string seen = match.quantized ? copyPair(match) : match.name;
  if (seen.empty())
    return "";
  std::string given = graph.uniqueName(match.name + "/given");
  // The copies at the end read the tensor itself.
  for (int node = 0; node != nodes; ++node)
    rename(graph.node(node), match.name, given);
  proto::ValueInfoProto *input = graph.graph().add_input();
  input->set_name(given);
  auto *type = input->mutable_type()->mutable_tensor_type();
  type->set_elem_type(int(ashlar::onnx::ElementType::Float));
  type->mutable_shape();
  for (int64_t dim : shape)
    type->mutable_shape()->add_dim()->set_dim_value(dim);
  return seen;
}

LocalModel comparison::cutAtMatches(
    const ModelFile &test, const std::vector<MatchedTensor> &matches,
    const std::map<std::string, std::vector<int64_t>> &shapes) {
  LocalModel local;
  local.model = std::make_unique<ModelFile>(test);
  local.observed.resize(matches.size());
  Cutter cutter(*local.model);
  for (size_t i = 0; i != matches.size(); ++i) {
    const MatchedTensor &match = matches[i];
    // Inputs are given as they are.
    if (match.isInput) {
      local.observed[i] = match.observed;
      continue;
    }
    auto shape = shapes.find(match.name);
    if (shape == shapes.end())
      continue;
    std::string seen = cutter.cut(match, shape->second);
    if (seen.empty())
      continue;
    local.observed[i] = seen;
    local.fed.push_back(int(i));
  }
  // What was computed for shapes may not hold for the copies.
  local.model->model.mutable_graph()->clear_value_info();
  return local;
}
