//===- ModelGraph.cpp - the graph of a model file -------------------------===//
#include "compiler/quantization/ModelGraph.h"

using namespace ashlar;
using namespace ashlar::quantization;
using ashlar::onnx::ElementType;
using ashlar::onnx::OperatorSchema;
using llvm::StringRef;

static StringRef standardDomain(StringRef domain) {
  return domain == "ai.onnx" ? StringRef() : domain;
}

ModelGraph::ModelGraph(ModelFile &file)
    : file(file), root(file.model.mutable_graph()),
      names(std::make_shared<llvm::StringSet<>>()) {
  nameNodes();
  index();
}

ModelGraph::ModelGraph(const ModelGraph &outer, proto::GraphProto &body)
    : file(outer.file), root(&body), outer(&outer), names(outer.names) {
  nameNodes();
  index();
}

void ModelGraph::nameNodes() {
  for (const proto::ValueInfoProto &info : graph().value_info())
    names->insert(info.name());
  for (int index = 0; index != nodeCount(); ++index)
    nodeNames[&node(index)] =
        node(index).name().empty()
            ? node(index).op_type() + "_" + std::to_string(index)
            : node(index).name();
}

void ModelGraph::index() {
  for (auto *map : {&inputs, &outputs, &captured, &constants})
    map->clear();
  producers.clear();
  consumers.clear();
  initializers.clear();
  for (const proto::TensorProto &tensor : graph().initializer()) {
    initializers[tensor.name()] = &tensor;
    constants.insert(tensor.name());
  }
  for (const proto::SparseTensorProto &tensor : graph().sparse_initializer())
    constants.insert(tensor.values().name());
  for (const proto::ValueInfoProto &info : graph().input())
    inputs.insert(info.name());
  for (const proto::ValueInfoProto &info : graph().output())
    outputs.insert(info.name());
  for (int index = 0; index != nodeCount(); ++index) {
    for (const std::string &output : node(index).output())
      if (!output.empty())
        producers[output] = index;
    for (const std::string &input : node(index).input())
      if (auto &list = consumers[input]; list.empty() || list.back() != index)
        list.push_back(index);
    for (const proto::AttributeProto &attribute : node(index).attribute()) {
      if (attribute.has_g())
        indexSubgraph(attribute.g(), index);
      for (const proto::GraphProto &body : attribute.graphs())
        indexSubgraph(body, index);
    }
    names->insert(node(index).name());
  }
  for (const auto *map : {&producers})
    for (const auto &entry : *map)
      names->insert(entry.getKey());
  for (const auto *set : {&inputs, &outputs, &constants})
    for (const auto &entry : *set)
      names->insert(entry.getKey());
  sort();
  inferElementTypes();
}

// What a body reads and does not make itself comes from the graphs around it.
// Names are unique within the nesting, so that nothing has to be subtracted.
void ModelGraph::indexSubgraph(const proto::GraphProto &body, int owner) {
  auto read = [&](const std::string &name) {
    captured.insert(name);
    auto &list = consumers[name];
    if (list.empty() || list.back() != owner)
      list.push_back(owner);
  };
  for (const proto::NodeProto &inner : body.node()) {
    names->insert(inner.name());
    for (const std::string &input : inner.input())
      read(input);
    for (const std::string &output : inner.output())
      names->insert(output);
    for (const proto::AttributeProto &attribute : inner.attribute()) {
      if (attribute.has_g())
        indexSubgraph(attribute.g(), owner);
      for (const proto::GraphProto &deeper : attribute.graphs())
        indexSubgraph(deeper, owner);
    }
  }
  for (const proto::TensorProto &tensor : body.initializer())
    names->insert(tensor.name());
  for (const proto::ValueInfoProto &output : body.output())
    read(output.name());
}

// Depth first, from each node to those that it needs; a cycle, which the
// importer reports, ends where it closes.
void ModelGraph::sort() {
  sorted.clear();
  std::vector<char> state(nodeCount(), 0); // 1: entered, 2: placed
  std::vector<std::vector<int>> needs(nodeCount());
  for (const auto &entry : consumers) {
    int producer = producerOf(entry.getKey());
    if (producer >= 0)
      for (int consumer : entry.getValue())
        needs[consumer].push_back(producer);
  }
  for (int root = 0; root != nodeCount(); ++root) {
    std::vector<int> stack = {root};
    while (!stack.empty()) {
      int at = stack.back();
      if (state[at] == 0) {
        state[at] = 1;
        std::vector<int> &next = needs[at];
        llvm::sort(next, std::greater<int>());
        for (int need : next)
          if (state[need] == 0)
            stack.push_back(need);
        continue;
      }
      stack.pop_back();
      if (state[at] == 1) {
        state[at] = 2;
        sorted.push_back(at);
      }
    }
  }
}

