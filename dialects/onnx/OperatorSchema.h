// What ONNX says about every version of every operator: operands, results,
// attributes, types.
#ifndef ASHLAR_DIALECTS_ONNX_OPERATORSCHEMA_H
#define ASHLAR_DIALECTS_ONNX_OPERATORSCHEMA_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>

namespace mlir {
class MLIRContext;
class Type;
} // namespace mlir

namespace ashlar::onnx {

/// ONNX's numbers of element types (TensorProto.DataType), as in the operators'
/// type attributes (`to`, `dtype`).
enum class ElementType : int32_t {
  Undefined = 0,
  Float = 1,
  Uint8 = 2,
  Int8 = 3,
  Uint16 = 4,
  Int16 = 5,
  Int32 = 6,
  Int64 = 7,
  String = 8,
  Bool = 9,
  Float16 = 10,
  Double = 11,
  Uint32 = 12,
  Uint64 = 13,
  Complex64 = 14,
  Complex128 = 15,
  Bfloat16 = 16,
  Float8E4M3FN = 17,
  Float8E4M3FNUZ = 18,
  Float8E5M2 = 19,
  Float8E5M2FNUZ = 20,
  Uint4 = 21,
  Int4 = 22,
  Float4E2M1 = 23,
  Float8E8M0 = 24,
  Uint2 = 25,
  Int2 = 26,
};

/// The MLIR element type of ONNX's number; null when the number is unknown.
mlir::Type elementTypeFromOnnx(mlir::MLIRContext *context, int64_t onnxType);
/// The reverse; Undefined when the type has none.
ElementType elementTypeToOnnx(mlir::Type type);

/// The types a type variable may stand for: one bit for each ElementType, at
/// its number minus one.
struct TypeSet {
  uint32_t tensor, sequence, optionalTensor, optionalSequence;
  bool other; ///< maps, sequences of maps

  /// The element type, if the set is tensors of exactly one element type.
  std::optional<ElementType> onlyElementType() const;
  bool holdsOnlyTensors() const {
    return !sequence && !optionalTensor && !optionalSequence && !other;
  }
};

enum class FormalKind : uint8_t { Single, Optional, Variadic };
enum class AttributeKind : uint8_t {
  Int,
  Float,
  String,
  Tensor,
  SparseTensor,
  Graph,
  Type,
  Ints,
  Floats,
  Strings
};

llvm::StringRef stringify(AttributeKind kind);

/// An operand or result as the operator declares it.
struct FormalSchema {
  llvm::StringRef name;
  llvm::StringRef typeVariable; ///< empty when the type is given outright
  FormalKind kind;
  bool heterogeneous; ///< variadic, and each value may have its own type
  TypeSet types;
};

struct AttributeSchema {
  llvm::StringRef name;
  AttributeKind kind;
  bool required;
  const char
      *defaultText; ///< null when there is none; spelled as ONNX prints it
};

/// One version of an operator. A small handle into the table.
class OperatorSchema {
public:
  /// The version of `op` that a model with opset `version` of `domain` means;
  /// none when there is none.
  static std::optional<OperatorSchema>
  lookup(llvm::StringRef domain, llvm::StringRef op, int64_t version);
  /// The newest version that Ashlar knows.
  static std::optional<OperatorSchema> newest(llvm::StringRef domain,
                                              llvm::StringRef op);
  /// Calls a function with the newest version of every operator.
  static void
  forEachNewest(llvm::function_ref<void(const OperatorSchema &)> visit);
  /// The newest opset of a domain that the table covers; 0 for an unknown
  /// domain.
  static int64_t newestOpset(llvm::StringRef domain);

  llvm::StringRef domain() const;
  llvm::StringRef name() const;
  int64_t version() const;
  bool deprecated() const;

  unsigned inputCount() const;
  unsigned outputCount() const;
  /// The fewest operands or results a node may have.
  unsigned minInputs() const;
  unsigned minOutputs() const;
  FormalSchema input(unsigned index) const;
  FormalSchema output(unsigned index) const;
  /// The formal that a node's operand or result belongs to; none when the node
  /// has more than the operator takes.
  std::optional<FormalSchema> formalOfInput(unsigned position) const;
  std::optional<FormalSchema> formalOfOutput(unsigned position) const;

  unsigned attributeCount() const;
  AttributeSchema attribute(unsigned index) const;
  std::optional<AttributeSchema> attribute(llvm::StringRef name) const;

  /// The name of the operation in the `onnx` dialect, "onnx.Conv".
  std::string operationName() const;

private:
  explicit OperatorSchema(unsigned row) : row(row) {}
  unsigned row;
};

} // namespace ashlar::onnx

#endif // ASHLAR_DIALECTS_ONNX_OPERATORSCHEMA_H
