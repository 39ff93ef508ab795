//===- DimSymbols.h - the symbolic dimensions of a model ------------------===//
#ifndef ASHLAR_PASSES_ANALYSIS_DIMSYMBOLS_H
#define ASHLAR_PASSES_ANALYSIS_DIMSYMBOLS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace ashlar {

/// The function that holds the model's graph from import to convert.
inline constexpr llvm::StringLiteral kMainName = "main";

/// Names of the dynamic dimensions of a model's inputs, in the order of their
/// first appearance; this is the order of `ashlar_args.dims`.
class DimSymbols {
public:
  explicit DimSymbols(mlir::func::FuncOp main);

  llvm::ArrayRef<mlir::StringAttr> names() const { return symbols; }
  /// Place of the symbol of input `argument`'s dimension `axis`, or -1 where
  /// that is static.
  int64_t indexOf(unsigned argument, unsigned axis) const {
    return places[argument][axis];
  }

private:
  llvm::SmallVector<mlir::StringAttr> symbols;
  llvm::SmallVector<llvm::SmallVector<int64_t>> places;
};

} // namespace ashlar

#endif
