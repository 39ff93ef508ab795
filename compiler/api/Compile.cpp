//===- Compile.cpp - from a model file to an object -----------------------===//
#include "compiler/api/Compile.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/bit.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"

#include "compiler/api/ConstantBlobs.h"
#include "compiler/api/DescribeModel.h"
#include "compiler/import/ModelFile.h"
#include "passes/bufferize/Passes.h"
#include "passes/simplify/Passes.h"

using namespace mlir;
using namespace ashlar;

namespace {

constexpr llvm::StringLiteral kProducer = "Ashlar 0.1.0";

std::string hashOf(StringRef bytes) {
  llvm::SHA256 hash;
  hash.update(bytes);
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}

/// SHA-256 of the model's file.
FailureOr<std::string> hashFile(MLIRContext &context, StringRef path) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  if (!file) {
    emitError(FileLineColLoc::get(&context, path, 0, 0))
        << "cannot read the file: " << file.getError().message();
    return failure();
  }
  return hashOf((*file)->getBuffer());
}

LogicalResult report(MLIRContext &context, StringRef path, llvm::Error error) {
  emitError(FileLineColLoc::get(&context, path, 0, 0))
      << llvm::toString(std::move(error));
  return failure();
}

/// Leaves word for the pass that chooses precisions.
void requestPrecision(ModuleOp module, const PrecisionOptions &options) {
  Builder builder(module.getContext());
  module->setAttr("ashlar.precision",
                  builder.getStringAttr(options.everywhere));
  SmallVector<Attribute> layers;
  for (const auto &[expression, precision] : options.layers)
    layers.push_back(builder.getStrArrayAttr({expression, precision}));
  module->setAttr("ashlar.layer_precision", builder.getArrayAttr(layers));
}

/// One compilation: the steps that all results share.
class Compilation {
public:
  Compilation(MLIRContext &context, StringRef path,
              const CompileOptions &options)
      : context(context), path(path.str()), file(options.source.get()),
        options(options) {}
  Compilation(MLIRContext &context, const ModelFile &file,
              const CompileOptions &options)
      : context(context), path(file.name), file(&file), options(options) {}

  OwningOpRef<ModuleOp> import() {
    return file ? importModel(context, *file, options.import)
                : importModel(context, path, options.import);
  }
  /// Resolves CPUs, imports, and runs the stages whose result does not depend
  /// on the CPU.
  LogicalResult prepare(StringRef until = "quantize");
  /// Runs the stages up to `last` for one CPU on a module of its own.
  /// `variant` is told what computes each layer.
  FailureOr<OwningOpRef<ModuleOp>>
  lowerFor(const Target &target, StringRef last,
           VariantDescription *variant = nullptr);
  /// All code in one LLVM module, with tables and entry points.
  FailureOr<std::unique_ptr<llvm::Module>> translate();
  LogicalResult describe();

  MLIRContext &context;
  std::string path;
  const ModelFile *file = nullptr; // null: to be read from `path`
  const CompileOptions &options;
  ModelDescription model;
  std::vector<Target> targets;
  OwningOpRef<ModuleOp> module;
  OwningOpRef<ModuleOp> lowered;
  WeightsImage weights;
  llvm::LLVMContext llvmContext;
};

