#include "compiler/report/ModelDescription.h"
#include "runtime/ashlar_rt.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Path.h"

#include <algorithm>

using namespace ashlar;

namespace {
struct TypeRow {
  const char *name;
  uint64_t bytes;
};
// By ashlar_dtype.
constexpr TypeRow typeTable[] = {
    {"undefined", 0},      {"float32", 4},    {"uint8", 1},
    {"int8", 1},           {"uint16", 2},     {"int16", 2},
    {"int32", 4},          {"int64", 8},      {"string", 0},
    {"bool", 1},           {"float16", 2},    {"float64", 8},
    {"uint32", 4},         {"uint64", 8},     {"complex64", 8},
    {"complex128", 16},    {"bfloat16", 2},   {"float8e4m3fn", 1},
    {"float8e4m3fnuz", 1}, {"float8e5m2", 1}, {"float8e5m2fnuz", 1},
    {"uint4", 1},          {"int4", 1},       {"float4e2m1", 1},
    {"float8e8m0", 1},     {"uint2", 1},      {"int2", 1}};
} // namespace

static const TypeRow &typeRow(int32_t dtype) {
  bool known = dtype > 0 && dtype < int32_t(std::size(typeTable));
  return typeTable[known ? dtype : 0];
}

uint64_t ashlar::elementBytes(int32_t dtype) { return typeRow(dtype).bytes; }

llvm::StringRef ashlar::dtypeName(int32_t dtype) { return typeRow(dtype).name; }

// Names that a header cannot use for a field, in C99 or C++17, and the head of
// the argument structure.
static bool isReserved(llvm::StringRef name) {
  static const llvm::StringSet<> words = {
      "alignas",      "alignof",     "and",
      "and_eq",       "asm",         "auto",
      "bitand",       "bitor",       "bool",
      "break",        "case",        "catch",
      "char",         "class",       "compl",
      "const",        "const_cast",  "constexpr",
      "continue",     "decltype",    "default",
      "delete",       "do",          "double",
      "else",         "enum",        "explicit",
      "export",       "extern",      "false",
      "float",        "for",         "friend",
      "goto",         "if",          "inline",
      "int",          "long",        "mutable",
      "namespace",    "new",         "noexcept",
      "not",          "not_eq",      "nullptr",
      "operator",     "or",          "or_eq",
      "private",      "protected",   "public",
      "register",     "restrict",    "return",
      "short",        "signed",      "sizeof",
      "static",       "struct",      "switch",
      "template",     "this",        "throw",
      "true",         "try",         "typedef",
      "typename",     "typeid",      "union",
      "unsigned",     "using",       "virtual",
      "void",         "volatile",    "while",
      "xor",          "xor_eq",      "wchar_t",
      "char16_t",     "char32_t",    "reinterpret_cast",
      "dynamic_cast", "static_cast", "static_assert",
      "thread_local", "linux",       "unix",
      "head",         "errno"};
  return words.contains(name);
}

static bool isIdentifierCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '_';
}

std::string ashlar::cIdentifier(llvm::StringRef text) {
  std::string name;
  for (char c : text) {
    char kept = isIdentifierCharacter(c) ? c : '_';
    // Leading and doubled underscores are reserved in C or C++.
    if (kept == '_' && (name.empty() || name.back() == '_'))
      continue;
    name.push_back(kept);
  }
  while (!name.empty() && name.back() == '_')
    name.pop_back();
  if (name.empty())
    return "unnamed";
  if (name.front() >= '0' && name.front() <= '9')
    name = "n" + name;
  if (isReserved(name))
    name += "_";
  return name;
}

bool ashlar::isCIdentifier(llvm::StringRef name) {
  return !name.empty() && llvm::all_of(name, isIdentifierCharacter) &&
         !(name.front() >= '0' && name.front() <= '9') && !isReserved(name);
}

std::string ashlar::prefixFromPath(llvm::StringRef path) {
  return cIdentifier(llvm::sys::path::stem(path));
}

namespace {
/// Names given out in one C scope, and by what.
class Scope {
public:
  Scope(llvm::function_ref<void(const std::string &)> emitError)
      : emitError(emitError) {}

  void add(llvm::StringRef cName, const std::string &owner) {
    auto [it, inserted] = owners.try_emplace(cName, owner);
    if (inserted)
      return;
    failed = true;
    emitError(it->second + " and " + owner + " both get the C name '" +
              cName.str() + "'");
  }
  bool ok() const { return !failed; }

private:
  llvm::function_ref<void(const std::string &)> emitError;
  llvm::StringMap<std::string> owners;
  bool failed = false;
};
} // namespace

bool ashlar::assignCNames(
    ModelDescription &model,
    llvm::function_ref<void(const std::string &)> emitError) {
  Scope fields(emitError), dims(emitError);
  llvm::StringSet<> inputNames;
  auto addTensor = [&](TensorDescription &tensor, const char *kind) {
    if (!tensor.elementBytes)
      tensor.elementBytes = elementBytes(tensor.dtype);
    std::string owner = (llvm::Twine(kind) + " '" + tensor.name + "'").str();
    fields.add(tensor.cName, owner);
    fields.add(tensor.cName + "_bytes", "byte count of " + owner);
  };
  for (TensorDescription &input : model.inputs) {
    input.cName = cIdentifier(input.name);
    inputNames.insert(input.name);
    addTensor(input, "input");
  }
  for (TensorDescription &output : model.outputs) {
    output.cName = cIdentifier(output.name);
    if (inputNames.contains(output.name))
      output.cName += "_output";
    addTensor(output, "output");
  }
  for (DimDescription &dim : model.dims) {
    dim.cName = cIdentifier(dim.name);
    dims.add(dim.cName, "dimension '" + dim.name + "'");
  }
  return fields.ok() && dims.ok();
}

// Index of the dimension that `range` speaks of; -1 with the reason in `why`.
static int32_t findDim(const ModelDescription &model, const DimRange &range,
                       std::string &why) {
  if (!range.dim.empty()) {
    for (size_t i = 0; i != model.dims.size(); ++i)
      if (model.dims[i].name == range.dim)
        return int32_t(i);
    why = "model has no symbolic dimension '" + range.dim + "'";
    return -1;
  }
  for (const TensorDescription &input : model.inputs) {
    if (input.name != range.input)
      continue;
    bool inside = size_t(range.axis) < input.dimSymbols.size();
    if (inside && input.dimSymbols[range.axis] >= 0)
      return input.dimSymbols[range.axis];
    why = "dimension " + std::to_string(range.axis) + " of input '" +
          range.input + "' is not symbolic: it cannot have a range";
    return -1;
  }
  why = "model has no input '" + range.input + "'";
  return -1;
}

bool ashlar::narrowDims(
    ModelDescription &model, const std::vector<DimRange> &ranges,
    llvm::function_ref<void(const std::string &)> emitError) {
  bool ok = true;
  for (const DimRange &range : ranges) {
    std::string why;
    int32_t index = findDim(model, range, why);
    if (index < 0) {
      emitError(why);
      ok = false;
      continue;
    }
    DimDescription &dim = model.dims[index];
    dim.minimum = std::max(dim.minimum, range.minimum);
    dim.maximum = std::min(dim.maximum, range.maximum);
    if (dim.minimum > dim.maximum) {
      emitError("no value of dimension '" + dim.name +
                "' lies in all ranges given");
      ok = false;
    }
  }
  return ok;
}
