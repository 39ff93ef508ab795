#include "tools/ashlar/Compilation.h"
#include "compiler/execution/ModelRunner.h"
#include "tools/ashlar/Command.h"
#include "tools/ashlar/ExitCode.h"
#include "tools/ashlar/ModelOptions.h"
#include "tools/ashlar/ObjectOptions.h"
#include "tools/ashlar/Progress.h"
#include "tools/ashlar/Reproducer.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"

using namespace ashlar;
using namespace ashlar::tool;
using llvm::StringRef;

Session::Session(unsigned threads)
    : mlirContext(mlir::MLIRContext::Threading::DISABLED) {
  if (threads > 1) {
    pool = std::make_unique<llvm::DefaultThreadPool>(
        llvm::hardware_concurrency(threads));
    mlirContext.setThreadPool(*pool);
  }
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
compileToBuffer(StringRef path, CompileOptions options, int &exitCode) {
  Session session;
  Progress progress("compiling " + llvm::sys::path::filename(path));
  options.stages.onStage = [&](StringRef stage) {
    progress.update("compiling " + llvm::sys::path::filename(path) + ": " +
                    stage);
  };
  auto compiled = compileModel(session.context(), path, options);
  if (mlir::failed(compiled)) {
    progress.clear();
    exitCode = session.failed(path);
    return nullptr;
  }
  return compiled->object.toBuffer();
}

static std::unique_ptr<llvm::MemoryBuffer>
compileInMemory(StringRef path, const Arguments &arguments, int &exitCode) {
  CompileOptions options;
  if (auto code = readModelOptions(arguments, options)) {
    exitCode = *code;
    return nullptr;
  }
  return compileToBuffer(path, std::move(options), exitCode);
}

RunnableModel ashlar::tool::compileRunnable(StringRef path,
                                            CompileOptions options,
                                            int &exitCode) {
  auto object = compileToBuffer(path, std::move(options), exitCode);
  if (!object)
    return {};
  auto model = LoadedModel::load(std::move(object));
  if (!model) {
    exitCode = fail(ExitInternal,
                    path + ": error: " + llvm::toString(model.takeError()));
    return {};
  }
  return {std::move(*model), nullptr};
}

static int exitCodeOf(ashlar_status status) {
  switch (status) {
  case ASHLAR_ERROR_CPU:
  case ASHLAR_ERROR_AMX_PERMISSION:
    return ExitCpu;
  case ASHLAR_ERROR_WORKSPACE_SIZE:
  case ASHLAR_ERROR_STATE_SIZE:
  case ASHLAR_ERROR_OUTPUT_CAPACITY:
  case ASHLAR_ERROR_EXECUTOR:
    return ExitResources;
  default:
    return ExitInvalid;
  }
}

int ashlar::tool::failRun(StringRef where, llvm::Error error) {
  int code = ExitInvalid;
  std::string text;
  llvm::handleAllErrors(
      std::move(error),
      [&](const RunError &why) {
        code = exitCodeOf(why.status);
        text += (text.empty() ? "" : "\n") + why.text;
      },
      [&](const llvm::ErrorInfoBase &why) {
        text += (text.empty() ? "" : "\n") + why.message();
      });
  return fail(code, StringRef(text).contains(": error: ")
                        ? text
                        : where.str() + ": error: " + text);
}

std::vector<Option> ashlar::tool::weightsOptions() {
  return {{"weights", "FILE",
           "weights of an object that has none inside; default: the file\n"
           "beside it that ends in .weights"}};
}

// Weights are used in place: the file is mapped, at a page's alignment.
static llvm::Error mapWeights(StringRef path, const Arguments &arguments,
                              RunnableModel &result) {
  const ashlar_model_info &info = result->info();
  if (info.weights || !info.weights_bytes)
    return llvm::Error::success();
  llvm::SmallString<256> file(path);
  llvm::sys::path::replace_extension(file, ".weights");
  if (auto given = arguments.value("weights"))
    file = *given;
  auto mapped = llvm::MemoryBuffer::getFile(file, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!mapped)
    return usageError(file + ": error: cannot read the weights: " +
                      mapped.getError().message());
  if ((*mapped)->getBufferSize() != info.weights_bytes)
    return usageError(file + ": error: file holds " +
                      llvm::Twine((*mapped)->getBufferSize()) +
                      " bytes, expected " + llvm::Twine(info.weights_bytes) +
                      ": the weights are those of another model");
  llvm::SHA256 hash;
  hash.update((*mapped)->getBuffer());
  if (llvm::toHex(hash.final(), /*LowerCase=*/true) != info.weights_hash)
    return usageError(file + ": error: the weights are those of another model: "
                             "their hash is not the one in the object");
  // Small files are read, not mapped, to wherever the allocator puts them.
  if (reinterpret_cast<uintptr_t>((*mapped)->getBufferStart()) %
      ASHLAR_ALIGNMENT) {
    auto copy = llvm::WritableMemoryBuffer::getNewUninitMemBuffer(
        (*mapped)->getBufferSize(), file, llvm::Align(ASHLAR_ALIGNMENT));
    memcpy(copy->getBufferStart(), (*mapped)->getBufferStart(),
           (*mapped)->getBufferSize());
    *mapped = std::move(copy);
  }
  result->weights = (*mapped)->getBuffer();
  result.weights = std::move(*mapped);
  return llvm::Error::success();
}

static std::unique_ptr<llvm::MemoryBuffer>
readOrCompile(StringRef path, const Arguments &arguments, int &exitCode,
              bool &compiledHere) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  if (!file) {
    exitCode = fail(ExitInvalid, path + ": error: cannot read the file: " +
                                     file.getError().message());
    return nullptr;
  }
  compiledHere = !isObjectFile((*file)->getBuffer());
  if (!compiledHere)
    return std::move(*file);
  file->reset();
  return compileInMemory(path, arguments, exitCode);
}

RunnableModel ashlar::tool::obtainModel(StringRef path,
                                        const Arguments &arguments,
                                        int &exitCode) {
  bool compiledHere = false;
  auto object = readOrCompile(path, arguments, exitCode, compiledHere);
  if (!object)
    return {};
  auto model = LoadedModel::load(std::move(object));
  if (!model) {
    exitCode = fail(compiledHere ? ExitInternal : ExitInvalid,
                    path + ": error: " + llvm::toString(model.takeError()));
    return {};
  }
  RunnableModel result{std::move(*model), nullptr};
  if (!compiledHere)
    if (llvm::Error error = checkObjectOptions(arguments, result->info())) {
      exitCode = fail(ExitUsage, std::move(error));
      return {};
    }
  if (llvm::Error error = mapWeights(path, arguments, result)) {
    exitCode = fail(ExitInvalid, std::move(error));
    return {};
  }
  exitCode = ExitOk;
  return result;
}
