//===- Stages.cpp - the stages of a compilation ---------------------------===//
#include "compiler/pipeline/Stages.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassRegistry.h"

#include "passes/analysis/Canonicalization.h"
#include "passes/bufferize/Passes.h"
#include "passes/convert/Passes.h"
#include "passes/fuse/Passes.h"
#include "passes/kernel/Passes.h"
#include "passes/layout/Passes.h"
#include "passes/lower/Passes.h"
#include "passes/quantize/Passes.h"
#include "passes/simplify/Passes.h"
#include "passes/tile/Passes.h"

using namespace mlir;
using namespace ashlar;

namespace {

constexpr llvm::StringLiteral kOnnx[] = {"builtin", "func", "onnx"};
constexpr llvm::StringLiteral kTensors[] = {
    "builtin", "func", "nn",      "linalg", "tensor", "arith",
    "math",    "scf",  "complex", "tile",   "affine", "index"};
constexpr llvm::StringLiteral kBuffers[] = {
    "builtin", "func", "nn",      "linalg", "memref", "arith", "math",
    "scf",     "tile", "complex", "affine", "llvm",   "index"};
constexpr llvm::StringLiteral kVectors[] = {
    "builtin", "func", "nn",   "vector",  "memref", "arith", "math",
    "scf",     "tile", "llvm", "complex", "affine", "index"};
constexpr llvm::StringLiteral kLlvm[] = {"builtin", "llvm"};

void buildConvert(OpPassManager &manager) {
  manager.addPass(createConvertOnnx());
  manager.addPass(createCanonicalization());
  manager.addPass(createCSEPass());
}

void buildQuantize(OpPassManager &manager) {
  manager.addPass(createExpandQuantizedOperators());
  manager.addPass(createMoveQuantization());
  // Weights are constants again after their transposes.
  manager.addPass(createFoldConstants());
  manager.addPass(createExpandTransposedConvolutions());
  manager.addPass(createChooseSignedness());
  manager.addPass(createIntegerizeContractions());
  manager.addPass(createIntegerizeRecurrent());
  manager.addPass(createIntegerizeAverages());
  // What contractions were written as moves elements too.
  manager.addPass(createMoveQuantization());
  manager.addPass(createMergeRequantization());
  // Weights of what stays in f32.
  manager.addPass(createFoldConstants());
  manager.addPass(createFoldDequantizedWeights());
  manager.addPass(createFoldConstants());
  manager.addPass(createCSEPass());
  manager.addPass(createChoosePrecision());
}

const Stage kStages[] = {
    {"import",
     "protobuf to the onnx dialect, operators in their newest form, ONNX "
     "functions inlined",
     nullptr, kOnnx},
    {"simplify",
     "shapes and types inferred, constants folded, composites expanded, graph "
     "cleaned, patterns recognised",
     buildSimplifyPipeline, kOnnx},
    {"quantize",
     "graphs that come quantized on integers, precision of every layer decided",
     buildQuantize, kOnnx},
    {"convert", "onnx to nn and upstream dialects", buildConvert, kTensors},
    {"fuse", "producers, contractions, epilogues grouped", buildFusePipeline,
     kTensors},
    {"layout", "layouts made explicit, weights packed", buildLayoutPipeline,
     kTensors},
    {"tile", "block sizes and task grids chosen for the target",
     buildTilePipeline, kTensors},
    {"bufferize", "tensors to buffers in one arena", buildBufferizePipeline,
     kBuffers},
    {"kernel", "contractions and loops in vectors", buildKernelPipeline,
     kVectors},
    {"lower", "to the LLVM dialect and runtime calls", buildLowerPipeline,
     kLlvm},
    {"codegen", "machine code and data to the object", nullptr, kLlvm},
};

LogicalResult dump(ModuleOp module, const Stage &stage, StringRef folder) {
  int64_t number = &stage - kStages;
  SmallString<128> path(folder);
  llvm::sys::path::append(path, llvm::formatv("{0}{1}-{2}.mlir",
                                              number < 10 ? "0" : "", number,
                                              stage.name)
                                    .str());
  std::error_code error;
  llvm::raw_fd_ostream file(path, error);
  if (error)
    return module.emitError("cannot write '")
           << path << "': " << error.message();
  module->print(file, OpPrintingFlags()
                          .enableDebugInfo()
                          .elideLargeElementsAttrs()
                          .elideLargeResourceString());
  file << '\n';
  return success();
}

} // namespace

ArrayRef<Stage> ashlar::stages() { return kStages; }

const Stage *ashlar::findStage(StringRef name) {
  const auto *found = llvm::find_if(
      kStages, [&](const Stage &stage) { return stage.name == name; });
  return found == std::end(kStages) ? nullptr : found;
}

LogicalResult ashlar::verifyStage(ModuleOp module, const Stage &stage) {
  bool ok = true;
  module.walk([&](Operation *op) {
    StringRef dialect = op->getName().getDialectNamespace();
    if (llvm::is_contained(stage.allowedDialects, dialect))
      return;
    op->emitError("operation may not remain after stage '")
        << stage.name << "'";
    ok = false;
  });
  return success(ok);
}

LogicalResult ashlar::runStages(ModuleOp module, StringRef after,
                                StringRef last,
                                const StageRunOptions &options) {
  const Stage *first = findStage(after), *end = findStage(last);
  if (!first || !end)
    return module.emitError("unknown stage");
  if (!options.dumpFolder.empty()) {
    if (std::error_code error =
            llvm::sys::fs::create_directories(options.dumpFolder))
      return module.emitError("cannot make folder '")
             << options.dumpFolder << "': " << error.message();
    if (first->name == "import" &&
        failed(dump(module, *first, options.dumpFolder)))
      return failure();
  }
  for (const Stage *stage = first + 1; stage <= end; ++stage) {
    if (!stage->build)
      continue;
    if (options.onStage)
      options.onStage(stage->name);
    PassManager manager(module->getContext());
    // After every pass only on demand: it takes a fifth of the time.
    manager.enableVerifier(options.verifyContracts);
    stage->build(manager);
    if (failed(manager.run(module)) || failed(verify(module)))
      return failure();
    if (options.verifyContracts && failed(verifyStage(module, *stage)))
      return failure();
    if (!options.dumpFolder.empty() &&
        failed(dump(module, *stage, options.dumpFolder)))
      return failure();
  }
  return success();
}

void ashlar::registerPassesAndStages() {
  registerAshlar_simplifyPasses();
  registerAshlar_quantizePasses();
  registerAshlar_convertPasses();
  registerAshlar_fusePasses();
  registerAshlar_layoutPasses();
  registerAshlar_tilePasses();
  registerAshlar_bufferizePasses();
  registerAshlar_kernelPasses();
  registerAshlar_lowerPasses();
  for (const Stage &stage : kStages)
    if (stage.build)
      registerPassPipeline(
          ("ashlar-stage-" + stage.name).str(), stage.sentence,
          [&stage](OpPassManager &manager, StringRef,
                   function_ref<LogicalResult(const Twine &)>) {
            stage.build(manager);
            return success();
          },
          [](function_ref<void(const detail::PassOptions &)>) {});
}