LogicalResult Compilation::prepare(StringRef until) {
  for (const std::string &cpu : options.cpus) {
    llvm::Expected<Target> target = resolveTarget(cpu);
    if (!target)
      return report(context, path, target.takeError());
    targets.push_back(*target);
  }
  // The runtime takes the first variant that the machine can run.
  llvm::stable_sort(targets, [](const Target &a, const Target &b) {
    return llvm::popcount(a.required) > llvm::popcount(b.required);
  });
  FailureOr<std::string> hash =
      file ? hashOf(file->buffer ? file->buffer->getBuffer() : "")
           : hashFile(context, path);
  if (failed(hash))
    return failure();
  model.prefix = options.prefix.empty() ? prefixFromPath(path) : options.prefix;
  model.modelFile = llvm::sys::path::filename(path).str();
  model.modelHash = *hash;
  model.producer = kProducer.str();
  model.calibration = options.calibration;
  module = import();
  if (!module)
    return failure();
  describeLayers(*module, model);
  requestPrecision(*module, options.precision);
  if (!options.kernelLibrary.empty())
    (*module)->setAttr("ashlar.kernels",
                       StringAttr::get(&context, options.kernelLibrary));
  if (failed(runStages(*module, "import", "simplify", options.stages)))
    return failure();
  if (options.onSimplified)
    options.onSimplified(*module);
  if (until == "simplify")
    return success();
  if (options.integerIslands) {
    if (failed(runStages(*module, "simplify", "quantize", options.stages)))
      return failure();
  } else {
    PassManager manager(&context);
    manager.addPass(createFoldDequantizedWeights());
    if (failed(manager.run(*module)))
      return failure();
  }
  describePrecision(*module, model);
  const PrecisionOptions &wishes = options.precision;
  for (LayerDescription &layer : model.layers) {
    if (auto left = wishes.notQuantized.find(layer.name);
        left != wishes.notQuantized.end() && layer.precisionReason.empty())
      layer.precisionReason = left->second;
    if (auto done = wishes.quantized.find(layer.name);
        done != wishes.quantized.end() && layer.precision == "int8")
      layer.precisionReason = "calibrated: " + done->second;
  }
  return success();
}

LogicalResult Compilation::describe() {
  if (failed(describeInterface(*module, model)))
    return failure();
  describeRandomness(*module, model);
  auto complain = [&](const std::string &message) {
    emitError(FileLineColLoc::get(&context, path, 0, 0)) << message;
  };
  bool ok = narrowDims(model, options.ranges, complain);
  ok &= assignCNames(model, complain);
  for (const Target &target : targets) {
    VariantDescription variant;
    variant.cpu = target.cpu;
    variant.features = target.required;
    std::string suffix = cIdentifier(target.cpu);
    variant.bodySymbol = model.prefix + "_body_" + suffix;
    variant.shapesSymbol = model.prefix + "_shapes_" + suffix;
    model.variants.push_back(variant);
  }
  return success(ok);
}

FailureOr<OwningOpRef<ModuleOp>>
Compilation::lowerFor(const Target &target, StringRef last,
                      VariantDescription *variant) {
  OwningOpRef<ModuleOp> copy = module->clone();
  (*copy)->setAttr(tile::kTargetAttrName, target.attribute(&context));
  // Constants laid out for one CPU are shared with the next where they agree.
  if (lowered)
    for (StringRef name : {"ashlar.weights", "ashlar.weight_offsets"})
      if (Attribute attribute = (*lowered)->getAttr(name))
        (*copy)->setAttr(name, attribute);
  bool whole = last == "lower";
  if (failed(
          runStages(*copy, "quantize", whole ? "tile" : last, options.stages)))
    return failure();
  if (!whole)
    return copy;
  if (variant) {
    variant->layers = model.layers;
    model.macs = describeKernels(*copy, target, variant->layers);
  }
  if (failed(runStages(*copy, "tile", last, options.stages)))
    return failure();
  return copy;
}

FailureOr<std::unique_ptr<llvm::Module>> Compilation::translate() {
  std::unique_ptr<llvm::Module> all;
  for (auto [index, target] : llvm::enumerate(targets)) {
    FailureOr<OwningOpRef<ModuleOp>> one =
        lowerFor(target, "lower", &model.variants[index]);
    if (failed(one))
      return failure();
    lowered = std::move(*one);
    describeWorkspace(*lowered, model.variants[index]);
    refineKernels(*lowered, target, model.variants[index].layers);
    if (options.stages.onStage)
      options.stages.onStage("codegen");
    auto code = translateVariant(*lowered, llvmContext, target, model,
                                 model.variants[index]);
    if (!code)
      return report(context, path, code.takeError());
    if (!all)
      all = std::move(*code);
    else if (llvm::Linker::linkModules(*all, std::move(*code)))
      return report(context, path,
                    llvm::createStringError("cannot link code of two CPUs"));
  }
  weights = WeightsImage::take(*lowered);
  // The manifest speaks of the best CPU.
  model.layers = model.variants.front().layers;
  model.weightsEmbedded = options.embedWeights;
  model.weightsBytes = weights.size();
  // A file may be mixed up, what is in the object may not.
  if (!model.weightsEmbedded)
    model.weightsHash = weights.hash();
  addEntryPoints(*all, model);
  return all;
}

} // namespace

