#include "compiler/import/NodeBuilder.h"
#include "compiler/import/ModelTypes.h"
#include "dialects/onnx/Diagnostics.h"
#include "dialects/onnx/OnnxOps.h"
#include "mlir/IR/OpDefinition.h"
#include "llvm/ADT/APSInt.h"

using namespace mlir;
using ashlar::onnx::AttributeKind;
using ashlar::onnx::emitUnsupported;
using ashlar::onnx::FormalKind;
using ashlar::onnx::OperatorSchema;

namespace ashlar {

void ImportNode::setInput(unsigned index, Value value) {
  if (inputs.size() <= index)
    inputs.resize(index + 1);
  inputs[index] = value;
}

Region *ImportNode::graph(StringRef name) const {
  for (const auto &[key, region] : graphs)
    if (key == name)
      return region.get();
  return nullptr;
}

InFlightDiagnostic operatorError(Location loc, StringRef op) {
  return std::move(emitError(loc) << "'onnx." << op << "' ");
}

InFlightDiagnostic operatorUnsupported(Location loc, StringRef op,
                                       const Twine &message) {
  return emitUnsupported(loc, "'onnx." + op + "' " + message);
}

InFlightDiagnostic ImportNode::error() const { return operatorError(loc, op); }

InFlightDiagnostic ImportNode::unsupported(const Twine &message) const {
  return operatorUnsupported(loc, op, message);
}

int64_t ImportNode::intAttr(StringRef name, int64_t otherwise) const {
  auto attr = dyn_cast_or_null<IntegerAttr>(attributes.get(name));
  return attr ? attr.getInt() : otherwise;
}

StringRef ImportNode::stringAttr(StringRef name, StringRef otherwise) const {
  auto attr = dyn_cast_or_null<StringAttr>(attributes.get(name));
  return attr ? attr.getValue() : otherwise;
}

std::optional<int64_t> rankOf(Value value) {
  auto type = value ? dyn_cast<RankedTensorType>(value.getType()) : nullptr;
  return type ? std::optional(type.getRank()) : std::nullopt;
}

namespace {

LogicalResult checkCounts(ImportNode &node, const OperatorSchema &schema) {
  // Trailing absent operands are the same as fewer operands.
  while (!node.inputs.empty() && !node.inputs.back())
    node.inputs.pop_back();
  bool ok = true;
  if (!node.inputs.empty() && !schema.formalOfInput(node.inputs.size() - 1)) {
    node.error() << "has " << node.inputs.size() << " inputs, expected "
                 << schema.inputCount() << " at most";
    ok = false;
  }
  for (unsigned i = 0;
       ok && i < std::max<unsigned>(schema.inputCount(), node.inputs.size());
       ++i) {
    std::optional<onnx::FormalSchema> formal = schema.formalOfInput(i);
    bool needed =
        formal->kind == FormalKind::Single ||
        (formal->kind == FormalKind::Variadic && i < node.inputs.size());
    // Loop-carried values and the like stand after optional operands.
    if (formal->kind == FormalKind::Variadic && i >= node.inputs.size())
      needed = i < schema.minInputs();
    if (needed && !node.input(i)) {
      node.error() << "input " << i << " '" << formal->name << "' is missing";
      ok = false;
    }
  }
  if (!node.results.empty() &&
      !schema.formalOfOutput(node.results.size() - 1)) {
    node.error() << "has " << node.results.size() << " outputs, expected "
                 << schema.outputCount() << " at most";
    ok = false;
  }
  return success(ok);
}

LogicalResult checkAttributes(const ImportNode &node,
                              const OperatorSchema &schema) {
  bool ok = true;
  for (NamedAttribute attr : node.attributes)
    if (!schema.attribute(attr.getName().getValue())) {
      node.unsupported("attribute '" + attr.getName().getValue() +
                       "' is not supported in version " + Twine(node.since));
      ok = false;
    }
  for (unsigned i = 0; i < schema.attributeCount(); ++i) {
    onnx::AttributeSchema attr = schema.attribute(i);
    bool present = attr.kind == AttributeKind::Graph
                       ? node.graph(attr.name) != nullptr
                       : bool(node.attributes.get(attr.name));
    if (attr.required && !present) {
      node.error() << "attribute '" << attr.name << "' is missing";
      ok = false;
    }
  }
  return success(ok);
}

// Operands in dialect order: absent ones left out, with segment sizes where
// the operation wants them.
void addOperands(OperationState &state, const ImportNode &node,
                 const OperatorSchema &schema, bool segments, Builder &b) {
  SmallVector<int32_t> sizes;
  for (unsigned i = 0; i < schema.inputCount(); ++i) {
    if (schema.input(i).kind == FormalKind::Variadic) {
      int32_t rest =
          std::max<int32_t>(0, int32_t(node.inputs.size()) - int32_t(i));
      sizes.push_back(rest);
      for (unsigned k = i; k < node.inputs.size(); ++k)
        state.operands.push_back(node.inputs[k]);
      continue;
    }
    Value value = node.input(i);
    sizes.push_back(value ? 1 : 0);
    if (value)
      state.operands.push_back(value);
  }
  if (segments)
    state.addAttribute("operandSegmentSizes", b.getDenseI32ArrayAttr(sizes));
}

// Which of the node's results the operation has: all but absent optional ones.
SmallVector<bool> presentResults(const ImportNode &node,
                                 const OperatorSchema &schema,
                                 SmallVectorImpl<int32_t> &sizes) {
  SmallVector<bool> present;
  for (unsigned i = 0; i < schema.outputCount(); ++i) {
    FormalKind kind = schema.output(i).kind;
    if (kind == FormalKind::Variadic) {
      int32_t rest =
          std::max<int32_t>(0, int32_t(node.results.size()) - int32_t(i));
      sizes.push_back(rest);
      present.append(rest, true);
      continue;
    }
    bool wanted = i < node.results.size() && !node.results[i].name.empty();
    present.push_back(wanted || kind == FormalKind::Single);
    sizes.push_back(present.back());
  }
  return present;
}

FailureOr<Type> resultType(const ImportNode &node, const OperatorSchema &schema,
                           unsigned index) {
  Type inferred = inferResultType(node, schema, index);
  Type declared =
      index < node.results.size() ? node.results[index].declared : Type();
  Type type = mergeTypes(inferred, declared);
  if (!type && inferred)
    return node.error() << "output " << index << " '"
                        << node.results[index].name << "' is declared "
                        << declared << ", expected " << inferred;
  if (!type)
    return node.unsupported("the type of output " + Twine(index) +
                            " is not known: the model does not declare it");
  return type;
}

} // namespace

FailureOr<SmallVector<Value>> NodeBuilder::build(ImportNode &node) {
  std::optional<OperatorSchema> schema =
      OperatorSchema::newest(node.domain, node.op);
  if (!schema || schema->deprecated())
    return node.unsupported("is not supported in version " + Twine(node.since));
  bool ok = succeeded(checkCounts(node, *schema));
  ok &= succeeded(checkAttributes(node, *schema));
  if (!ok || failed(checkOperandTypes(node, *schema)))
    return failure();

  OperationState state(node.loc, schema->operationName());
  std::optional<RegisteredOperationName> info = state.name.getRegisteredInfo();
  if (!info)
    return node.unsupported("is not supported");
  addOperands(state, node, *schema,
              info->hasTrait<OpTrait::AttrSizedOperandSegments>(), builder);
  SmallVector<int32_t> sizes;
  SmallVector<bool> present = presentResults(node, *schema, sizes);
  for (unsigned i = 0; i < present.size(); ++i) {
    if (!present[i])
      continue;
    FailureOr<Type> type = resultType(node, *schema, i);
    if (failed(type))
      return failure();
    state.addTypes(*type);
  }
  state.attributes.append(node.attributes.begin(), node.attributes.end());
  if (info->hasTrait<OpTrait::AttrSizedResultSegments>())
    state.addAttribute("resultSegmentSizes",
                       builder.getDenseI32ArrayAttr(sizes));
  for (unsigned i = 0; i < schema->attributeCount(); ++i)
    if (schema->attribute(i).kind == AttributeKind::Graph) {
      Region *body = node.graph(schema->attribute(i).name);
      auto region = std::make_unique<Region>();
      if (body)
        region->takeBody(*body);
      state.addRegion(std::move(region));
    }
  Operation *op = builder.create(state);
  SmallVector<Value> values(node.results.size());
  unsigned next = 0;
  for (unsigned i = 0; i < present.size(); ++i)
    if (present[i]) {
      if (i < values.size())
        values[i] = op->getResult(next);
      ++next;
    }
  return values;
}

Value NodeBuilder::emit(Location loc, StringRef op, ValueRange inputs,
                        ArrayRef<NamedAttribute> attributes, Type declared) {
  ImportNode node(loc);
  node.op = op.str();
  node.since = OperatorSchema::newest("", op)->version();
  node.inputs.assign(inputs.begin(), inputs.end());
  node.attributes.append(attributes.begin(), attributes.end());
  node.results.push_back({"result", declared});
  FailureOr<SmallVector<Value>> results = build(node);
  return succeeded(results) ? results->front() : Value();
}

Value NodeBuilder::constant(Location loc, ElementsAttr value) {
  return onnx::ConstantOp::create(builder, loc, value.getShapedType(), value);
}

Value NodeBuilder::constant(Location loc, ArrayRef<int64_t> values) {
  std::vector<char> bytes(values.size() * sizeof(int64_t));
  if (!values.empty())
    std::memcpy(bytes.data(), values.data(), bytes.size());
  auto type =
      RankedTensorType::get(int64_t(values.size()), builder.getI64Type());
  return constant(loc, tensors.make(type, std::move(bytes), "constant"));
}

Value NodeBuilder::scalar(Location loc, int64_t value) {
  auto type = RankedTensorType::get({}, builder.getI64Type());
  return constant(loc, cast<ElementsAttr>(DenseElementsAttr::get(type, value)));
}

Value NodeBuilder::splat(Location loc, RankedTensorType type, double value) {
  Type element = type.getElementType();
  Attribute attr;
  APFloat number(value);
  bool exact;
  if (auto floating = dyn_cast<FloatType>(element)) {
    number.convert(floating.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                   &exact);
    attr = FloatAttr::get(element, number);
  } else {
    // What the type cannot hold becomes its nearest bound.
    llvm::APSInt integer(element.getIntOrFloatBitWidth(),
                         element.isUnsignedInteger());
    number.convertToInteger(integer, APFloat::rmTowardZero, &exact);
    attr = IntegerAttr::get(element, integer);
  }
  return constant(loc, cast<ElementsAttr>(DenseElementsAttr::get(type, attr)));
}

} // namespace ashlar
