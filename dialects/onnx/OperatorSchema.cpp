#include "dialects/onnx/OperatorSchema.h"
#include "dialects/onnx/OnnxDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace ashlar::onnx {
namespace {

struct FormalRow {
  const char *name, *typeVariable;
  FormalKind kind;
  bool heterogeneous;
  uint16_t typeSet;
};

struct AttributeRow {
  const char *name;
  AttributeKind kind;
  bool required;
  const char *defaultText;
};

struct VersionRow {
  const char *domain, *name;
  int version;
  bool deprecated;
  unsigned firstFormal, inputCount, outputCount, minInputs, minOutputs,
      firstAttribute, attributeCount;
};

#include "dialects/onnx/OperatorSchema.inc"

FormalSchema formalAt(unsigned index) {
  const FormalRow &row = formals[index];
  return {row.name, row.typeVariable, row.kind, row.heterogeneous,
          typeSets[row.typeSet]};
}

// The rows of one operator: the table is sorted.
std::pair<unsigned, unsigned> rowsOf(StringRef domain, StringRef op) {
  auto key = std::make_pair(domain, op);
  auto keyOf = [](const VersionRow &row) {
    return std::make_pair(StringRef(row.domain), StringRef(row.name));
  };
  const VersionRow *first =
      std::lower_bound(std::begin(versions), std::end(versions), key,
                       [&](const VersionRow &row, const auto &wanted) {
                         return keyOf(row) < wanted;
                       });
  const VersionRow *last = first;
  while (last != std::end(versions) && keyOf(*last) == key)
    ++last;
  return {unsigned(first - versions), unsigned(last - versions)};
}

std::optional<FormalSchema> formalOf(unsigned first, unsigned count,
                                     unsigned position) {
  if (position < count)
    return formalAt(first + position);
  if (count && formals[first + count - 1].kind == FormalKind::Variadic)
    return formalAt(first + count - 1);
  return std::nullopt;
}

} // namespace

std::optional<ElementType> TypeSet::onlyElementType() const {
  if (!holdsOnlyTensors() || !tensor || (tensor & (tensor - 1)))
    return std::nullopt;
  return ElementType(llvm::countr_zero(tensor) + 1);
}

StringRef stringify(AttributeKind kind) {
  switch (kind) {
  case AttributeKind::Int:
    return "int";
  case AttributeKind::Float:
    return "float";
  case AttributeKind::String:
    return "string";
  case AttributeKind::Tensor:
    return "tensor";
  case AttributeKind::SparseTensor:
    return "sparse tensor";
  case AttributeKind::Graph:
    return "graph";
  case AttributeKind::Type:
    return "type";
  case AttributeKind::Ints:
    return "list of ints";
  case AttributeKind::Floats:
    return "list of floats";
  case AttributeKind::Strings:
    return "list of strings";
  }
  llvm_unreachable("all kinds named");
}

std::optional<OperatorSchema>
OperatorSchema::lookup(StringRef domain, StringRef op, int64_t version) {
  auto [first, last] = rowsOf(domain, op);
  while (last != first && versions[last - 1].version > version)
    --last;
  if (first == last)
    return std::nullopt;
  return OperatorSchema(last - 1);
}

std::optional<OperatorSchema> OperatorSchema::newest(StringRef domain,
                                                     StringRef op) {
  return lookup(domain, op, INT64_MAX);
}

void OperatorSchema::forEachNewest(
    llvm::function_ref<void(const OperatorSchema &)> visit) {
  for (unsigned row = 0; row < std::size(versions); ++row) {
    OperatorSchema schema(row);
    bool last = row + 1 == std::size(versions) ||
                OperatorSchema(row + 1).name() != schema.name() ||
                OperatorSchema(row + 1).domain() != schema.domain();
    if (last)
      visit(schema);
  }
}

int64_t OperatorSchema::newestOpset(StringRef domain) {
  return llvm::StringSwitch<int64_t>(domain)
      .Case("", 27)
      .Case("ai.onnx.ml", 5)
      .Cases({"ai.onnx.preview", "ai.onnx.preview.training", "com.microsoft"},
             1)
      .Default(0);
}

