//===- ConstantBlobs.cpp - constants that a compilation is done with ------===//
#include "compiler/api/ConstantBlobs.h"

#include "mlir/IR/BuiltinDialect.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace ashlar;

namespace {

DialectResourceBlobManager &managerOf(MLIRContext &context) {
  return context.getOrLoadDialect<BuiltinDialect>()
      ->getRegisteredInterface<ResourceBlobManagerDialectInterface>()
      ->getBlobManager();
}

llvm::StringSet<> namesIn(MLIRContext &context) {
  llvm::StringSet<> names;
  managerOf(context).getBlobMap([&](const auto &blobs) {
    for (const auto &entry : blobs)
      names.insert(entry.getKey());
  });
  return names;
}

} // namespace

ConstantBlobs::ConstantBlobs(MLIRContext &context)
    : context(context), earlier(namesIn(context)) {}

void ConstantBlobs::releaseAllBut(const WeightsImage &weights) const {
  llvm::StringSet<> used = weights.blobNames();
  for (const auto &entry : namesIn(context))
    if (!earlier.contains(entry.getKey()) && !used.contains(entry.getKey()))
      managerOf(context).update(entry.getKey(), AsmResourceBlob());
}
