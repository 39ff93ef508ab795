//===- ArgumentRange.h - what is known of a function's argument -----------===//
#ifndef ASHLAR_PASSES_ANALYSIS_ARGUMENTRANGE_H
#define ASHLAR_PASSES_ANALYSIS_ARGUMENTRANGE_H

#include "mlir/Dialect/Math/IR/Math.h"

namespace ashlar {

/// Unit attribute of a `math.exp` whose argument is at most 0, or NaN: it may
/// give 0 for what is less than any normal number.
inline constexpr llvm::StringLiteral kNonPositive = "ashlar.non_positive";

/// e^x of such an argument.
inline mlir::Value makeExpOfNonPositive(mlir::OpBuilder &b, mlir::Location loc,
                                        mlir::Value x) {
  auto exp = mlir::math::ExpOp::create(b, loc, x);
  exp->setAttr(kNonPositive, b.getUnitAttr());
  return exp;
}

} // namespace ashlar

#endif
