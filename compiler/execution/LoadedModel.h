//===- LoadedModel.h - a compiled object, linked into this process --------===//
#ifndef ASHLAR_COMPILER_EXECUTION_LOADEDMODEL_H
#define ASHLAR_COMPILER_EXECUTION_LOADEDMODEL_H

#include "runtime/ashlar_rt.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <string>
#include <vector>

namespace llvm::orc {
class ExecutionSession;
class ObjectLinkingLayer;
} // namespace llvm::orc

namespace ashlar {

/// Whether `content` begins like an ELF file.
bool isObjectFile(llvm::StringRef content);

/// Prefixes of the models that an ELF object defines: every P with global
/// functions P_info and P_run. An error where `object` is not an x86-64
/// relocatable ELF object.
llvm::Expected<std::vector<std::string>>
modelsInObject(llvm::MemoryBufferRef object);

class LoadedModel {
public:
  /// Links `object`, which must hold one model, with the runtime of this
  /// process.
  static llvm::Expected<std::unique_ptr<LoadedModel>>
  load(std::unique_ptr<llvm::MemoryBuffer> object);
  ~LoadedModel();

  const ashlar_model_info &info() const { return *table; }
  llvm::StringRef prefix() const { return name; }

  /// Weights that are not part of the object, mapped by the caller.
  llvm::StringRef weights;

private:
  LoadedModel();
  llvm::Error link(std::unique_ptr<llvm::MemoryBuffer> object);

  std::unique_ptr<llvm::orc::ExecutionSession> session;
  void (*releaseLibrary)() = nullptr; // of models that call a kernel library
  std::unique_ptr<llvm::orc::ObjectLinkingLayer> linker;
  std::string name;
  const ashlar_model_info *table = nullptr;
};

} // namespace ashlar
#endif
