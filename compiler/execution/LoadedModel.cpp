#include "compiler/execution/LoadedModel.h"
#include "compiler/execution/KernelLibrary.h"
#include "compiler/execution/ObservedRun.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/ExecutionEngine/Orc/Core.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h"
#include "llvm/ExecutionEngine/Orc/SelfExecutorProcessControl.h"
#include "llvm/Object/ELFObjectFile.h"

#include <cstring>

using namespace ashlar;
using namespace llvm;

static Error makeError(const Twine &text) {
  return createStringError(inconvertibleErrorCode(), text);
}

bool ashlar::isObjectFile(StringRef content) {
  return content.starts_with("\177ELF");
}

Expected<std::vector<std::string>>
ashlar::modelsInObject(MemoryBufferRef object) {
  if (!isObjectFile(object.getBuffer()))
    return makeError("not an ELF object");
  auto parsed = object::ELFObjectFile<object::ELF64LE>::create(object);
  if (!parsed)
    return makeError("damaged ELF object: " + toString(parsed.takeError()));
  if (parsed->getArch() != Triple::x86_64 || !parsed->isRelocatableObject())
    return makeError("ELF object is not a relocatable x86-64 object");
  StringSet<> functions;
  for (const object::ELFSymbolRef symbol : parsed->symbols()) {
    auto name = symbol.getName();
    auto flags = symbol.getFlags();
    if (!name || !flags)
      return makeError("damaged ELF object: " +
                       toString(name ? flags.takeError() : name.takeError()));
    bool defined = !(*flags & object::SymbolRef::SF_Undefined);
    if (defined && (*flags & object::SymbolRef::SF_Global))
      functions.insert(*name);
  }
  std::vector<std::string> prefixes;
  for (const auto &entry : functions) {
    StringRef prefix = entry.getKey();
    if (prefix.consume_back("_info") &&
        functions.contains((prefix + "_run").str()))
      prefixes.push_back(prefix.str());
  }
  llvm::sort(prefixes);
  return prefixes;
}

LoadedModel::LoadedModel() = default;

LoadedModel::~LoadedModel() {
  if (session)
    consumeError(session->endSession());
  if (releaseLibrary)
    releaseLibrary();
}

// What objects may refer to, besides libm: the runtime of this process, the
// three memory functions that code generation calls by itself, and observation,
// which only objects made to be run here refer to.
static orc::SymbolMap processSymbols(orc::ExecutionSession &session) {
  orc::SymbolMap symbols;
  auto add = [&](StringRef name, auto *function) {
    symbols[session.intern(name)] = orc::ExecutorSymbolDef(
        orc::ExecutorAddr::fromPtr(function),
        JITSymbolFlags::Exported | JITSymbolFlags::Callable);
  };
  add("ashlar_rt1_check_cpu", &ashlar_rt1_check_cpu);
  add("ashlar_rt1_workspace_size", &ashlar_rt1_workspace_size);
  add("ashlar_rt1_infer_shapes", &ashlar_rt1_infer_shapes);
  add("ashlar_rt1_run", &ashlar_rt1_run);
  add("ashlar_rt1_parallel_for", &ashlar_rt1_parallel_for);
  add("ashlar_rt1_fail", &ashlar_rt1_fail);
  add("ashlar_rt1_mark", &ashlar_rt1_mark);
  add("ashlar_rt1_observe", &observeTensor);
  add("memcpy", &memcpy);
  add("memmove", &memmove);
  add("memset", &memset);
  return symbols;
}

Error LoadedModel::link(std::unique_ptr<MemoryBuffer> object) {
  auto control = orc::SelfExecutorProcessControl::Create();
  if (!control)
    return control.takeError();
  session = std::make_unique<orc::ExecutionSession>(std::move(*control));
  // Failures come back through lookup(); do not print them as well.
  session->setErrorReporter(
      [](Error error) { consumeError(std::move(error)); });
  linker = std::make_unique<orc::ObjectLinkingLayer>(*session);
  orc::JITDylib &library = session->createBareJITDylib("model");
  if (Error error =
          library.define(orc::absoluteSymbols(processSymbols(*session))))
    return error;
  auto process = orc::DynamicLibrarySearchGenerator::GetForCurrentProcess('\0');
  if (!process)
    return process.takeError();
  library.addGenerator(std::move(*process));
  if (callsKernelLibrary(object->getMemBufferRef())) {
    auto kernels = KernelLibrary::load();
    if (!kernels)
      return kernels.takeError();
    releaseLibrary = kernels->release;
    orc::SymbolMap symbols;
    for (auto [symbol, address] :
         {std::pair("ashlar_onednn1_conv", kernels->conv),
          std::pair("ashlar_onednn1_matmul", kernels->matmul)})
      symbols[session->intern(symbol)] = orc::ExecutorSymbolDef(
          orc::ExecutorAddr::fromPtr(address),
          JITSymbolFlags::Exported | JITSymbolFlags::Callable);
    if (Error error = library.define(orc::absoluteSymbols(std::move(symbols))))
      return error;
  }
  if (Error error = linker->add(library, std::move(object)))
    return error;
  auto symbol = session->lookup({&library}, name + "_info");
  if (!symbol)
    return symbol.takeError();
  table = symbol->getAddress().toPtr<const ashlar_model_info *(*)()>()();
  return Error::success();
}

Expected<std::unique_ptr<LoadedModel>>
LoadedModel::load(std::unique_ptr<MemoryBuffer> object) {
  auto prefixes = modelsInObject(object->getMemBufferRef());
  if (!prefixes)
    return prefixes.takeError();
  if (prefixes->empty())
    return makeError("object was not made by Ashlar: it defines no functions "
                     "NAME_info and NAME_run");
  if (prefixes->size() > 1)
    return makeError("object holds several models: " + join(*prefixes, ", "));
  std::unique_ptr<LoadedModel> model(new LoadedModel);
  model->name = prefixes->front();
  if (Error error = model->link(std::move(object)))
    return makeError("cannot link the object: " + toString(std::move(error)));
  const ashlar_model_info *info = model->table;
  if (!info)
    return makeError("object was not made by Ashlar: " + model->name +
                     "_info() returns null");
  if (info->abi_version != ASHLAR_ABI_VERSION ||
      info->struct_size != sizeof(ashlar_model_info))
    return makeError("object has interface version " +
                     Twine(info->abi_version) + ", expected " +
                     Twine(ASHLAR_ABI_VERSION) + ": compile the model again");
  return model;
}
