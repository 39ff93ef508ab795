#include "compiler/import/GraphImporter.h"
#include "compiler/import/upgrade/Upgrade.h"
#include "dialects/onnx/Diagnostics.h"
#include "dialects/onnx/OnnxOps.h"

using namespace mlir;
using ashlar::onnx::OperatorSchema;

namespace ashlar {

using NodeProtos = google::protobuf::RepeatedPtrField<proto::NodeProto>;

GraphImporter::GraphImporter(MLIRContext *context, const ModelFile &file,
                             const ImportOptions &options)
    : context(context), file(file), options(options), builder(context),
      tensors(context, file), types(context, options), nodes(builder, tensors) {
}

Location GraphImporter::namedLocation(StringRef name) {
  return NameLoc::get(builder.getStringAttr(name),
                      FileLineColLoc::get(context, file.name, 0, 0));
}

Location GraphImporter::nodeLocation(const proto::NodeProto &node,
                                     unsigned index, const Frame &frame) {
  std::string name = node.name();
  if (name.empty())
    name = node.op_type() + "_" + std::to_string(index);
  return NameLoc::get(builder.getStringAttr(frame.prefix + name),
                      FileLineColLoc::get(context, file.name, index, 0));
}

// Initialisers and declared types of a graph. Duplicate names are an error.
LogicalResult GraphImporter::declare(const proto::GraphProto &graph,
                                     Scope &scope, Location loc) {
  bool ok = true;
  auto duplicate = [&](StringRef name) {
    emitError(namedLocation(name))
        << "initializer '" << name << "' is defined twice";
    ok = false;
  };
  for (const proto::TensorProto &tensor : graph.initializer())
    if (!scope.initializers.try_emplace(tensor.name(), &tensor).second)
      duplicate(tensor.name());
  for (const proto::SparseTensorProto &tensor : graph.sparse_initializer()) {
    StringRef name = tensor.values().name();
    if (scope.initializers.contains(name) ||
        !scope.sparseInitializers.try_emplace(name, &tensor).second)
      duplicate(name);
  }
  for (const auto *infos : {&graph.value_info(), &graph.output()})
    for (const proto::ValueInfoProto &info : *infos)
      scope.types[info.name()] = &info.type();
  return success(ok);
}

Value GraphImporter::makeConstant(
    StringRef name, Scope &scope,
    llvm::function_ref<ElementsAttr(Location)> read) {
  Location loc = namedLocation(name);
  ElementsAttr value = read(loc);
  if (!value)
    return nullptr;
  OpBuilder::InsertionGuard guard(builder);
  if (scope.lastConstant)
    builder.setInsertionPointAfter(scope.lastConstant);
  else
    builder.setInsertionPointToStart(scope.block);
  Value constant = nodes.constant(loc, value);
  scope.lastConstant = constant.getDefiningOp();
  return constant;
}

std::optional<Value> GraphImporter::lookup(StringRef name, Scope &scope,
                                           Location loc, StringRef op) {
  for (Scope *at = &scope; at; at = at->parent) {
    if (auto known = at->values.find(name); known != at->values.end())
      return known->second;
    Value made;
    if (auto tensor = at->initializers.find(name);
        tensor != at->initializers.end())
      made = makeConstant(name, *at, [&](Location where) {
        return tensors.read(*tensor->second, where, name);
      });
    else if (auto sparse = at->sparseInitializers.find(name);
             sparse != at->sparseInitializers.end())
      made = makeConstant(name, *at, [&](Location where) {
        return tensors.read(*sparse->second, where, name);
      });
    else
      continue;
    return at->values[name] = made;
  }
  (op.empty() ? emitError(loc) : operatorError(loc, op))
      << "value '" << name << "' is not defined";
  // Reported once: later uses stay quiet.
  scope.values[name] = Value();
  return std::nullopt;
}

FailureOr<Type> GraphImporter::declaredType(StringRef name, Scope &scope,
                                            Location loc) {
  auto info = scope.types.find(name);
  if (name.empty() || info == scope.types.end())
    return Type();
  return types.read(*info->second, loc);
}

LogicalResult GraphImporter::importNodes(const NodeProtos &protos,
                                         Scope &scope) {
  SmallVector<unsigned> order;
  auto locationOf = [&](unsigned index) {
    return nodeLocation(protos[index], index, *scope.frame);
  };
  if (failed(orderNodes(protos, locationOf, order)))
    return failure();
  bool ok = true;
  for (unsigned index : order) {
    const proto::NodeProto &node = protos[index];
    if (succeeded(importNode(node, index, scope)))
      continue;
    ok = false;
    for (const std::string &output : node.output())
      scope.values.try_emplace(output, Value());
  }
  return success(ok);
}

LogicalResult GraphImporter::defineResults(const proto::NodeProto &node,
                                           ArrayRef<Value> values, Location loc,
                                           Scope &scope) {
  bool ok = true;
  for (auto [name, value] : llvm::zip(node.output(), values)) {
    if (name.empty())
      continue;
    bool taken = scope.initializers.contains(name) ||
                 scope.sparseInitializers.contains(name) ||
                 scope.values.contains(name);
    if (taken) {
      operatorError(loc, node.op_type())
          << "output '" << name << "' is already defined";
      ok = false;
    }
    scope.values[name] = value;
    observe(name, value, loc, scope);
  }
  return success(ok);
}

// A deprecated version describes nothing: its neighbour tells what a node of it
// looks like.
static std::optional<OperatorSchema>
describingVersion(std::optional<OperatorSchema> schema) {
  if (!schema || !schema->deprecated())
    return schema;
  std::optional<OperatorSchema> newest =
      OperatorSchema::newest(schema->domain(), schema->name());
  return newest->deprecated()
             ? OperatorSchema::lookup(schema->domain(), schema->name(),
                                      schema->version() - 1)
             : newest;
}

// What ONNX Runtime's optimiser puts into ai.onnx of any opset: an operator
// that is none of ONNX, and one before ONNX had it, in the same form.
static std::optional<OperatorSchema> schemaOfOptimizer(ImportNode &node) {
  std::optional<OperatorSchema> schema;
  if (node.op == "SimplifiedLayerNormalization") {
    node.domain = "com.microsoft";
    schema = OperatorSchema::newest(node.domain, node.op);
  } else if (node.op == "LayerNormalization") {
    schema = OperatorSchema::newest("", node.op);
    node.since = schema->version();
  }
  return schema;
}

// The node as the file has it. Fails without a message when it depends on a
// node that failed.
FailureOr<ImportNode> GraphImporter::readNode(const proto::NodeProto &node,
                                              Location loc, Scope &scope) {
  ImportNode result(loc);
  result.domain = node.domain() == "ai.onnx" ? "" : node.domain();
  result.op = node.op_type();
  auto opset = scope.frame->opsets.find(result.domain);
  std::optional<OperatorSchema> schema;
  if (opset == scope.frame->opsets.end()) {
    bool known = OperatorSchema::newestOpset(result.domain) != 0;
    if (known && reported.insert(result.domain).second)
      operatorError(loc, node.op_type())
          << "the model does not import operators of domain '"
          << (result.domain.empty() ? "ai.onnx" : result.domain) << "'";
    if (known)
      return failure();
  } else {
    result.opset = opset->second;
    schema = OperatorSchema::lookup(result.domain, result.op, result.opset);
    if (schema)
      result.since = schema->version();
    schema = describingVersion(schema);
  }
  if (!schema && result.domain.empty())
    schema = schemaOfOptimizer(result);
  if (!schema) {
    InFlightDiagnostic error =
        operatorUnsupported(loc, node.op_type(), "is not supported");
    if (!result.domain.empty())
      error << " in domain '" << result.domain << "'";
    else if (OperatorSchema::newest("", result.op))
      error << " in opset " << result.opset;
    return failure();
  }
  bool usable = true;
  for (const std::string &input : node.input()) {
    if (input.empty() || scope.absent.contains(input)) {
      result.inputs.push_back(Value());
      continue;
    }
    std::optional<Value> value = lookup(input, scope, loc, node.op_type());
    usable &= value && *value;
    result.inputs.push_back(value.value_or(Value()));
  }
  for (const std::string &output : node.output()) {
    FailureOr<Type> declared = declaredType(output, scope, loc);
    usable &= succeeded(declared);
    result.results.push_back(
        {output, succeeded(declared) ? *declared : Type()});
  }
  if (!usable)
    return failure();
  if (failed(readAttributes(node, result, scope, *schema)))
    return failure();
  return result;
}

LogicalResult GraphImporter::importNode(const proto::NodeProto &proto,
                                        unsigned index, Scope &scope) {
  Location loc = nodeLocation(proto, index, *scope.frame);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(scope.block);
  if (const proto::FunctionProto *function = functionOf(proto))
    return importCall(proto, *function, loc, scope);
  bool isConstant = proto.op_type() == "Constant" &&
                    (proto.domain().empty() || proto.domain() == "ai.onnx");
  if (isConstant) {
    FailureOr<ElementsAttr> value = readConstant(proto, loc, *scope.frame);
    if (failed(value))
      return failure();
    return defineResults(proto, {nodes.constant(loc, *value)}, loc, scope);
  }
  FailureOr<ImportNode> node = readNode(proto, loc, scope);
  if (failed(node))
    return failure();
  builder.setInsertionPointToEnd(scope.block);
  FailureOr<SmallVector<Value>> results = upgradeAndBuild(nodes, *node);
  if (failed(results))
    return failure();
  return defineResults(proto, *results, loc, scope);
}

} // namespace ashlar
