// Declared types of a model as MLIR types.
#ifndef ASHLAR_COMPILER_IMPORT_MODELTYPES_H
#define ASHLAR_COMPILER_IMPORT_MODELTYPES_H

#include "compiler/import/Import.h"
#include "compiler/import/ModelFile.h"
#include "mlir/IR/BuiltinTypes.h"

namespace ashlar {

/// Converts declared types, with the dims that were asked for put in.
class TypeReader {
public:
  TypeReader(mlir::MLIRContext *context, const ImportOptions &options)
      : context(context), dims(options.dims) {}

  /// Null if the type says nothing (no element type given). Reports and fails
  /// if it cannot be represented.
  mlir::FailureOr<mlir::Type>
  read(const proto::TypeProto &type, mlir::Location loc,
       llvm::SmallVectorImpl<std::string> *dimNames = nullptr);

  /// Makes a symbolic dim static; false when it already has another value.
  bool bindDim(llvm::StringRef name, int64_t value);

  /// The value that a symbolic dim was given, if any.
  std::optional<int64_t> boundDim(llvm::StringRef name) const;

  /// Ignores declared shapes from now on: they belong to other input shapes.
  void dropShapes() { shapesDropped = true; }

private:
  mlir::FailureOr<mlir::Type>
  readTensor(const proto::TypeProto::Tensor &tensor, mlir::Location loc,
             llvm::SmallVectorImpl<std::string> *dimNames);

  mlir::MLIRContext *context;
  std::map<std::string, int64_t> dims;
  bool shapesDropped = false;
};

/// The more precise of two types of one value; null if they contradict each
/// other in more than dims (where dims disagree the result is dynamic).
mlir::Type mergeTypes(mlir::Type first, mlir::Type second);

/// Whether the bytes of such a tensor can be counted at all; dims are not
/// negative.
bool fitsInMemory(llvm::ArrayRef<int64_t> dims);

/// The element type of a tensor; null for other types.
mlir::Type elementTypeOf(mlir::Type type);

} // namespace ashlar

#endif // ASHLAR_COMPILER_IMPORT_MODELTYPES_H
