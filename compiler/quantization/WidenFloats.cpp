//===- WidenFloats.cpp - models of 16-bit floats in f32 -------------------===//
#include "compiler/quantization/WidenFloats.h"

#include "compiler/quantization/ModelConstants.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace ashlar;
using namespace ashlar::quantization;
using ashlar::onnx::ElementType;
using llvm::Error;
using llvm::StringRef;

static bool isNarrow(int64_t type) {
  return ElementType(type) == ElementType::Float16 ||
         ElementType(type) == ElementType::Bfloat16;
}

static bool isNarrow(const proto::TypeProto &type) {
  return type.has_tensor_type() && isNarrow(type.tensor_type().elem_type());
}

// Attributes that name the type of a result.
static bool namesType(StringRef attribute) {
  return attribute == "to" || attribute == "dtype" ||
         attribute == "output_dtype" || attribute == "output_datatype" ||
         attribute == "stash_type" || attribute == "softmax_precision";
}

namespace {

class FloatWidener {
public:
  explicit FloatWidener(ModelFile &file) : file(file), external(file) {}

  llvm::Expected<std::map<std::string, std::string>> run();
  bool foundAny() const { return found; }

private:
  Error widenTensor(proto::TensorProto &tensor);
  void widenType(proto::TypeProto &type);
  Error widenNode(proto::NodeProto &node);
  Error widenGraph(proto::GraphProto &graph);
  void collectNames(const proto::GraphProto &graph);
  void standFor(const std::string &name);
  void rename(proto::GraphProto &graph);
  void addCasts(const std::vector<proto::ValueInfoProto> &inputs,
                const std::vector<proto::ValueInfoProto> &outputs);

  ModelFile &file;
  ExternalData external;
  bool found = false;
  llvm::StringSet<> names;
  std::map<std::string, std::string> places; // of inputs and outputs
};

} // namespace

Error FloatWidener::widenTensor(proto::TensorProto &tensor) {
  if (!isNarrow(tensor.data_type()))
    return Error::success();
  found = true;
  auto values = floatsOf(file, external, tensor);
  if (!values)
    return values.takeError();
  tensor = makeFloats(tensor.name(), (*values)->shape, (*values)->values);
  return Error::success();
}

void FloatWidener::widenType(proto::TypeProto &type) {
  if (isNarrow(type)) {
    found = true;
    type.mutable_tensor_type()->set_elem_type(int32_t(ElementType::Float));
  } else if (type.has_sequence_type()) {
    widenType(*type.mutable_sequence_type()->mutable_elem_type());
  } else if (type.has_optional_type()) {
    widenType(*type.mutable_optional_type()->mutable_elem_type());
  }
}

Error FloatWidener::widenNode(proto::NodeProto &node) {
  for (proto::AttributeProto &attribute : *node.mutable_attribute()) {
    if (attribute.has_i() && namesType(attribute.name()) &&
        isNarrow(attribute.i())) {
      found = true;
      attribute.set_i(int64_t(ElementType::Float));
    }
    if (attribute.has_t())
      if (Error error = widenTensor(*attribute.mutable_t()))
        return error;
    if (attribute.has_tp())
      widenType(*attribute.mutable_tp());
    if (attribute.has_g())
      if (Error error = widenGraph(*attribute.mutable_g()))
        return error;
    for (proto::GraphProto &body : *attribute.mutable_graphs())
      if (Error error = widenGraph(body))
        return error;
  }
  return Error::success();
}

Error FloatWidener::widenGraph(proto::GraphProto &graph) {
  for (proto::TensorProto &tensor : *graph.mutable_initializer())
    if (Error error = widenTensor(tensor))
      return error;
  for (proto::SparseTensorProto &tensor : *graph.mutable_sparse_initializer())
    if (Error error = widenTensor(*tensor.mutable_values()))
      return error;
  for (proto::NodeProto &node : *graph.mutable_node())
    if (Error error = widenNode(node))
      return error;
  for (auto *list : {graph.mutable_value_info(), graph.mutable_input(),
                     graph.mutable_output()})
    for (proto::ValueInfoProto &info : *list)
      if (info.has_type())
        widenType(*info.mutable_type());
  return Error::success();
}

void FloatWidener::collectNames(const proto::GraphProto &graph) {
  for (const auto *list :
       {&graph.value_info(), &graph.input(), &graph.output()})
    for (const proto::ValueInfoProto &info : *list)
      names.insert(info.name());
  for (const proto::TensorProto &tensor : graph.initializer())
    names.insert(tensor.name());
  for (const proto::NodeProto &node : graph.node()) {
    names.insert(node.name());
    for (const std::string &output : node.output())
      names.insert(output);
    for (const proto::AttributeProto &attribute : node.attribute()) {
      if (attribute.has_g())
        collectNames(attribute.g());
      for (const proto::GraphProto &body : attribute.graphs())
        collectNames(body);
    }
  }
}