void ashlar::prepareContext(MLIRContext &context) {
  DialectRegistry registry;
  registerDialects(registry);
  context.appendDialectRegistry(registry);
  context.loadAllAvailableDialects();
}

static FailureOr<CompiledModel> compile(Compilation &compilation) {
  ConstantBlobs blobs(compilation.context);
  if (failed(compilation.prepare()) || failed(compilation.describe()))
    return failure();
  FailureOr<std::unique_ptr<llvm::Module>> code = compilation.translate();
  if (failed(code))
    return failure();
  compilation.module = nullptr;
  blobs.releaseAllBut(compilation.weights);
  if (compilation.options.stages.onStage)
    compilation.options.stages.onStage("codegen");
  auto bytes = emitCode(**code, /*assembly=*/false);
  if (!bytes)
    return report(compilation.context, compilation.path, bytes.takeError());
  uint64_t weightsAt = 0;
  uint64_t embedded =
      compilation.options.embedWeights ? compilation.weights.size() : 0;
  if (llvm::Error error = placeWeightsSection(
          *bytes, weightsSymbol(compilation.model), embedded, weightsAt))
    return report(compilation.context, compilation.path, std::move(error));
  CompiledModel result;
  result.object = ObjectImage(std::move(*bytes), compilation.weights,
                              compilation.options.embedWeights);
  result.description = std::move(compilation.model);
  result.module = std::move(compilation.lowered);
  return result;
}

FailureOr<CompiledModel> ashlar::compileModel(MLIRContext &context,
                                              StringRef path,
                                              const CompileOptions &options) {
  Compilation compilation(context, path, options);
  return compile(compilation);
}

FailureOr<CompiledModel> ashlar::compileModel(MLIRContext &context,
                                              const ModelFile &file,
                                              const CompileOptions &options) {
  Compilation compilation(context, file, options);
  return compile(compilation);
}

OwningOpRef<ModuleOp> ashlar::compileToStage(MLIRContext &context,
                                             StringRef path,
                                             const CompileOptions &options,
                                             StringRef last) {
  Compilation compilation(context, path, options);
  if (last == "import")
    return compilation.import();
  bool once = last == "simplify" || last == "quantize";
  if (failed(compilation.prepare(once ? last : StringRef("quantize"))))
    return nullptr;
  if (once)
    return std::move(compilation.module);
  FailureOr<OwningOpRef<ModuleOp>> result =
      compilation.lowerFor(compilation.targets.front(), last);
  return failed(result) ? nullptr : std::move(*result);
}

FailureOr<std::string> ashlar::compileToText(MLIRContext &context,
                                             StringRef path,
                                             const CompileOptions &options,
                                             CodeText kind) {
  Compilation compilation(context, path, options);
  if (failed(compilation.prepare()) || failed(compilation.describe()))
    return failure();
  FailureOr<std::unique_ptr<llvm::Module>> code = compilation.translate();
  if (failed(code))
    return failure();
  if (kind == CodeText::Llvm) {
    std::string text;
    llvm::raw_string_ostream os(text);
    (*code)->print(os, nullptr);
    return text;
  }
  auto text = emitCode(**code, /*assembly=*/true);
  if (!text)
    return report(context, path, text.takeError());
  return std::string(text->begin(), text->end());
}
