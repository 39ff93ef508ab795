//===- TransposeMatch.h - transposes in whatever form ---------------------===//
#ifndef ASHLAR_PASSES_ANALYSIS_TRANSPOSEMATCH_H
#define ASHLAR_PASSES_ANALYSIS_TRANSPOSEMATCH_H

#include <optional>

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace ashlar {

/// A tensor that is another one with its axes in another order: element i of
/// it is element `map(i)` of `source`.
struct TransposeMatch {
  mlir::Value source;
  mlir::AffineMap map; // a permutation
};

/// Matches linalg.transpose, and a linalg.generic that only permutes.
std::optional<TransposeMatch> matchTranspose(mlir::Value value);

/// Makes the tensor whose element i is element `map(i)` of `source`.
mlir::Value makeTranspose(mlir::OpBuilder &builder, mlir::Location loc,
                          mlir::Value source, mlir::AffineMap map);

/// True if the body only hands its first argument on.
bool isCopyBody(mlir::linalg::GenericOp op);

} // namespace ashlar

#endif