StringRef OperatorSchema::domain() const { return versions[row].domain; }
StringRef OperatorSchema::name() const { return versions[row].name; }
int64_t OperatorSchema::version() const { return versions[row].version; }
bool OperatorSchema::deprecated() const { return versions[row].deprecated; }
unsigned OperatorSchema::inputCount() const { return versions[row].inputCount; }
unsigned OperatorSchema::outputCount() const {
  return versions[row].outputCount;
}
unsigned OperatorSchema::minInputs() const { return versions[row].minInputs; }
unsigned OperatorSchema::minOutputs() const { return versions[row].minOutputs; }

FormalSchema OperatorSchema::input(unsigned index) const {
  return formalAt(versions[row].firstFormal + index);
}

FormalSchema OperatorSchema::output(unsigned index) const {
  return formalAt(versions[row].firstFormal + versions[row].inputCount + index);
}

std::optional<FormalSchema>
OperatorSchema::formalOfInput(unsigned position) const {
  return formalOf(versions[row].firstFormal, versions[row].inputCount,
                  position);
}

std::optional<FormalSchema>
OperatorSchema::formalOfOutput(unsigned position) const {
  return formalOf(versions[row].firstFormal + versions[row].inputCount,
                  versions[row].outputCount, position);
}

unsigned OperatorSchema::attributeCount() const {
  return versions[row].attributeCount;
}

AttributeSchema OperatorSchema::attribute(unsigned index) const {
  const AttributeRow &found = attributes[versions[row].firstAttribute + index];
  return {found.name, found.kind, found.required, found.defaultText};
}

std::optional<AttributeSchema> OperatorSchema::attribute(StringRef name) const {
  for (unsigned i = 0; i < attributeCount(); ++i)
    if (attribute(i).name == name)
      return attribute(i);
  return std::nullopt;
}

std::string OperatorSchema::operationName() const {
  StringRef prefix = llvm::StringSwitch<StringRef>(domain())
                         .Case("ai.onnx.ml", "ml.")
                         .Case("ai.onnx.preview", "preview.")
                         .Case("ai.onnx.preview.training", "training.")
                         .Case("com.microsoft", "ms.")
                         .Default("");
  return ("onnx." + prefix + name()).str();
}

Type elementTypeFromOnnx(MLIRContext *context, int64_t onnxType) {
  Builder b(context);
  auto unsignedType = [&](unsigned width) {
    return IntegerType::get(context, width, IntegerType::Unsigned);
  };
  switch (ElementType(onnxType)) {
  case ElementType::Undefined:
    return nullptr;
  case ElementType::Float:
    return b.getF32Type();
  case ElementType::Uint8:
    return unsignedType(8);
  case ElementType::Int8:
    return b.getI8Type();
  case ElementType::Uint16:
    return unsignedType(16);
  case ElementType::Int16:
    return b.getI16Type();
  case ElementType::Int32:
    return b.getI32Type();
  case ElementType::Int64:
    return b.getI64Type();
  case ElementType::String:
    return StringType::get(context);
  case ElementType::Bool:
    return b.getI1Type();
  case ElementType::Float16:
    return b.getF16Type();
  case ElementType::Double:
    return b.getF64Type();
  case ElementType::Uint32:
    return unsignedType(32);
  case ElementType::Uint64:
    return unsignedType(64);
  case ElementType::Complex64:
    return ComplexType::get(b.getF32Type());
  case ElementType::Complex128:
    return ComplexType::get(b.getF64Type());
  case ElementType::Bfloat16:
    return b.getBF16Type();
  case ElementType::Float8E4M3FN:
    return b.getType<Float8E4M3FNType>();
  case ElementType::Float8E4M3FNUZ:
    return b.getType<Float8E4M3FNUZType>();
  case ElementType::Float8E5M2:
    return b.getType<Float8E5M2Type>();
  case ElementType::Float8E5M2FNUZ:
    return b.getType<Float8E5M2FNUZType>();
  case ElementType::Uint4:
    return unsignedType(4);
  case ElementType::Int4:
    return b.getIntegerType(4);
  case ElementType::Float4E2M1:
    return b.getType<Float4E2M1FNType>();
  case ElementType::Float8E8M0:
    return b.getType<Float8E8M0FNUType>();
  case ElementType::Uint2:
    return unsignedType(2);
  case ElementType::Int2:
    return b.getIntegerType(2);
  }
  return nullptr;
}

ElementType elementTypeToOnnx(Type type) {
  for (int32_t number = 1; number <= int32_t(ElementType::Int2); ++number)
    if (elementTypeFromOnnx(type.getContext(), number) == type)
      return ElementType(number);
  return ElementType::Undefined;
}

} // namespace ashlar::onnx
