// Any bytes to the importer: a module that verifies, or a message; never a
// crash.
#include "compiler/import/Import.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"

#include <cstdlib>
#include <memory>

using namespace ashlar;

// Seeds in text form begin like this.
static bool looksLikeText(llvm::StringRef bytes) {
  return bytes.starts_with("#") || bytes.starts_with("ir_version") ||
         bytes.starts_with("graph");
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // A context costs more than an import, but keeps everything it ever made.
  static std::unique_ptr<mlir::MLIRContext> context;
  static unsigned imports = 0;
  if (imports++ % 512 == 0)
    context = std::make_unique<mlir::MLIRContext>(
        mlir::MLIRContext::Threading::DISABLED);
  bool reported = false;
  mlir::ScopedDiagnosticHandler handler(
      context.get(), [&](mlir::Diagnostic &diagnostic) {
        reported |= diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error;
        return mlir::success();
      });
  llvm::StringRef bytes(reinterpret_cast<const char *>(data), size);
  ImportOptions options;
  options.text = looksLikeText(bytes);
  mlir::OwningOpRef<mlir::ModuleOp> module =
      importModelFromMemory(*context, bytes, "fuzz", "", options);
  // A model is refused with a reason, or taken without one.
  if (bool(module) == reported)
    abort();
  return 0;
}
