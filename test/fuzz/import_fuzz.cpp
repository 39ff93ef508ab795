// Any bytes as a model: the importer must end with a module or with messages.
#include "compiler/import/Import.h"
#include "dialects/onnx/OnnxDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include <memory>

/// Types and attributes live as long as their context, so it is made anew now
/// and then.
static mlir::MLIRContext &freshContext() {
  static std::unique_ptr<mlir::MLIRContext> context;
  static unsigned uses = 0;
  if (!context || ++uses % 5000 == 0) {
    context = std::make_unique<mlir::MLIRContext>(
        mlir::MLIRContext::Threading::DISABLED);
    context->loadDialect<mlir::func::FuncDialect, ashlar::onnx::OnnxDialect>();
    context->getDiagEngine().registerHandler([](mlir::Diagnostic &) {});
  }
  return *context;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef bytes(reinterpret_cast<const char *>(data), size);
  ashlar::ImportOptions options;
  // Text where it looks like text: both readers share the corpus.
  options.text = size && (bytes[0] == '#' || bytes[0] == 'i');
  (void)ashlar::importModelFromMemory(freshContext(), bytes, "fuzz.onnx", "",
                                      options);
  return 0;
}
