// What the schema tells about types: which operands are allowed, and the
// element type of results.
#include "compiler/import/ModelTypes.h"
#include "compiler/import/NodeBuilder.h"
#include "dialects/onnx/Diagnostics.h"
#include "dialects/onnx/OnnxDialect.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using ashlar::onnx::ElementType;
using ashlar::onnx::FormalSchema;
using ashlar::onnx::OperatorSchema;
using ashlar::onnx::OptType;
using ashlar::onnx::SeqType;
using ashlar::onnx::TypeSet;

namespace ashlar {
namespace {

Type unranked(Type element) {
  return element ? Type(UnrankedTensorType::get(element)) : Type();
}

// The type without its shape: what two values of one type variable share.
Type withoutShape(Type type) {
  if (Type element = elementTypeOf(type))
    return UnrankedTensorType::get(element);
  if (auto seq = dyn_cast_or_null<SeqType>(type))
    return SeqType::get(type.getContext(), withoutShape(seq.getElementType()));
  if (auto opt = dyn_cast_or_null<OptType>(type))
    return OptType::get(type.getContext(), withoutShape(opt.getElementType()));
  return type;
}

bool contains(const TypeSet &set, Type type) {
  auto has = [](uint32_t mask, Type tensor) {
    Type element = elementTypeOf(tensor);
    int32_t number = element ? int32_t(onnx::elementTypeToOnnx(element)) : 0;
    return number && (mask >> (number - 1) & 1);
  };
  if (isa<TensorType>(type))
    return has(set.tensor, type);
  if (auto seq = dyn_cast<SeqType>(type))
    return has(set.sequence, seq.getElementType());
  if (auto opt = dyn_cast<OptType>(type)) {
    if (auto seq = dyn_cast<SeqType>(opt.getElementType()))
      return has(set.optionalSequence, seq.getElementType());
    return has(set.optionalTensor, opt.getElementType());
  }
  return set.other;
}

Type elementOfInput(const ImportNode &node, unsigned index) {
  Value value = node.input(index);
  return value ? elementTypeOf(value.getType()) : Type();
}

// Element type named by an integer attribute, zero or absence meaning
// `otherwise`.
Type namedType(const ImportNode &node, StringRef attribute, Type otherwise) {
  int64_t number = node.intAttr(attribute, 0);
  return number ? onnx::elementTypeFromOnnx(node.loc.getContext(), number)
                : otherwise;
}

Type onnxType(const ImportNode &node, ElementType type) {
  return onnx::elementTypeFromOnnx(node.loc.getContext(), int64_t(type));
}

Type elementOfYield(const ImportNode &node, StringRef graph, unsigned index) {
  Region *region = node.graph(graph);
  if (!region || region->empty() ||
      index >= region->front().getTerminator()->getNumOperands())
    return nullptr;
  return region->front().getTerminator()->getOperand(index).getType();
}

Type ifType(const ImportNode &node, unsigned index) {
  return joinTypes(elementOfYield(node, "then_branch", index),
                   elementOfYield(node, "else_branch", index));
}

Type loopType(const ImportNode &node, unsigned index) {
  unsigned carried = node.inputs.size() > 2 ? node.inputs.size() - 2 : 0;
  Type yielded = elementOfYield(node, "body", index + 1);
  if (index >= carried)
    return unranked(elementTypeOf(yielded));
  // No iteration at all leaves the initial value.
  return joinTypes(yielded, node.inputs[index + 2].getType());
}

Type scanType(const ImportNode &node, unsigned index) {
  int64_t states =
      int64_t(node.inputs.size()) - node.intAttr("num_scan_inputs", 0);
  Type yielded = elementOfYield(node, "body", index);
  if (int64_t(index) >= states)
    return unranked(elementTypeOf(yielded));
  return joinTypes(yielded, node.inputs[index].getType());
}

Type sequenceType(const ImportNode &node, StringRef op, unsigned index) {
  MLIRContext *context = node.loc.getContext();
  Type first = node.input(0) ? node.input(0).getType() : Type();
  auto firstSeq = dyn_cast_or_null<SeqType>(first);
  if (op == "SequenceEmpty")
    return SeqType::get(
        context,
        unranked(namedType(node, "dtype", onnxType(node, ElementType::Float))));
  if (op == "SequenceConstruct") {
    Type all = first;
    for (Value value : node.inputs)
      all = joinTypes(all, value.getType());
    return all ? SeqType::get(context, all) : Type();
  }
  if (op == "SequenceMap") {
    Type element = elementOfYield(node, "body", index);
    return element ? SeqType::get(context, element) : Type();
  }
  if (op == "SplitToSequence")
    return SeqType::get(context, withoutShape(first));
  if (op == "SequenceInsert" && firstSeq)
    return SeqType::get(context, joinTypes(firstSeq.getElementType(),
                                           node.inputs[1].getType()));
  if (op == "SequenceAt" && firstSeq)
    return firstSeq.getElementType();
  if (op == "ConcatFromSequence" && firstSeq)
    return withoutShape(firstSeq.getElementType());
  return nullptr;
}

Type optionalType(const ImportNode &node, StringRef op) {
  MLIRContext *context = node.loc.getContext();
  Type first = node.input(0) ? node.input(0).getType() : Type();
  if (op == "Optional") {
    if (!first)
      if (auto named = dyn_cast_or_null<TypeAttr>(node.attributes.get("type")))
        first = named.getValue();
    return first ? OptType::get(context, first) : Type();
  }
  auto opt = dyn_cast_or_null<OptType>(first);
  return opt ? opt.getElementType() : first;
}

Type quantizedType(const ImportNode &node) {
  if (Type zeroPoint = elementOfInput(node, 2))
    return zeroPoint;
  return namedType(node, "output_dtype", onnxType(node, ElementType::Uint8));
}

Type constantOfShapeType(const ImportNode &node) {
  auto value = dyn_cast_or_null<ElementsAttr>(node.attributes.get("value"));
  return value ? value.getElementType() : onnxType(node, ElementType::Float);
}

Type labelType(const ImportNode &node) {
  bool strings = bool(node.attributes.get("classlabels_strings"));
  return onnxType(node, strings ? ElementType::String : ElementType::Int64);
}

Type labelEncoderType(const ImportNode &node) {
  if (auto values =
          dyn_cast_or_null<ElementsAttr>(node.attributes.get("values_tensor")))
    return values.getElementType();
  for (auto [name, type] : {std::pair("values_floats", ElementType::Float),
                            std::pair("values_int64s", ElementType::Int64)})
    if (node.attributes.get(name))
      return onnxType(node, type);
  return onnxType(node, ElementType::String);
}

// The cases in which attributes, bodies or the nesting of types decide.
Type specialType(const ImportNode &node, unsigned index) {
  Type f32 = onnxType(node, ElementType::Float);
  Type first = elementOfInput(node, 0);
  enum class Rule {
    None,
    To,
    Like,
    Fill,
    DtypeOrInput,
    DtypeOrF32,
    DtypeOrI32,
    WindowType,
    Quantize,
    Dequantize,
    Stash,
    Sequence,
    Optional,
    If,
    Loop,
    Scan,
    Labels,
    LabelEncoder,
    CategoryMapper,
    QGemm,
    Training
  };
  Rule rule = llvm::StringSwitch<Rule>(node.op)
                  .Cases({"Cast", "BitCast"}, Rule::To)
                  .Case("CastLike", Rule::Like)
                  .Case("ConstantOfShape", Rule::Fill)
                  .Cases({"EyeLike", "RandomNormalLike", "RandomUniformLike",
                          "Bernoulli"},
                         Rule::DtypeOrInput)
                  .Cases({"RandomNormal", "RandomUniform"}, Rule::DtypeOrF32)
                  .Case("Multinomial", Rule::DtypeOrI32)
                  .Cases({"HannWindow", "HammingWindow", "BlackmanWindow",
                          "MelWeightMatrix"},
                         Rule::WindowType)
                  .Case("QuantizeLinear", Rule::Quantize)
                  .Case("DequantizeLinear", Rule::Dequantize)
                  .Case("LayerNormalization", index ? Rule::Stash : Rule::None)
                  .Cases({"SequenceEmpty", "SequenceConstruct", "SequenceMap",
                          "SplitToSequence", "SequenceInsert", "SequenceAt",
                          "ConcatFromSequence"},
                         Rule::Sequence)
                  .Cases({"Optional", "OptionalGetElement"}, Rule::Optional)
                  .Case("If", Rule::If)
                  .Case("Loop", Rule::Loop)
                  .Case("Scan", Rule::Scan)
                  .Cases({"LinearClassifier", "SVMClassifier"},
                         index ? Rule::None : Rule::Labels)
                  .Case("LabelEncoder", Rule::LabelEncoder)
                  .Case("CategoryMapper", Rule::CategoryMapper)
                  .Case("QGemm", Rule::QGemm)
                  .Cases({"Adagrad", "Adam", "Momentum"}, Rule::Training)
                  .Default(Rule::None);
  switch (rule) {
  case Rule::None:
    return nullptr;
  case Rule::To:
    return unranked(namedType(node, "to", nullptr));
  case Rule::Like:
    return unranked(elementOfInput(node, 1));
  case Rule::Fill:
    return unranked(constantOfShapeType(node));
  case Rule::DtypeOrInput:
    return unranked(namedType(node, "dtype", first));
  case Rule::DtypeOrF32:
    return unranked(namedType(node, "dtype", f32));
  case Rule::DtypeOrI32:
    return unranked(
        namedType(node, "dtype", onnxType(node, ElementType::Int32)));
  case Rule::WindowType:
    return unranked(namedType(node, "output_datatype", f32));
  case Rule::Quantize:
    return unranked(quantizedType(node));
  case Rule::Dequantize:
    return unranked(namedType(node, "output_dtype", elementOfInput(node, 1)));
  case Rule::Stash:
    return unranked(namedType(node, "stash_type", f32));
  case Rule::Sequence:
    return sequenceType(node, node.op, index);
  case Rule::Optional:
    return optionalType(node, node.op);
  case Rule::If:
    return ifType(node, index);
  case Rule::Loop:
    return loopType(node, index);
  case Rule::Scan:
    return scanType(node, index);
  case Rule::Labels:
    return unranked(labelType(node));
  case Rule::LabelEncoder:
    return unranked(labelEncoderType(node));
  case Rule::CategoryMapper:
    return unranked(onnxType(node, isa_and_nonnull<onnx::StringType>(first)
                                       ? ElementType::Int64
                                       : ElementType::String));
  case Rule::QGemm:
    return unranked(elementOfInput(node, 8) ? elementOfInput(node, 8) : f32);
  case Rule::Training:
    return unranked(elementOfInput(node, 2));
  }
  llvm_unreachable("all rules named");
}

} // namespace

Type joinTypes(Type first, Type second) {
  if (!first || !second || first == second)
    return first ? first : second;
  if (auto a = dyn_cast<SeqType>(first), b = dyn_cast<SeqType>(second);
      a && b) {
    Type inner = joinTypes(a.getElementType(), b.getElementType());
    return inner ? SeqType::get(first.getContext(), inner) : Type();
  }
  if (auto a = dyn_cast<OptType>(first), b = dyn_cast<OptType>(second);
      a && b) {
    Type inner = joinTypes(a.getElementType(), b.getElementType());
    return inner ? OptType::get(first.getContext(), inner) : Type();
  }
  auto a = dyn_cast<TensorType>(first), b = dyn_cast<TensorType>(second);
  if (!a || !b || a.getElementType() != b.getElementType())
    return nullptr;
  if (!a.hasRank() || !b.hasRank() || a.getRank() != b.getRank())
    return UnrankedTensorType::get(a.getElementType());
  SmallVector<int64_t> shape;
  for (auto [x, y] : llvm::zip(a.getShape(), b.getShape()))
    shape.push_back(x == y ? x : ShapedType::kDynamic);
  return RankedTensorType::get(shape, a.getElementType());
}

Type inferResultType(const ImportNode &node, const OperatorSchema &schema,
                     unsigned index) {
  if (Type special = specialType(node, index))
    return special;
  FormalSchema formal = *schema.formalOfOutput(index);
  if (!formal.typeVariable.empty() && !formal.heterogeneous)
    for (unsigned i = 0; i < node.inputs.size(); ++i) {
      FormalSchema input = *schema.formalOfInput(i);
      if (node.inputs[i] && input.typeVariable == formal.typeVariable &&
          !input.heterogeneous)
        return withoutShape(node.inputs[i].getType());
    }
  if (std::optional<ElementType> only = formal.types.onlyElementType())
    return unranked(onnxType(node, *only));
  return nullptr;
}

LogicalResult checkOperandTypes(const ImportNode &node,
                                const OperatorSchema &schema) {
  bool ok = true;
  llvm::StringMap<std::pair<StringRef, Type>> bound;
  for (unsigned i = 0; i < node.inputs.size(); ++i) {
    if (!node.inputs[i])
      continue;
    FormalSchema formal = *schema.formalOfInput(i);
    Type type = node.inputs[i].getType();
    if (!contains(formal.types, type)) {
      node.error() << "input " << i << " '" << formal.name << "' is " << type
                   << ", which the operator does not take";
      ok = false;
      continue;
    }
    if (formal.typeVariable.empty() || formal.heterogeneous)
      continue;
    auto [entry, isNew] =
        bound.try_emplace(formal.typeVariable, formal.name, withoutShape(type));
    if (!isNew && entry->second.second != withoutShape(type)) {
      node.error() << "input " << i << " '" << formal.name << "' is " << type
                   << ", but '" << entry->second.first << "' is "
                   << entry->second.second << "; both have one type";
      ok = false;
    }
  }
  return success(ok);
}

} // namespace ashlar
