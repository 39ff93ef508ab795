//===- Compile.h - from a model file to an object -------------------------===//
#ifndef ASHLAR_COMPILER_API_COMPILE_H
#define ASHLAR_COMPILER_API_COMPILE_H

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include "compiler/codegen/Codegen.h"
#include "compiler/import/Import.h"
#include "compiler/pipeline/Stages.h"
#include "compiler/report/ModelDescription.h"

namespace ashlar {

/// In which precision float layers multiply: "f32" or "bf16".
struct PrecisionOptions {
  std::string everywhere = "f32";
  /// (regular expression over ONNX node names, precision); the last that
  /// matches counts.
  std::vector<std::pair<std::string, std::string>> layers;
  /// How layers of a model that was quantized on the way came to int8, and why
  /// others did not, by node.
  std::map<std::string, std::string> quantized, notQuantized;
};

struct CompileOptions {
  ImportOptions import;
  /// Compiled in place of what the file at `path` holds (the same model,
  /// quantized); the file still gives the name and the hash.
  std::shared_ptr<const ModelFile> source;
  /// What it was quantized with, and how many warnings were printed then.
  std::optional<CalibrationDescription> calibration;
  unsigned warningsBefore = 0;
  /// Ranges of dims that stay symbolic.
  std::vector<DimRange> ranges;
  /// Prefix of the exported names; empty: made from the file's name.
  std::string prefix;
  /// CPUs to compile for, "native" among the names.
  std::vector<std::string> cpus = {"native"};
  /// False: the weights go to a file that the application maps.
  bool embedWeights = true;
  PrecisionOptions precision;
  /// The library that computes contractions where it can, "onednn"; empty: our
  /// own kernels do.
  std::string kernelLibrary;
  /// False: quantized graphs run operator by operator, as the standard says.
  bool integerIslands = true;
  /// Called with the simplified graph, which it may change.
  std::function<void(mlir::ModuleOp)> onSimplified;
  StageRunOptions stages;
};

/// A compiled model: what it is, and its bytes.
struct CompiledModel {
  ModelDescription description;
  ObjectImage object;
  /// Owns the data that `object` writes.
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

/// Registers dialects and sets the context up for compilations.
void prepareContext(mlir::MLIRContext &context);

/// Imports the model at `path` and compiles it. Problems are reported as
/// diagnostics of the context.
mlir::FailureOr<CompiledModel> compileModel(mlir::MLIRContext &context,
                                            llvm::StringRef path,
                                            const CompileOptions &options);

/// The same of a model that is in memory, such as one just quantized. `file`
/// is not needed any more when this returns.
mlir::FailureOr<CompiledModel> compileModel(mlir::MLIRContext &context,
                                            const ModelFile &file,
                                            const CompileOptions &options);

/// The model as it is after stage `last`, for the first of the CPUs.
mlir::OwningOpRef<mlir::ModuleOp> compileToStage(mlir::MLIRContext &context,
                                                 llvm::StringRef path,
                                                 const CompileOptions &options,
                                                 llvm::StringRef last);

/// The model's code as text: LLVM's intermediate code as the lower stage leaves
/// it, or assembly.
enum class CodeText { Llvm, Assembly };
mlir::FailureOr<std::string> compileToText(mlir::MLIRContext &context,
                                           llvm::StringRef path,
                                           const CompileOptions &options,
                                           CodeText kind);

} // namespace ashlar

#endif
