// Functions that a model defines itself: their bodies take the place of calls.
#include "compiler/import/GraphImporter.h"
#include "dialects/onnx/Diagnostics.h"

using namespace mlir;

namespace ashlar {

static std::string functionKey(StringRef domain, StringRef name,
                               StringRef overload) {
  return ((domain == "ai.onnx" ? "" : domain) + "\n" + name + "\n" + overload)
      .str();
}

LogicalResult GraphImporter::readFunctions() {
  bool ok = true;
  for (const proto::FunctionProto &function : file.model.functions()) {
    std::string key =
        functionKey(function.domain(), function.name(), function.overload());
    if (!functions.try_emplace(key, &function).second) {
      emitError(namedLocation(function.name()))
          << "function '" << function.name() << "' is defined twice";
      ok = false;
    }
  }
  return success(ok);
}

const proto::FunctionProto *
GraphImporter::functionOf(const proto::NodeProto &node) const {
  return functions.lookup(
      functionKey(node.domain(), node.op_type(), node.overload()));
}

LogicalResult GraphImporter::importCall(const proto::NodeProto &node,
                                        const proto::FunctionProto &function,
                                        Location loc, Scope &scope) {
  for (const Frame *frame = scope.frame; frame; frame = frame->caller)
    if (frame->function == &function)
      return operatorError(loc, function.name())
             << "is a function that calls itself";
  if (node.input_size() > function.input_size() ||
      node.output_size() > function.output_size())
    return operatorError(loc, function.name())
           << "is a function that takes " << function.input_size()
           << " inputs and has " << function.output_size()
           << " outputs, but the node has " << node.input_size() << " and "
           << node.output_size();
  Frame frame;
  frame.caller = scope.frame;
  frame.function = &function;
  std::string name = onnx::nodeName(loc).str();
  frame.prefix = name + "/";
  if (failed(readOpsets(function.opset_import(), loc, frame)))
    return failure();
  for (const proto::AttributeProto &attribute : function.attribute_proto())
    frame.attributes[attribute.name()] = &attribute;
  for (const proto::AttributeProto &written : node.attribute())
    if (const proto::AttributeProto *attribute =
            resolveAttribute(written, *scope.frame))
      frame.attributes[written.name()] = attribute;

  Scope body;
  body.frame = &frame;
  body.block = scope.block;
  for (const proto::ValueInfoProto &info : function.value_info())
    body.types[info.name()] = &info.type();
  bool ok = true;
  for (int i = 0; i < function.input_size(); ++i) {
    StringRef given =
        i < node.input_size() ? StringRef(node.input(i)) : StringRef();
    // An absent operand is absent inside too: its name stands for nothing.
    std::optional<Value> value =
        given.empty() ? Value() : lookup(given, scope, loc);
    ok &= value && (given.empty() || *value);
    body.values[function.input(i)] = value.value_or(Value());
    if (given.empty())
      body.absent.insert(function.input(i));
  }
  if (!ok || failed(importNodes(function.node(), body)))
    return failure();
  SmallVector<Value> results;
  for (int i = 0; i < node.output_size(); ++i) {
    std::optional<Value> value = lookup(function.output(i), body, loc);
    if (!value || (!*value && !node.output(i).empty()))
      return failure();
    results.push_back(*value);
  }
  return defineResults(node, results, loc, scope);
}

} // namespace ashlar
