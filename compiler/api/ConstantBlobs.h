//===- ConstantBlobs.h - constants that a compilation is done with --------===//
#ifndef ASHLAR_COMPILER_API_CONSTANTBLOBS_H
#define ASHLAR_COMPILER_API_CONSTANTBLOBS_H

#include "llvm/ADT/StringSet.h"

#include "mlir/IR/MLIRContext.h"

#include "compiler/codegen/Codegen.h"

namespace ashlar {

/// The data of large constants lies in the context, and stays there after all
/// modules that refer to it. One compilation makes it twice at least: as the
/// model file has it, and packed.
class ConstantBlobs {
public:
  /// Remembers what others have left in the context.
  explicit ConstantBlobs(mlir::MLIRContext &context);

  /// Releases the data of all constants made since, but for what `weights`
  /// refers to. No other module made since may be used any more.
  void releaseAllBut(const WeightsImage &weights) const;

private:
  mlir::MLIRContext &context;
  llvm::StringSet<> earlier;
};

} // namespace ashlar

#endif