std::string ModelGraph::nameOf(int index) const {
  auto known = nodeNames.find(&node(index));
  return known == nodeNames.end() ? node(index).name() : known->second;
}

bool ModelGraph::is(int index, StringRef op, StringRef domain) const {
  const proto::NodeProto &found = node(index);
  return found.op_type() == op && standardDomain(found.domain()) == domain;
}

bool ModelGraph::isStandard(int index) const {
  return standardDomain(node(index).domain()).empty();
}

int ModelGraph::producerOf(StringRef tensor) const {
  auto found = producers.find(tensor);
  return found == producers.end() ? -1 : found->second;
}

llvm::ArrayRef<int> ModelGraph::consumersOf(StringRef tensor) const {
  auto found = consumers.find(tensor);
  return found == consumers.end() ? llvm::ArrayRef<int>() : found->second;
}

int ModelGraph::onlyConsumerOf(StringRef tensor) const {
  llvm::ArrayRef<int> readers = consumersOf(tensor);
  return readers.size() == 1 && !isOutput(tensor) && !isCaptured(tensor)
             ? readers.front()
             : -1;
}

bool ModelGraph::isUsed(StringRef tensor) const {
  return !consumersOf(tensor).empty() || isOutput(tensor) || isCaptured(tensor);
}

const proto::TensorProto *ModelGraph::initializer(StringRef tensor) const {
  if (auto found = initializers.find(tensor); found != initializers.end())
    return found->second;
  return outer && producerOf(tensor) < 0 && !isInput(tensor)
             ? outer->initializer(tensor)
             : nullptr;
}

bool ModelGraph::isConstant(StringRef tensor) const {
  return constants.contains(tensor) ||
         (outer && producerOf(tensor) < 0 && !isInput(tensor) &&
          outer->isConstant(tensor));
}

const proto::NodeProto *ModelGraph::constantNode(StringRef tensor) const {
  if (int index = producerOf(tensor); index >= 0)
    return is(index, "Constant") ? &node(index) : nullptr;
  return outer ? outer->constantNode(tensor) : nullptr;
}

std::vector<std::string> ModelGraph::outerTensors() const {
  std::vector<std::string> result;
  llvm::StringSet<> seen;
  for (const proto::NodeProto &reader : graph().node())
    for (const std::string &name : reader.input())
      if (!name.empty() && producerOf(name) < 0 && !isInput(name) &&
          !constants.contains(name) && seen.insert(name).second)
        result.push_back(name);
  return result;
}

ElementType ModelGraph::elementType(StringRef tensor) const {
  auto found = elementTypes.find(tensor);
  if (found != elementTypes.end())
    return found->second;
  return outer ? outer->elementType(tensor) : ElementType::Undefined;
}

int64_t ModelGraph::opset(StringRef domain) const {
  for (const proto::OperatorSetIdProto &import : file.model.opset_import())
    if (standardDomain(import.domain()) == domain)
      return import.version();
  return domain.empty() ? 1 : 0;
}

std::string ModelGraph::uniqueName(const llvm::Twine &wish) {
  std::string name = wish.str();
  for (unsigned next = 1; !names->insert(name).second; ++next)
    name = (wish + "_" + llvm::Twine(next)).str();
  return name;
}

//===----------------------------------------------------------------------===//
// Element types
//===----------------------------------------------------------------------===//

void ModelGraph::inferElementTypes() {
  elementTypes.clear();
  auto declare = [&](const proto::ValueInfoProto &info) {
    if (info.type().has_tensor_type())
      elementTypes[info.name()] =
          ElementType(info.type().tensor_type().elem_type());
  };
  for (const auto *infos :
       {&graph().value_info(), &graph().output(), &graph().input()})
    for (const proto::ValueInfoProto &info : *infos)
      declare(info);
  for (const proto::TensorProto &tensor : graph().initializer())
    elementTypes[tensor.name()] = ElementType(tensor.data_type());
  for (int index : sorted) {
    inferElementTypes(index);
    const proto::NodeProto &made = node(index);
    StringRef op = made.op_type();
    bool pure = !op.starts_with("Random") && op != "Bernoulli" &&
                op != "Multinomial" && op != "Dropout" && op != "If" &&
                op != "Loop" && op != "Scan";
    if (pure && llvm::all_of(made.input(), [&](const std::string &input) {
          return input.empty() || isConstant(input);
        }))
      for (const std::string &output : made.output())
        constants.insert(output);
  }
}

