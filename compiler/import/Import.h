// ONNX files to the `onnx` dialect.
#ifndef ASHLAR_COMPILER_IMPORT_IMPORT_H
#define ASHLAR_COMPILER_IMPORT_IMPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace ashlar {

struct ModelFile;

/// The shape an input is to have. ShapedType::kDynamic keeps a dim as the
/// model declares it.
struct ShapeOverride {
  std::string input;
  llvm::SmallVector<int64_t> dims;
};

struct ImportOptions {
  std::vector<ShapeOverride> shapes;
  /// Values for symbolic dims, by name.
  std::map<std::string, int64_t> dims;
  /// Inputs with a default value (an initialiser of the same name) become
  /// constants, except for those named here.
  std::vector<std::string> overridableInputs;
  /// Float tensors, by their names in the file, to be shown to a
  /// TensorObserver whenever their value is computed; empty: none. What local
  /// functions compute has the name of the call in front, CALL/NAME.
  std::function<bool(llvm::StringRef tensor)> observe;
  /// Protobuf's text format; files that end in .textproto, .pbtxt or .prototxt
  /// are text in any case.
  bool text = false;
};

/// Reads a model. All problems are reported as diagnostics, with the node's
/// name as location; null if there was an error.
mlir::OwningOpRef<mlir::ModuleOp>
importModel(mlir::MLIRContext &context, llvm::StringRef path,
            const ImportOptions &options = {});

/// The same from memory. `name` stands for the file's name in locations;
/// external data is looked for below `folder` (none is allowed when empty).
mlir::OwningOpRef<mlir::ModuleOp>
importModelFromMemory(mlir::MLIRContext &context, llvm::StringRef bytes,
                      llvm::StringRef name, llvm::StringRef folder,
                      const ImportOptions &options = {});

/// The same of a file that is parsed already, and perhaps changed since.
mlir::OwningOpRef<mlir::ModuleOp>
importModel(mlir::MLIRContext &context, const ModelFile &file,
            const ImportOptions &options = {});

} // namespace ashlar

#endif // ASHLAR_COMPILER_IMPORT_IMPORT_H
