//===- Stages.h - the stages of a compilation -----------------------------===//
#ifndef ASHLAR_COMPILER_PIPELINE_STAGES_H
#define ASHLAR_COMPILER_PIPELINE_STAGES_H

#include <functional>

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

namespace ashlar {

/// One stage: import and codegen, which are not pipelines of passes, have no
/// builder.
struct Stage {
  llvm::StringLiteral name;
  llvm::StringLiteral sentence;
  void (*build)(mlir::OpPassManager &manager);
  /// Dialects that may remain after it.
  llvm::ArrayRef<llvm::StringLiteral> allowedDialects;
};

/// All stages, in order. `--emit`, `--stop-after`, the check between stages and
/// the documentation come from this table.
llvm::ArrayRef<Stage> stages();
const Stage *findStage(llvm::StringRef name);

/// Reports every operation of a dialect that may not remain after `stage`.
mlir::LogicalResult verifyStage(mlir::ModuleOp module, const Stage &stage);

struct StageRunOptions {
  bool verifyContracts = false;
  /// Folder for one file a stage, "" for none.
  std::string dumpFolder;
  /// Told the name of each stage before it runs.
  std::function<void(llvm::StringRef)> onStage;
};

/// Runs the stages from after `first` to `last`, both by name and inclusive of
/// `last`; import counts as run.
mlir::LogicalResult runStages(mlir::ModuleOp module, llvm::StringRef after,
                              llvm::StringRef last,
                              const StageRunOptions &options);

/// Everything that stages make use of.
void registerDialects(mlir::DialectRegistry &registry);

/// Registers every pass, and every stage as `--ashlar-stage-<name>`.
void registerPassesAndStages();

} // namespace ashlar

#endif
