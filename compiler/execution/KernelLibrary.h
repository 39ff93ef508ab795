//===- KernelLibrary.h - oneDNN, for models that call it ------------------===//
//
// Models compiled with --kernels=onednn call functions of runtime/onednn. The
// program loads them, and oneDNN with them, only when it runs such a model.
//
//===----------------------------------------------------------------------===//
#ifndef ASHLAR_COMPILER_EXECUTION_KERNELLIBRARY_H
#define ASHLAR_COMPILER_EXECUTION_KERNELLIBRARY_H

#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBufferRef.h"

namespace ashlar {

/// What this build says to `--kernels=NAME`: success if it can compile for that
/// library, else what to do about it.
llvm::Error checkKernelLibrary(llvm::StringRef name);

/// Whether `object` calls oneDNN.
bool callsKernelLibrary(llvm::MemoryBufferRef object);

/// The functions that such objects call.
struct KernelLibrary {
  void *conv = nullptr, *matmul = nullptr;
  /// Drops what was made for models that ran.
  void (*release)() = nullptr;

  static llvm::Expected<KernelLibrary> load();
};

} // namespace ashlar
#endif
