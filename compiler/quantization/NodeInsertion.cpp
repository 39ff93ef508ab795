//===- NodeInsertion.cpp - new nodes among those of a graph ---------------===//
#include "compiler/quantization/NodeInsertion.h"

using namespace ashlar;
using namespace ashlar::quantization;
using llvm::StringRef;

void NodeInsertion::insertBehind(StringRef tensor, proto::NodeProto added) {
  int producer = graph.producerOf(tensor);
  (producer < 0 ? first : after[producer]).push_back(std::move(added));
}

void NodeInsertion::apply() {
  auto &nodes = *graph.graph().mutable_node();
  google::protobuf::RepeatedPtrField<proto::NodeProto> all;
  auto append = [&](std::vector<proto::NodeProto> &list) {
    for (proto::NodeProto &node : list)
      *all.Add() = std::move(node);
  };
  append(first);
  for (int index = 0; index != nodes.size(); ++index) {
    append(before[index]);
    // Nodes without a name are called by their number, which would change.
    if (nodes[index].name().empty())
      nodes[index].set_name(graph.nameOf(index));
    if (!replaced[index])
      *all.Add() = std::move(nodes[index]);
    append(after[index]);
  }
  nodes.Swap(&all);
  graph.index();
}

proto::NodeProto quantization::makeNode(StringRef op, StringRef domain,
                                        StringRef name,
                                        llvm::ArrayRef<std::string> inputs,
                                        StringRef output,
                                        std::optional<int64_t> axis) {
  proto::NodeProto node;
  for (const std::string &input : inputs)
    node.add_input(input);
  node.add_output(output.str());
  node.set_name(name.str());
  node.set_op_type(op.str());
  if (!domain.empty())
    node.set_domain(domain.str());
  if (axis)
    setIntAttribute(node, "axis", *axis);
  return node;
}

StringRef quantization::domainOfQuantization(const ModelGraph &graph,
                                             bool withAxis) {
  int64_t opset = graph.opset();
  return opset >= 13 || (opset >= 10 && !withAxis) ? StringRef()
                                                   : StringRef("com.microsoft");
}

void quantization::importDomain(ModelGraph &graph, StringRef domain) {
  if (domain.empty() || graph.opset(domain))
    return;
  proto::OperatorSetIdProto *import =
      graph.modelFile().model.add_opset_import();
  import->set_domain(domain.str());
  import->set_version(1);
}
