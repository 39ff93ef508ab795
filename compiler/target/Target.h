//===- Target.h - the CPUs that code is made for --------------------------===//
#ifndef ASHLAR_COMPILER_TARGET_TARGET_H
#define ASHLAR_COMPILER_TARGET_TARGET_H

#include <cstdint>
#include <string>
#include <vector>

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include "dialects/tile/TileDialect.h"

namespace ashlar {

/// A CPU by LLVM's name, and what that means for code and passes.
struct Target {
  std::string cpu;      // LLVM's name
  std::string features; // LLVM's feature string, sorted
  uint64_t required;    // ASHLAR_CPU_* that code for it may use
  int64_t vectorBytes;
  int64_t vectorRegisters;
  int64_t l1Bytes;
  int64_t l2Bytes;

  tile::TargetAttr attribute(mlir::MLIRContext *context) const;
};

/// CPU names that `--cpu` takes, "native" among them.
std::vector<llvm::StringRef> supportedCpus();

/// The target called `name`. "native" is resolved from the features of this
/// machine, not from its model number, which virtual machines mask.
llvm::Expected<Target> resolveTarget(llvm::StringRef name);

} // namespace ashlar

#endif
