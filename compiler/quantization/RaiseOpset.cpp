//===- RaiseOpset.cpp - old models to the first opset with integers -------===//
#include "compiler/quantization/RaiseOpset.h"

#include "compiler/quantization/ModelConstants.h"

#include "llvm/ADT/StringExtras.h"

#include <algorithm>

using namespace ashlar;
using namespace ashlar::quantization;
using ashlar::onnx::ElementType;
using llvm::StringRef;

namespace {

/// Rewrites the nodes of one graph and of the graphs in it.
class Raiser {
public:
  explicit Raiser(int64_t from) : from(from) {}

  void check(const proto::GraphProto &graph);
  void raise(proto::GraphProto &graph);

  std::vector<std::string> problems;

private:
  void checkNode(const proto::NodeProto &node);
  void raiseNode(proto::NodeProto &node, proto::GraphProto &graph);
  void attributeToInput(proto::NodeProto &node, proto::GraphProto &graph,
                        StringRef attribute, int operand);

  int64_t from;
};

bool isStandardNode(const proto::NodeProto &node) {
  return node.domain().empty() || node.domain() == "ai.onnx";
}

void Raiser::checkNode(const proto::NodeProto &node) {
  if (!isStandardNode(node))
    return;
  StringRef op = node.op_type();
  bool fixed = (op == "BatchNormalization" && from < 9 &&
                intAttribute(node, "spatial", 1) != 1) ||
               (op == "Scan" && from < 9) || (op == "Upsample" && from < 7) ||
               from < 7;
  if (fixed)
    problems.push_back("'" +
                       (node.name().empty() ? node.output(0) : node.name()) +
                       "' (" + op.str() + "-" + std::to_string(from) + ")");
}

void Raiser::check(const proto::GraphProto &graph) {
  for (const proto::NodeProto &node : graph.node()) {
    checkNode(node);
    for (const proto::AttributeProto &attribute : node.attribute()) {
      if (attribute.has_g())
        check(attribute.g());
      for (const proto::GraphProto &body : attribute.graphs())
        check(body);
    }
  }
}

// A list that was an attribute becomes a constant.
void Raiser::attributeToInput(proto::NodeProto &node, proto::GraphProto &graph,
                              StringRef attribute, int operand) {
  const proto::AttributeProto *found = findAttribute(node, attribute);
  if (!found)
    return;
  std::string name = node.output(0) + "_" + attribute.str();
  proto::TensorProto tensor;
  if (found->floats_size()) {
    std::vector<float> values(found->floats().begin(), found->floats().end());
    tensor = makeFloats(name, {int64_t(values.size())}, values);
  } else {
    std::vector<int64_t> values(found->ints().begin(), found->ints().end());
    if (values.empty())
      values.push_back(found->i());
    tensor = makeTensor(name, ElementType::Int64, {int64_t(values.size())},
                        StringRef(reinterpret_cast<const char *>(values.data()),
                                  values.size() * sizeof(int64_t)));
  }
  // A Constant needs no declaration, whatever the version of the file.
  proto::NodeProto *constant = graph.add_node();
  constant->set_op_type("Constant");
  constant->set_name(name);
  constant->add_output(name);
  proto::AttributeProto *value = constant->add_attribute();
  value->set_name("value");
  value->set_type(proto::AttributeProto::TENSOR);
  *value->mutable_t() = std::move(tensor);
  while (node.input_size() <= operand)
    node.add_input();
  node.set_input(operand, name);
  removeAttribute(node, attribute);
}

void Raiser::raiseNode(proto::NodeProto &node, proto::GraphProto &graph) {
  if (!isStandardNode(node))
    return;
  StringRef op = node.op_type();
  if (op == "BatchNormalization") {
    removeAttribute(node, "spatial");
  } else if (op == "Slice") {
    attributeToInput(node, graph, "starts", 1);
    attributeToInput(node, graph, "ends", 2);
    attributeToInput(node, graph, "axes", 3);
  } else if (op == "TopK") {
    attributeToInput(node, graph, "k", 1);
  } else if (op == "Upsample") {
    attributeToInput(node, graph, "scales", 1);
    node.set_op_type("Resize");
  }
}

void Raiser::raise(proto::GraphProto &graph) {
  int count = graph.node_size();
  for (int i = 0; i != count; ++i) {
    proto::NodeProto &node = *graph.mutable_node(i);
    raiseNode(node, graph);
    for (proto::AttributeProto &attribute : *node.mutable_attribute()) {
      if (attribute.has_g())
        raise(*attribute.mutable_g());
      for (proto::GraphProto &body : *attribute.mutable_graphs())
        raise(body);
    }
  }
  // The new constants come before what reads them.
  auto &nodes = *graph.mutable_node();
  std::rotate(nodes.pointer_begin(), nodes.pointer_begin() + count,
              nodes.pointer_end());
}

} // namespace

llvm::Error quantization::raiseOpset(proto::ModelProto &model) {
  for (proto::OperatorSetIdProto &import : *model.mutable_opset_import()) {
    bool standard = import.domain().empty() || import.domain() == "ai.onnx";
    if (!standard || import.version() >= kFirstIntegerOpset)
      continue;
    Raiser raiser(import.version());
    raiser.check(model.graph());
    if (!raiser.problems.empty())
      return llvm::createStringError(
          "opset " + llvm::Twine(import.version()) +
          " cannot become 10, where integer operators begin: " +
          llvm::join(raiser.problems, ", "));
    raiser.raise(*model.mutable_graph());
    import.set_version(kFirstIntegerOpset);
  }
  return llvm::Error::success();
}
