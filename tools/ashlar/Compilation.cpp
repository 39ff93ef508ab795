#include "tools/ashlar/Compilation.h"
#include "tools/ashlar/Command.h"
#include "tools/ashlar/ExitCode.h"
#include "tools/ashlar/ModelOptions.h"
#include "tools/ashlar/Progress.h"
#include "tools/ashlar/Reproducer.h"

#include "llvm/Support/Path.h"

using namespace ashlar;
using namespace ashlar::tool;
using llvm::StringRef;

Session::Session() : mlirContext(mlir::MLIRContext::Threading::DISABLED) {
  printer = std::make_unique<DiagnosticPrinter>(mlirContext, llvm::errs());
  prepareContext(mlirContext);
}

int Session::failed(StringRef model) {
  int code = printer->exitCode();
  if (code != ExitOk && code != ExitInternal)
    return code;
  std::string details;
  llvm::raw_string_ostream os(details);
  for (const PrintedDiagnostic &diagnostic : printer->diagnostics())
    DiagnosticPrinter::print(diagnostic, os);
  if (code == ExitOk) {
    os << model << ": internal error: a step failed without saying why\n";
    llvm::errs() << details;
  }
  std::string path = saveReproducer(details);
  llvm::errs() << "  note: this is a fault of Ashlar's, not of the model";
  if (!path.empty())
    llvm::errs() << "; a reproducer is in " << path;
  llvm::errs() << "\n  hint: please report it together with the model\n";
  return ExitInternal;
}

static std::unique_ptr<llvm::MemoryBuffer>
compileInMemory(StringRef path, const Arguments &arguments, int &exitCode) {
  CompileOptions options;
  if (auto code = readModelOptions(arguments, options)) {
    exitCode = *code;
    return nullptr;
  }
  Session session;
  Progress progress("compiling " + llvm::sys::path::filename(path));
  auto compiled = compileModel(session.context(), path, options);
  if (mlir::failed(compiled)) {
    progress.clear();
    exitCode = session.failed(path);
    return nullptr;
  }
  return compiled->object.toBuffer();
}

std::unique_ptr<LoadedModel>
ashlar::tool::obtainModel(StringRef path, const Arguments &arguments,
                          int &exitCode) {
  exitCode = ExitInvalid;
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  if (!file) {
    fail(ExitInvalid,
         path + ": error: cannot read the file: " + file.getError().message());
    return nullptr;
  }
  std::unique_ptr<llvm::MemoryBuffer> object;
  bool compiledHere = !isObjectFile((*file)->getBuffer());
  if (compiledHere) {
    file->reset();
    object = compileInMemory(path, arguments, exitCode);
    if (!object)
      return nullptr;
  } else {
    object = std::move(*file);
  }
  auto model = LoadedModel::load(std::move(object));
  if (!model) {
    exitCode = compiledHere ? ExitInternal : ExitInvalid;
    fail(exitCode, path + ": error: " + llvm::toString(model.takeError()));
    return nullptr;
  }
  exitCode = ExitOk;
  return std::move(*model);
}
