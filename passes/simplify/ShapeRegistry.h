// The shape functions of the operators, one a family and file in shapes/, and
// the view of one operation that they work on.
#ifndef ASHLAR_PASSES_SIMPLIFY_SHAPEREGISTRY_H
#define ASHLAR_PASSES_SIMPLIFY_SHAPEREGISTRY_H

#include "passes/simplify/ShapeAnalysis.h"

#include "mlir/IR/Diagnostics.h"

namespace ashlar::onnx {

// One operation as a shape function sees it: facts of the operands, dim
// arithmetic, and places for the results.
class OpShapes {
public:
  OpShapes(mlir::Operation *op, ShapeAnalysis &analysis)
      : op(op), analysis(analysis) {}

  //--- Operands (an absent optional one is a null value) ---
  bool ranked(mlir::Value value) const;
  bool allRanked(mlir::ValueRange values) const;
  llvm::ArrayRef<DimExpr> dims(mlir::Value value) const;
  int64_t rank(mlir::Value value) const { return dims(value).size(); }
  mlir::Type element(mlir::Value value) const;
  mlir::Type type(mlir::Value value) const;
  std::optional<llvm::SmallVector<DimExpr, 4>>
  elements(mlir::Value value) const;
  // The elements when all are constant.
  std::optional<llvm::SmallVector<int64_t, 4>>
  integers(mlir::Value value) const;
  std::optional<llvm::SmallVector<double, 4>> floats(mlir::Value value) const;
  mlir::ElementsAttr constant(mlir::Value value) const;
  // Elements in a one-dimensional (or scalar) operand, when static.
  std::optional<int64_t> length(mlir::Value value) const;

  //--- Dims ---
  DimExpr unknown() { return analysis.freshAtom(op, counter++, true); }
  DimExpr unknownElement() { return analysis.freshAtom(op, counter++, false); }
  DimExpr add(const DimExpr &a, const DimExpr &b);
  DimExpr subtract(const DimExpr &a, const DimExpr &b);
  DimExpr multiply(const DimExpr &a, const DimExpr &b);
  DimExpr product(llvm::ArrayRef<DimExpr> dims);
  // Rounding down (up); for dims, or elements where both are not negative.
  DimExpr floorDivide(const DimExpr &a, const DimExpr &b);
  DimExpr ceilDivide(const DimExpr &a, const DimExpr &b);
  DimExpr modulo(const DimExpr &a, const DimExpr &b);
  DimExpr minimum(const DimExpr &a, const DimExpr &b);
  DimExpr maximum(const DimExpr &a, const DimExpr &b);
  bool nonNegative(const DimExpr &a) const { return analysis.isNonNegative(a); }
  Shape unknownDims(int64_t rank);

  // The shape of operands broadcast together; reports a contradiction.
  mlir::FailureOr<Shape> broadcast(mlir::ValueRange values);
  mlir::FailureOr<Shape> broadcastShapes(llvm::ArrayRef<DimExpr> a,
                                         llvm::ArrayRef<DimExpr> b);
  // The dim that both must be; reports a contradiction.
  mlir::FailureOr<DimExpr> unify(const DimExpr &a, const DimExpr &b,
                                 const llvm::Twine &what);
  // An axis brought into [0, rank).
  mlir::FailureOr<int64_t> axis(int64_t axis, int64_t rank,
                                llvm::StringRef name = "axis");
  mlir::FailureOr<llvm::SmallVector<int64_t>> axes(llvm::ArrayRef<int64_t> axes,
                                                   int64_t rank);
  mlir::LogicalResult expectRank(mlir::Value value, int64_t rank,
                                 llvm::StringRef name);

  //--- Results (an absent optional one is a null value, and ignored) ---
  mlir::LogicalResult result(mlir::Value value, mlir::Type element,
                             llvm::ArrayRef<DimExpr> dims);
  mlir::LogicalResult resultUnranked(mlir::Value value, mlir::Type element);
  mlir::LogicalResult resultType(mlir::Value value, mlir::Type type);
  // Same type and facts as another value.
  mlir::LogicalResult resultLike(mlir::Value value, mlir::Value other);
  // Same shape as another value, another element type.
  mlir::LogicalResult resultShapedLike(mlir::Value value, mlir::Type element,
                                       mlir::Value other);
  mlir::LogicalResult resultFacts(mlir::Value value, ValueFacts facts);
  const ValueFacts &inferred(mlir::Value value) const;
  void resultElements(mlir::Value value,
                      llvm::SmallVector<DimExpr, 4> elements);
  void resultConstant(mlir::Value value, mlir::ElementsAttr constant);

  mlir::InFlightDiagnostic error() { return op->emitError(); }
  mlir::Operation *getOperation() { return op; }
  ShapeAnalysis &getAnalysis() { return analysis; }
  // Writes the collected results to the analysis.
  void commit(bool succeeded);

private:
  mlir::Operation *op;
  ShapeAnalysis &analysis;
  llvm::SmallVector<ValueFacts, 0> results;
  unsigned counter = 0;
};

using ShapeFunction = mlir::LogicalResult (*)(mlir::Operation *, OpShapes &);

class ShapeRegistry {
public:
  // The table of all operators, built once.
  static const ShapeRegistry &get();
  ShapeFunction find(llvm::StringRef operation) const {
    auto it = functions.find(operation);
    return it == functions.end() ? nullptr : it->second;
  }
  // One shape function for several operators.
  template <typename... Ops> void add(ShapeFunction function) {
    (functions.try_emplace(Ops::getOperationName(), function), ...);
  }
  // A shape function that takes the operation by its class: add<ConvOp,
  // inferConv>().
  template <typename Op, mlir::LogicalResult (*Function)(Op, OpShapes &)>
  void add() {
    functions.try_emplace(Op::getOperationName(),
                          [](mlir::Operation *op, OpShapes &shapes) {
                            return Function(mlir::cast<Op>(op), shapes);
                          });
  }

private:
  ShapeRegistry();
  llvm::StringMap<ShapeFunction> functions;
};

void registerElementwiseShapes(ShapeRegistry &);
void registerReductionShapes(ShapeRegistry &);
void registerContractionShapes(ShapeRegistry &);
void registerConvolutionShapes(ShapeRegistry &);
void registerMovementShapes(ShapeRegistry &);
void registerReshapeShapes(ShapeRegistry &);
void registerIndexingShapes(ShapeRegistry &);
void registerResizeShapes(ShapeRegistry &);
void registerNormalizationShapes(ShapeRegistry &);
void registerRecurrentShapes(ShapeRegistry &);
void registerQuantizationShapes(ShapeRegistry &);
void registerControlFlowShapes(ShapeRegistry &);
void registerSequenceShapes(ShapeRegistry &);
void registerAttentionShapes(ShapeRegistry &);
void registerSignalShapes(ShapeRegistry &);
void registerContributedShapes(ShapeRegistry &);
void registerMachineLearningShapes(ShapeRegistry &);

// Elements of small integer results, from those of the operands:
// ShapeValues.cpp.
void inferElements(mlir::Operation *op, OpShapes &shapes);

} // namespace ashlar::onnx

#endif // ASHLAR_PASSES_SIMPLIFY_SHAPEREGISTRY_H
