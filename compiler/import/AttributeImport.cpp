#include "compiler/import/GraphImporter.h"
#include "dialects/onnx/Diagnostics.h"
#include "dialects/onnx/OnnxOps.h"

using namespace mlir;
using ashlar::onnx::AttributeKind;
using AttributeProto = ::onnx::AttributeProto;

namespace ashlar {

AttributeProto::AttributeType kindOf(const AttributeProto &attribute) {
  if (attribute.type() != AttributeProto::UNDEFINED)
    return attribute.type();
  if (attribute.has_f())
    return AttributeProto::FLOAT;
  if (attribute.has_i())
    return AttributeProto::INT;
  if (attribute.has_s())
    return AttributeProto::STRING;
  if (attribute.has_t())
    return AttributeProto::TENSOR;
  if (attribute.has_g())
    return AttributeProto::GRAPH;
  if (attribute.has_tp())
    return AttributeProto::TYPE_PROTO;
  if (attribute.has_sparse_tensor())
    return AttributeProto::SPARSE_TENSOR;
  if (attribute.floats_size())
    return AttributeProto::FLOATS;
  if (attribute.ints_size())
    return AttributeProto::INTS;
  if (attribute.strings_size())
    return AttributeProto::STRINGS;
  return AttributeProto::UNDEFINED;
}

const AttributeProto *resolveAttribute(const AttributeProto &attribute,
                                       const Frame &frame) {
  if (attribute.ref_attr_name().empty())
    return &attribute;
  auto found = frame.attributes.find(attribute.ref_attr_name());
  return found == frame.attributes.end() ? nullptr : found->second;
}

namespace {

StringRef kindName(AttributeProto::AttributeType kind) {
  switch (kind) {
  case AttributeProto::FLOAT:
    return "float";
  case AttributeProto::INT:
    return "int";
  case AttributeProto::STRING:
    return "string";
  case AttributeProto::TENSOR:
    return "tensor";
  case AttributeProto::GRAPH:
    return "graph";
  case AttributeProto::FLOATS:
    return "list of floats";
  case AttributeProto::INTS:
    return "list of ints";
  case AttributeProto::STRINGS:
    return "list of strings";
  case AttributeProto::TENSORS:
    return "list of tensors";
  case AttributeProto::GRAPHS:
    return "list of graphs";
  case AttributeProto::SPARSE_TENSOR:
    return "sparse tensor";
  case AttributeProto::SPARSE_TENSORS:
    return "list of sparse tensors";
  case AttributeProto::TYPE_PROTO:
    return "type";
  case AttributeProto::TYPE_PROTOS:
    return "list of types";
  default:
    return "of no kind";
  }
}

AttributeProto::AttributeType fileKind(AttributeKind kind) {
  switch (kind) {
  case AttributeKind::Int:
    return AttributeProto::INT;
  case AttributeKind::Float:
    return AttributeProto::FLOAT;
  case AttributeKind::String:
    return AttributeProto::STRING;
  case AttributeKind::Tensor:
    return AttributeProto::TENSOR;
  case AttributeKind::SparseTensor:
    return AttributeProto::SPARSE_TENSOR;
  case AttributeKind::Graph:
    return AttributeProto::GRAPH;
  case AttributeKind::Type:
    return AttributeProto::TYPE_PROTO;
  case AttributeKind::Ints:
    return AttributeProto::INTS;
  case AttributeKind::Floats:
    return AttributeProto::FLOATS;
  case AttributeKind::Strings:
    return AttributeProto::STRINGS;
  }
  llvm_unreachable("all kinds named");
}

Attribute listOfStrings(const AttributeProto &attribute, Builder &b) {
  SmallVector<Attribute> values;
  for (const std::string &value : attribute.strings())
    values.push_back(b.getStringAttr(value));
  return b.getArrayAttr(values);
}

template <typename T, typename Field> ArrayRef<T> listOf(const Field &field) {
  return ArrayRef<T>(field.data(), field.size());
}

} // namespace

LogicalResult
GraphImporter::readAttribute(const AttributeProto &attribute, ImportNode &node,
                             Scope &scope,
                             const onnx::AttributeSchema &schema) {
  AttributeProto::AttributeType kind = kindOf(attribute),
                                expected = fileKind(schema.kind);
  // An empty list in an old file shows no kind of its own.
  if (kind == AttributeProto::UNDEFINED &&
      (expected == AttributeProto::INTS || expected == AttributeProto::FLOATS ||
       expected == AttributeProto::STRINGS))
    kind = expected;
  if (kind != expected)
    return node.error() << "attribute '" << schema.name << "' is "
                        << kindName(kind) << ", expected "
                        << kindName(expected);
  Builder &b = builder;
  Attribute value;
  switch (schema.kind) {
  case AttributeKind::Int:
    value = b.getI64IntegerAttr(attribute.i());
    break;
  case AttributeKind::Float:
    value = b.getF32FloatAttr(attribute.f());
    break;
  case AttributeKind::String:
    value = b.getStringAttr(attribute.s());
    break;
  case AttributeKind::Tensor:
    value = tensors.read(attribute.t(), node.loc, attribute.t().name());
    break;
  case AttributeKind::SparseTensor:
    value = tensors.read(attribute.sparse_tensor(), node.loc, {});
    break;
  case AttributeKind::Graph:
    return importSubgraph(attribute.g(), schema.name, node, scope);
  case AttributeKind::Type: {
    FailureOr<Type> type = types.read(attribute.tp(), node.loc);
    if (failed(type))
      return failure();
    if (!*type)
      return node.error() << "attribute '" << schema.name << "' names no type";
    value = TypeAttr::get(*type);
    break;
  }
  case AttributeKind::Ints:
    value = b.getDenseI64ArrayAttr(listOf<int64_t>(attribute.ints()));
    break;
  case AttributeKind::Floats:
    value = b.getDenseF32ArrayAttr(listOf<float>(attribute.floats()));
    break;
  case AttributeKind::Strings:
    value = listOfStrings(attribute, b);
    break;
  }
  if (!value)
    return failure();
  node.attributes.set(schema.name, value);
  return success();
}

LogicalResult
GraphImporter::readAttributes(const proto::NodeProto &node, ImportNode &result,
                              Scope &scope,
                              const onnx::OperatorSchema &schema) {
  bool ok = true;
  llvm::StringSet<> seen;
  for (const AttributeProto &written : node.attribute()) {
    if (!seen.insert(written.name()).second) {
      result.error() << "attribute '" << written.name() << "' is given twice";
      ok = false;
      continue;
    }
    const AttributeProto *attribute = resolveAttribute(written, *scope.frame);
    if (!attribute)
      continue;
    std::optional<onnx::AttributeSchema> formal =
        schema.attribute(StringRef(written.name()));
    if (!formal) {
      result.unsupported("attribute '" + written.name() +
                         "' is not known in opset " + Twine(result.opset));
      ok = false;
      continue;
    }
    ok &= succeeded(readAttribute(*attribute, result, scope, *formal));
  }
  return success(ok);
}

// The argument types of a body: what the operator passes to it.
static SmallVector<Type> bodyArgumentTypes(const ImportNode &node,
                                           StringRef graph, Builder &b) {
  SmallVector<Type> types;
  auto unranked = [](Type type) -> Type {
    Type element = elementTypeOf(type);
    return element ? UnrankedTensorType::get(element) : type;
  };
  if (node.op == "Loop") {
    types = {RankedTensorType::get({}, b.getI64Type()),
             RankedTensorType::get({}, b.getI1Type())};
    for (Value value : ArrayRef(node.inputs)
                           .drop_front(std::min<size_t>(2, node.inputs.size())))
      types.push_back(value ? unranked(value.getType()) : Type());
  } else if (node.op == "Scan") {
    // Scan-8 has its sequence lengths first.
    for (Value value : ArrayRef(node.inputs)
                           .drop_front(node.since < 9 && !node.inputs.empty()))
      types.push_back(value ? unranked(value.getType()) : Type());
  } else if (node.op == "SequenceMap") {
    for (Value value : node.inputs) {
      auto seq = value ? dyn_cast<onnx::SeqType>(value.getType()) : nullptr;
      types.push_back(seq     ? seq.getElementType()
                      : value ? value.getType()
                              : Type());
    }
  }
  return types;
}

LogicalResult GraphImporter::importSubgraph(const proto::GraphProto &graph,
                                            StringRef name, ImportNode &node,
                                            Scope &outer) {
  constexpr unsigned deepest = 32;
  if (depth >= deepest)
    return node.error() << "subgraphs are nested too deeply: more than "
                        << deepest << " levels";
  auto region = std::make_unique<Region>();
  OpBuilder::InsertionGuard guard(builder);
  Block *block = builder.createBlock(region.get());
  Scope scope;
  scope.parent = &outer;
  scope.frame = outer.frame;
  scope.block = block;

  SmallVector<Type> passed = bodyArgumentTypes(node, name, builder);
  bool ok = succeeded(declare(graph, scope, node.loc));
  if (node.op != "FlexAttention" && size_t(graph.input_size()) != passed.size())
    return node.error() << "graph '" << name << "' has " << graph.input_size()
                        << " inputs, expected " << passed.size();
  for (auto [index, input] : llvm::enumerate(graph.input())) {
    FailureOr<Type> declared = types.read(input.type(), node.loc);
    Type given = index < passed.size() ? passed[index] : Type();
    Type type = failed(declared) ? Type() : mergeTypes(given, *declared);
    if (!type && succeeded(declared))
      node.error() << "input '" << input.name() << "' of graph '" << name
                   << "' has no type"
                   << " that fits what is passed to it";
    ok &= bool(type);
    scope.values[input.name()] =
        type ? block->addArgument(type, node.loc) : Value();
    observe(input.name(), scope.values[input.name()], node.loc, scope);
  }
  ++depth;
  ok &= succeeded(importNodes(graph.node(), scope));
  --depth;
  SmallVector<Value> outputs;
  for (const proto::ValueInfoProto &output : graph.output()) {
    std::optional<Value> value = lookup(output.name(), scope, node.loc);
    ok &= value && *value;
    outputs.push_back(value.value_or(Value()));
  }
  if (!ok)
    return failure();
  builder.setInsertionPointToEnd(block);
  onnx::YieldOp::create(builder, node.loc, outputs);
  node.graphs.emplace_back(name.str(), std::move(region));
  return success();
}

// Every spelling of a constant's value.
FailureOr<ElementsAttr>
GraphImporter::readConstant(const proto::NodeProto &node, Location loc,
                            const Frame &frame) {
  const AttributeProto *found = nullptr;
  for (const AttributeProto &written : node.attribute()) {
    const AttributeProto *attribute = resolveAttribute(written, frame);
    if (!attribute)
      continue;
    if (found || node.attribute_size() > 1)
      return operatorError(loc, "Constant") << "has more than one attribute";
    found = attribute;
  }
  if (!found)
    return operatorError(loc, "Constant") << "has no value";
  StringRef spelling;
  for (const AttributeProto &written : node.attribute())
    spelling = written.name();
  AttributeProto::AttributeType kind = kindOf(*found);
  Builder &b = builder;
  auto scalar = [](Type element) { return RankedTensorType::get({}, element); };
  auto list = [](int64_t size, Type element) {
    return RankedTensorType::get({size}, element);
  };
  auto strings = [&](RankedTensorType type,
                     ArrayRef<StringRef> values) -> ElementsAttr {
    return DenseStringElementsAttr::get(type, values);
  };
  auto raw = [&](RankedTensorType type, const void *data, size_t bytes) {
    const char *begin = static_cast<const char *>(data);
    return tensors.make(type, std::vector<char>(begin, begin + bytes),
                        "constant");
  };
  ElementsAttr value;
  if (spelling == "value" && kind == AttributeProto::TENSOR)
    value = tensors.read(found->t(), loc, found->t().name());
  else if (spelling == "sparse_value" && kind == AttributeProto::SPARSE_TENSOR)
    value = tensors.read(found->sparse_tensor(), loc, {});
  else if (spelling == "value_float" && kind == AttributeProto::FLOAT)
    value = cast<ElementsAttr>(
        DenseElementsAttr::get(scalar(b.getF32Type()), found->f()));
  else if (spelling == "value_int" && kind == AttributeProto::INT)
    value = cast<ElementsAttr>(
        DenseElementsAttr::get(scalar(b.getI64Type()), found->i()));
  else if (spelling == "value_string" && kind == AttributeProto::STRING)
    value = strings(scalar(onnx::StringType::get(context)), {found->s()});
  else if (spelling == "value_floats" && kind == AttributeProto::FLOATS)
    value = raw(list(found->floats_size(), b.getF32Type()),
                found->floats().data(), found->floats_size() * sizeof(float));
  else if (spelling == "value_ints" && kind == AttributeProto::INTS)
    value = raw(list(found->ints_size(), b.getI64Type()), found->ints().data(),
                found->ints_size() * sizeof(int64_t));
  else if (spelling == "value_strings" && kind == AttributeProto::STRINGS)
    value = strings(list(found->strings_size(), onnx::StringType::get(context)),
                    SmallVector<StringRef>(found->strings().begin(),
                                           found->strings().end()));
  else
    return operatorError(loc, "Constant")
           << "attribute '" << spelling << "' is " << kindName(kind)
           << ", which does not fit";
  if (!value)
    return failure();
  return value;
}

} // namespace ashlar
