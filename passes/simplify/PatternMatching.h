// Matching pieces of graphs as exporters spell them.
#ifndef ASHLAR_PASSES_SIMPLIFY_PATTERNMATCHING_H
#define ASHLAR_PASSES_SIMPLIFY_PATTERNMATCHING_H

#include "passes/analysis/GraphPatterns.h"

namespace ashlar::onnx {

// The operands of a commutative operation as (one that satisfies the predicate,
// the other one).
template <typename Op, typename Predicate>
std::optional<std::pair<mlir::Value, mlir::Value>>
matchEither(mlir::Value value, Predicate predicate) {
  auto op = value ? value.getDefiningOp<Op>() : Op();
  if (!op)
    return std::nullopt;
  mlir::Value a = op->getOperand(0), b = op->getOperand(1);
  if (predicate(a))
    return std::pair{a, b};
  if (predicate(b))
    return std::pair{b, a};
  return std::nullopt;
}

// The other summand of `number` + x.
mlir::Value matchPlus(mlir::Value value, double number);

// A product taken apart: its factors that are no constant scalars, and the
// product of those that are. Divisions by constants count as factors. Inner
// products are looked into when nothing else uses them.
struct Factors {
  llvm::SmallVector<mlir::Value, 4> values;
  double constant = 1;
};
Factors factorsOf(mlir::Value value);

// `value` as constant * x: the constant when x is its only other factor.
std::optional<double> multipleOf(mlir::Value value, mlir::Value x);

// x * x, x ^ 2 or a square by Pow: the x.
mlir::Value matchSquare(mlir::Value value);

// The input of a reduction over exactly the trailing axes of which there are
// `count` (0: returned), kept as ones.
mlir::Value matchTrailingMean(mlir::Value value, int64_t &count);

// 1 / sqrt(x + epsilon) times or dividing `numerator`: what is normalized, and
// the mean that is under the root.
struct InverseRoot {
  mlir::Value numerator, mean;
  double epsilon;
};
std::optional<InverseRoot> matchDivisionByRoot(mlir::Value value);

// A constant of ones of the last `count` dims of a type; null when they are not
// static.
mlir::Value makeOnes(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::RankedTensorType type, int64_t count);
// Whether a value may scale the last `count` dims of a type: no rank beyond
// them, dims equal to theirs.
bool scalesTrailing(mlir::Value value, mlir::RankedTensorType type,
                    int64_t count);

} // namespace ashlar::onnx

#endif // ASHLAR_PASSES_SIMPLIFY_PATTERNMATCHING_H
