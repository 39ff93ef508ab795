// What passes that rewrite ONNX graphs share: looking at constants, making
// operations.
#ifndef ASHLAR_PASSES_ANALYSIS_GRAPHPATTERNS_H
#define ASHLAR_PASSES_ANALYSIS_GRAPHPATTERNS_H

#include "dialects/onnx/OnnxOps.h"
#include "passes/analysis/ConstantTensor.h"

#include "mlir/IR/PatternMatch.h"

namespace ashlar::onnx {

// The constant that a value is; null when it is none.
inline mlir::ElementsAttr constantOf(mlir::Value value) {
  auto op = value ? value.getDefiningOp<ConstantOp>() : ConstantOp();
  return op ? op.getValue() : mlir::ElementsAttr();
}
std::optional<std::vector<int64_t>> constantIntegers(mlir::Value value);
// The one number that a constant consists of, whatever its shape.
std::optional<double> constantScalar(mlir::Value value);
// Whether a constant is one number, equal to `expected` as far as the element
// type can tell.
bool isConstantNear(mlir::Value value, double expected);

mlir::RankedTensorType rankedType(mlir::Value value);
bool hasStaticType(mlir::Value value);

mlir::Value makeIntegers(mlir::OpBuilder &builder, mlir::Location loc,
                         llvm::ArrayRef<int64_t> values);
mlir::Value makeConstant(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::ElementsAttr value);
// A constant of rank 0 of a float or integer element type.
mlir::Value makeScalar(mlir::OpBuilder &builder, mlir::Location loc,
                       mlir::Type element, double value);
// A Reshape to a type with at most one dynamic dim.
mlir::Value makeReshape(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::Value value, mlir::RankedTensorType type);

// Applies patterns until nothing changes. Regions keep their blocks, and
// nothing is folded on the way.
mlir::LogicalResult applyRewrites(mlir::Operation *root,
                                  mlir::RewritePatternSet &&patterns);

} // namespace ashlar::onnx

#endif // ASHLAR_PASSES_ANALYSIS_GRAPHPATTERNS_H