void ModelGraph::inferElementTypes(int index) {
  const proto::NodeProto &made = node(index);
  auto define = [&](const std::string &name, ElementType type) {
    if (!name.empty() && type != ElementType::Undefined)
      elementTypes[name] = type;
  };
  StringRef op = made.op_type(), domain = standardDomain(made.domain());
  if (made.output().empty())
    return;
  if (op == "Cast")
    return define(made.output(0), ElementType(intAttribute(made, "to", 0)));
  if (op == "Constant") {
    ElementType type = ElementType::Undefined;
    if (auto *value = findAttribute(made, "value"))
      type = ElementType(value->t().data_type());
    else if (findAttribute(made, "value_float") ||
             findAttribute(made, "value_floats"))
      type = ElementType::Float;
    else if (findAttribute(made, "value_int") ||
             findAttribute(made, "value_ints"))
      type = ElementType::Int64;
    return define(made.output(0), type);
  }
  if (op == "ConstantOfShape") {
    auto *value = findAttribute(made, "value");
    return define(made.output(0), value ? ElementType(value->t().data_type())
                                        : ElementType::Float);
  }
  std::optional<OperatorSchema> schema =
      OperatorSchema::lookup(domain, op, opset(domain));
  if (!schema)
    return;
  for (int i = 0; i != made.output_size(); ++i) {
    auto output = schema->formalOfOutput(i);
    if (!output)
      continue;
    if (auto only = output->types.onlyElementType())
      define(made.output(i), *only);
    for (int j = 0; j != made.input_size(); ++j) {
      auto input = schema->formalOfInput(j);
      if (!input || input->typeVariable.empty() ||
          input->typeVariable != output->typeVariable)
        continue;
      define(made.output(i), elementType(made.input(j)));
      break;
    }
  }
}

llvm::Error quantization::forEachBody(
    const ModelGraph &graph,
    llvm::function_ref<llvm::Error(ModelGraph &body)> visit) {
  auto enter = [&](proto::GraphProto &inside) -> llvm::Error {
    ModelGraph body(graph, inside);
    if (llvm::Error error = forEachBody(body, visit))
      return error;
    body.index();
    return visit(body);
  };
  for (int index = 0; index != graph.nodeCount(); ++index)
    for (proto::AttributeProto &attribute :
         *graph.node(index).mutable_attribute()) {
      if (attribute.has_g())
        if (llvm::Error error = enter(*attribute.mutable_g()))
          return error;
      for (proto::GraphProto &inside : *attribute.mutable_graphs())
        if (llvm::Error error = enter(inside))
          return error;
    }
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

const proto::AttributeProto *
quantization::findAttribute(const proto::NodeProto &node, StringRef name) {
  for (const proto::AttributeProto &attribute : node.attribute())
    if (attribute.name() == name)
      return &attribute;
  return nullptr;
}

int64_t quantization::intAttribute(const proto::NodeProto &node, StringRef name,
                                   int64_t otherwise) {
  auto *found = findAttribute(node, name);
  return found ? found->i() : otherwise;
}

float quantization::floatAttribute(const proto::NodeProto &node, StringRef name,
                                   float otherwise) {
  auto *found = findAttribute(node, name);
  return found ? found->f() : otherwise;
}

std::vector<int64_t> quantization::intsAttribute(const proto::NodeProto &node,
                                                 StringRef name) {
  auto *found = findAttribute(node, name);
  return found
             ? std::vector<int64_t>(found->ints().begin(), found->ints().end())
             : std::vector<int64_t>();
}

std::string quantization::stringAttribute(const proto::NodeProto &node,
                                          StringRef name, StringRef otherwise) {
  auto *found = findAttribute(node, name);
  return found ? found->s() : otherwise.str();
}

void quantization::removeAttribute(proto::NodeProto &node, StringRef name) {
  for (int i = node.attribute_size(); i-- > 0;)
    if (node.attribute(i).name() == name)
      node.mutable_attribute()->DeleteSubrange(i, 1);
}

void quantization::setIntAttribute(proto::NodeProto &node, StringRef name,
                                   int64_t value) {
  removeAttribute(node, name);
  proto::AttributeProto *attribute = node.add_attribute();
  attribute->set_name(name.str());
  attribute->set_type(proto::AttributeProto::INT);
  attribute->set_i(value);
}