// A new name for the tensor inside of the model.
void FloatWidener::standFor(const std::string &name) {
  std::string wish = name + "_float";
  for (int k = 0; !names.insert(wish).second; ++k)
    wish = name + "_float_" + std::to_string(k);
  places[name] = wish;
}

void FloatWidener::rename(proto::GraphProto &graph) {
  auto renameOne = [&](std::string &name) {
    auto place = places.find(name);
    if (place != places.end())
      name = place->second;
  };
  for (proto::TensorProto &tensor : *graph.mutable_initializer())
    renameOne(*tensor.mutable_name());
  for (auto *list : {graph.mutable_value_info(), graph.mutable_input(),
                     graph.mutable_output()})
    for (proto::ValueInfoProto &info : *list)
      renameOne(*info.mutable_name());
  for (proto::NodeProto &node : *graph.mutable_node()) {
    for (auto *list : {node.mutable_input(), node.mutable_output()})
      for (std::string &name : *list)
        renameOne(name);
    for (proto::AttributeProto &attribute : *node.mutable_attribute()) {
      if (attribute.has_g())
        rename(*attribute.mutable_g());
      for (proto::GraphProto &body : *attribute.mutable_graphs())
        rename(body);
    }
  }
}

static proto::NodeProto castOf(const std::string &from, const std::string &to,
                               ElementType type) {
  proto::NodeProto node;
  node.set_op_type("Cast");
  node.set_name(to + "_Cast");
  node.add_input(from);
  node.add_output(to);
  setIntAttribute(node, "to", int64_t(type));
  return node;
}

static ElementType typeOf(const proto::ValueInfoProto &info) {
  return ElementType(info.type().tensor_type().elem_type());
}

// The casts, and inputs and outputs as they were.
void FloatWidener::addCasts(const std::vector<proto::ValueInfoProto> &inputs,
                            const std::vector<proto::ValueInfoProto> &outputs) {
  proto::GraphProto &graph = *file.model.mutable_graph();
  google::protobuf::RepeatedPtrField<proto::NodeProto> nodes;
  for (const proto::ValueInfoProto &input : inputs)
    *nodes.Add() =
        castOf(input.name(), places[input.name()], ElementType::Float);
  nodes.MergeFrom(graph.node());
  auto isInput = [&](const proto::ValueInfoProto &output) {
    return llvm::any_of(inputs, [&](const proto::ValueInfoProto &input) {
      return input.name() == output.name();
    });
  };
  for (const proto::ValueInfoProto &output : outputs)
    if (!isInput(output))
      *nodes.Add() =
          castOf(places[output.name()], output.name(), typeOf(output));
  graph.mutable_node()->Swap(&nodes);
  for (auto [list, before] : {std::pair(graph.mutable_input(), &inputs),
                              std::pair(graph.mutable_output(), &outputs)})
    for (const proto::ValueInfoProto &info : *before)
      for (proto::ValueInfoProto &now : *list)
        if (now.name() == places[info.name()])
          now = info;
}

llvm::Expected<std::map<std::string, std::string>> FloatWidener::run() {
  proto::GraphProto &graph = *file.model.mutable_graph();
  llvm::StringSet<> held;
  for (const proto::TensorProto &tensor : graph.initializer())
    held.insert(tensor.name());
  // Inputs with a default value become constants.
  std::vector<proto::ValueInfoProto> inputs, outputs;
  for (const proto::ValueInfoProto &input : graph.input())
    if (isNarrow(input.type()) && !held.contains(input.name()))
      inputs.push_back(input);
  ModelGraph types(file); // some outputs do not say theirs
  for (const proto::ValueInfoProto &output : graph.output()) {
    ElementType type = types.elementType(output.name());
    if (!isNarrow(int64_t(type)))
      continue;
    outputs.push_back(output);
    outputs.back().mutable_type()->mutable_tensor_type()->set_elem_type(
        int32_t(type));
  }
  if (Error error = widenGraph(graph))
    return std::move(error);
  for (proto::FunctionProto &function : *file.model.mutable_functions())
    for (proto::NodeProto &node : *function.mutable_node())
      if (Error error = widenNode(node))
        return std::move(error);
  if (!found)
    return places;
  collectNames(graph);
  for (const auto *list : {&inputs, &outputs})
    for (const proto::ValueInfoProto &info : *list)
      if (!places.count(info.name()))
        standFor(info.name());
  rename(graph);
  addCasts(inputs, outputs);
  std::map<std::string, std::string> stands;
  for (const auto &[name, place] : places)
    stands[place] = name;
  return stands;
}

llvm::Expected<std::map<std::string, std::string>>
quantization::widenFloats(ModelFile &file) {
  return FloatWidener(file).run();
}

llvm::Expected<bool> quantization::widenWithTable(ModelFile &file,
                                                  CalibrationTable &table) {
  FloatWidener widener(file);
  auto places = widener.run();
  if (!places)
    return places.takeError();
  for (const auto &[place, name] : *places)
    if (auto known = table.tensors.find(name); known != table.tensors.end())
      table.tensors[place] = known->second;
  return widener.foundAny();
}
