//===- DiagnosticPrinter.h - diagnostics as a compiler prints them --------===//
#ifndef ASHLAR_COMPILER_REPORT_DIAGNOSTICPRINTER_H
#define ASHLAR_COMPILER_REPORT_DIAGNOSTICPRINTER_H

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/raw_ostream.h"
#include <string>
#include <vector>

namespace ashlar {

/// What kind of fault an error speaks of.
enum class Fault {
  Invalid,     // the model or data is wrong
  Unsupported, // Ashlar cannot do it yet
  Internal     // Ashlar itself is wrong
};

struct PrintedDiagnostic {
  mlir::DiagnosticSeverity severity;
  Fault fault = Fault::Invalid;
  std::string file, node, op, message;
  std::vector<std::string> notes;
};

/// Prints the diagnostics of a context while it lives, one message a problem:
///
///   model.onnx: error: "/neck/Concat_3" (Concat): message
///     note: ...
///     hint: ...
///
/// and remembers them.
class DiagnosticPrinter {
public:
  DiagnosticPrinter(mlir::MLIRContext &context, llvm::raw_ostream &os);
  ~DiagnosticPrinter();

  const std::vector<PrintedDiagnostic> &diagnostics() const { return all; }
  unsigned errors() const { return errorCount; }
  unsigned warnings() const { return warningCount; }
  /// The exit code that the errors ask for: 1 where Ashlar is at fault, 3 where
  /// the model is, 4 where all that is wrong is not supported yet; 0 without.
  int exitCode() const;

  /// Errors are remembered, not printed, until the next call with false.
  void setQuiet(bool value) { quiet = value; }
  static void print(const PrintedDiagnostic &diagnostic, llvm::raw_ostream &os);

private:
  void handle(mlir::Diagnostic &diagnostic);

  mlir::MLIRContext &context;
  llvm::raw_ostream &os;
  mlir::DiagnosticEngine::HandlerID handler;
  std::vector<PrintedDiagnostic> all;
  llvm::StringSet<> seen;
  unsigned errorCount = 0, warningCount = 0;
  bool quiet = false;
};

} // namespace ashlar
#endif
