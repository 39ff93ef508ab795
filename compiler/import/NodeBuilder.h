// Nodes on their way from the file to operations of the dialect.
#ifndef ASHLAR_COMPILER_IMPORT_NODEBUILDER_H
#define ASHLAR_COMPILER_IMPORT_NODEBUILDER_H

#include "compiler/import/TensorData.h"
#include "dialects/onnx/OperatorSchema.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/OperationSupport.h"

namespace ashlar {

/// A result as the file names it; an empty name means that nobody wants it.
struct ImportResult {
  std::string name;
  /// What the file says about its type; may be null.
  mlir::Type declared;
};

struct ImportNode {
  std::string domain, op;
  /// The opset of the domain that the file speaks; `since`, the version of the
  /// operator that this means.
  int64_t opset = 0, since = 0;
  mlir::Location loc;
  /// Null where an optional operand is absent.
  llvm::SmallVector<mlir::Value> inputs;
  mlir::NamedAttrList attributes;
  llvm::SmallVector<std::pair<std::string, std::unique_ptr<mlir::Region>>>
      graphs;
  llvm::SmallVector<ImportResult> results;

  explicit ImportNode(mlir::Location loc) : loc(loc) {}

  mlir::Value input(unsigned index) const {
    return index < inputs.size() ? inputs[index] : mlir::Value();
  }
  void setInput(unsigned index, mlir::Value value);
  mlir::Region *graph(llvm::StringRef name) const;
  /// Takes an attribute out; null when absent or of another kind.
  template <typename Attr> Attr take(llvm::StringRef name) {
    return mlir::dyn_cast_or_null<Attr>(attributes.erase(name));
  }
  mlir::InFlightDiagnostic error() const;
  mlir::InFlightDiagnostic unsupported(const llvm::Twine &message) const;
  int64_t intAttr(llvm::StringRef name, int64_t otherwise) const;
  llvm::StringRef stringAttr(llvm::StringRef name,
                             llvm::StringRef otherwise) const;
};

/// Messages about a node begin with its operator, as MLIR's own about
/// operations do.
mlir::InFlightDiagnostic operatorError(mlir::Location loc, llvm::StringRef op);
mlir::InFlightDiagnostic operatorUnsupported(mlir::Location loc,
                                             llvm::StringRef op,
                                             const llvm::Twine &message);

/// Makes operations in their newest form: checks operands against the
/// operator's schema and gives every result its element type at least.
class NodeBuilder {
public:
  NodeBuilder(mlir::OpBuilder &builder, TensorReader &tensors)
      : builder(builder), tensors(tensors) {}

  /// The node's results, null where the file wants none. Problems are
  /// reported.
  mlir::FailureOr<llvm::SmallVector<mlir::Value>> build(ImportNode &node);

  /// For upgrades: one operation of the default domain with one result, null
  /// (reported) on failure.
  mlir::Value emit(mlir::Location loc, llvm::StringRef op,
                   mlir::ValueRange inputs,
                   llvm::ArrayRef<mlir::NamedAttribute> attributes = {},
                   mlir::Type declared = {});

  mlir::Value constant(mlir::Location loc, mlir::ElementsAttr value);
  /// A tensor of int64, of rank one or a scalar.
  mlir::Value constant(mlir::Location loc, llvm::ArrayRef<int64_t> values);
  mlir::Value scalar(mlir::Location loc, int64_t value);
  /// A tensor of `type` with every element `value`.
  mlir::Value splat(mlir::Location loc, mlir::RankedTensorType type,
                    double value);

  mlir::NamedAttribute attribute(llvm::StringRef name, int64_t value) {
    return builder.getNamedAttr(name, builder.getI64IntegerAttr(value));
  }
  mlir::NamedAttribute attribute(llvm::StringRef name, llvm::StringRef value) {
    return builder.getNamedAttr(name, builder.getStringAttr(value));
  }

  mlir::OpBuilder &builder;
  TensorReader &tensors;
};

/// Rank of a value; none when it is not known.
std::optional<int64_t> rankOf(mlir::Value value);

/// The type that the operator gives to a result; null when its schema and
/// attributes do not tell.
mlir::Type inferResultType(const ImportNode &node,
                           const onnx::OperatorSchema &schema, unsigned index);

/// Checks operand types against the schema; reports what does not fit.
mlir::LogicalResult checkOperandTypes(const ImportNode &node,
                                      const onnx::OperatorSchema &schema);

/// The least precise of two types that covers both; null if there is none.
mlir::Type joinTypes(mlir::Type first, mlir::Type second);

} // namespace ashlar

#endif // ASHLAR_COMPILER_IMPORT_NODEBUILDER_H
