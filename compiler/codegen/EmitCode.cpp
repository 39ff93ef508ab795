//===- EmitCode.cpp - optimised machine code ------------------------------===//
#include <mutex>

#include "llvm/CodeGen/CommandFlags.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"

#include "compiler/codegen/Codegen.h"
#include "passes/bufferize/Passes.h"
#include "passes/lower/Passes.h"

using namespace llvm;
using namespace ashlar;

namespace {

constexpr StringLiteral kTriple = "x86_64-unknown-linux-gnu";

Expected<std::unique_ptr<TargetMachine>> makeTargetMachine() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
  std::string message;
  Triple triple(kTriple);
  const llvm::Target *target = TargetRegistry::lookupTarget(triple, message);
  if (!target)
    return createStringError(message);
  TargetOptions options;
  options.FunctionSections = true;
  options.ExceptionModel = ExceptionHandling::None;
  // The exported functions run on any x86-64; each variant names its CPU.
  return std::unique_ptr<TargetMachine>(
      target->createTargetMachine(triple, "x86-64", "", options, Reloc::PIC_,
                                  std::nullopt, CodeGenOptLevel::Aggressive));
}

void optimize(Module &module, TargetMachine &machine) {
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager callGraphs;
  ModuleAnalysisManager modules;
  PipelineTuningOptions tuning;
  tuning.LoopVectorization = true;
  // Kernels are vectors already; what is left are loops.
  tuning.SLPVectorization = false;
  // Register tiles are unrolled as far as is good for them; unrolling their
  // reduction loops costs compile time and code, and gains nothing.
  tuning.LoopUnrolling = false;
  PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(callGraphs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, callGraphs, modules);
  builder.buildPerModuleDefaultPipeline(OptimizationLevel::O3)
      .run(module, modules);
  makeSingleLaneStoresScalar(module);
}

/// Marks what every generated function is: never unwinds, for this CPU.
void attributeFunction(Function &function, const ashlar::Target &target) {
  function.addFnAttr(Attribute::NoUnwind);
  function.addFnAttr("target-cpu", target.cpu);
  function.addFnAttr("target-features", target.features);
  function.addFnAttr("prefer-vector-width",
                     std::to_string(8 * target.vectorBytes));
  function.addFnAttr("no-trapping-math", "true");
  // Without it spilled vectors lie as the caller's stack happens to, half of
  // them across two cache lines.
  function.addFnAttr("stackrealign");
  function.addFnAttr("denormal-fp-math", "ieee,ieee");
}

/// The functions that generated code may leave to others: the runtime's, those
/// of a kernel library, and what C's memory functions do. Anything else would
/// be missed only when an application is linked.
Error checkCalls(const Module &module) {
  for (const Function &function : module) {
    StringRef name = function.getName();
    if (!function.isDeclaration() || function.isIntrinsic() ||
        function.use_empty() || name.starts_with("ashlar_") ||
        is_contained({"memcpy", "memmove", "memset"}, name))
      continue;
    return createStringError("the code calls '" + name +
                             "', which no library has");
  }
  return Error::success();
}

} // namespace

std::string ashlar::weightsSymbol(const ModelDescription &model) {
  return model.prefix + "_weights_data";
}

Expected<std::unique_ptr<Module>> ashlar::translateVariant(
    mlir::ModuleOp module, LLVMContext &context, const ashlar::Target &target,
    const ModelDescription &model, const VariantDescription &variant) {
  mlir::registerBuiltinDialectTranslation(*module->getContext());
  mlir::registerLLVMDialectTranslation(*module->getContext());
  std::unique_ptr<Module> result =
      mlir::translateModuleToLLVMIR(module, context, model.prefix);
  if (!result)
    return createStringError("translation to LLVM IR failed");
  auto machine = makeTargetMachine();
  if (!machine)
    return machine.takeError();
  result->setTargetTriple(Triple(kTriple));
  result->setDataLayout((*machine)->createDataLayout());
  result->setPICLevel(PICLevel::BigPIC);
  for (Function &function : *result) {
    if (function.isDeclaration())
      continue;
    attributeFunction(function, target);
    StringRef name = function.getName();
    if (name == kBodyName) {
      function.setName(variant.bodySymbol);
    } else if (name == kShapesName) {
      function.setName(variant.shapesSymbol);
      // May be asked before the CPU is known to be fit.
      function.removeFnAttr("target-cpu");
      function.removeFnAttr("target-features");
      function.removeFnAttr("prefer-vector-width");
    } else {
      function.setName(variant.bodySymbol + "." + name);
      function.setLinkage(GlobalValue::InternalLinkage);
    }
  }
  if (GlobalVariable *weights = result->getNamedGlobal(kWeightsSymbol))
    weights->setName(weightsSymbol(model));
  // Body and shapes stay visible until the tables refer to them.
  optimize(*result, **machine);
  if (Error error = checkCalls(*result))
    return error;
  return result;
}

Expected<SmallVector<char, 0>> ashlar::emitCode(Module &module, bool assembly) {
  auto machine = makeTargetMachine();
  if (!machine)
    return machine.takeError();
  SmallVector<char, 0> code;
  raw_svector_ostream stream(code);
  legacy::PassManager passes;
  auto kind =
      assembly ? CodeGenFileType::AssemblyFile : CodeGenFileType::ObjectFile;
  if ((*machine)->addPassesToEmitFile(passes, stream, nullptr, kind))
    return createStringError("this LLVM cannot write objects");
  passes.run(module);
  return code;
}
