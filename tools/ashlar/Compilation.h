// One compilation with its context, diagnostics and progress.
#ifndef ASHLAR_TOOLS_ASHLAR_COMPILATION_H
#define ASHLAR_TOOLS_ASHLAR_COMPILATION_H

#include "compiler/api/Compile.h"
#include "compiler/execution/LoadedModel.h"
#include "compiler/report/DiagnosticPrinter.h"
#include "tools/ashlar/Arguments.h"

#include "llvm/Support/ThreadPool.h"
#include <memory>
#include <optional>

namespace ashlar::tool {

/// A context ready for compilations, whose diagnostics are printed.
class Session {
public:
  /// Passes may use this many threads; what they do is the same.
  explicit Session(unsigned threads = 1);
  mlir::MLIRContext &context() { return mlirContext; }
  DiagnosticPrinter &diagnostics() { return *printer; }

  /// The exit code after a step that failed: what the diagnostics ask for, or
  /// an internal error where there are none.
  int failed(llvm::StringRef model);

private:
  std::unique_ptr<llvm::DefaultThreadPool> pool; // outlives the context
  mlir::MLIRContext mlirContext;
  std::unique_ptr<DiagnosticPrinter> printer;
};

/// A model that can be run, with the file that its weights are mapped from
/// where they are not in the object.
struct RunnableModel {
  std::unique_ptr<LoadedModel> model;
  std::unique_ptr<llvm::MemoryBuffer> weights;

  explicit operator bool() const { return model != nullptr; }
  LoadedModel *operator->() const { return model.get(); }
  LoadedModel &operator*() const { return *model; }
};

/// The model in file `path`, compiled in memory. Messages have been printed
/// where it fails, and `exitCode` is set.
RunnableModel compileRunnable(llvm::StringRef path, CompileOptions options,
                              int &exitCode);

/// Prints why a run failed, `where` in front unless the error names its place;
/// returns the exit code.
int failRun(llvm::StringRef where, llvm::Error error);

/// Options for objects whose weights are in a file.
std::vector<Option> weightsOptions();

/// The model in file `path`, compiled in memory with the options given unless
/// it is an object. Messages have been printed where it fails, and `exitCode`
/// is set.
RunnableModel obtainModel(llvm::StringRef path, const Arguments &arguments,
                          int &exitCode);

} // namespace ashlar::tool
#endif
