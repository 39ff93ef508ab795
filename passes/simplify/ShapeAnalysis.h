// What is known of every value of an ONNX graph: element type, dims as
// expressions over symbols, and for small integer tensors the elements too, so
// that shapes computed by the graph itself (Shape, Gather, Concat, Reshape ...)
// come out as static as they can be. The analysis changes nothing; InferShapes
// applies it, other passes may ask it which dims are equal.
#ifndef ASHLAR_PASSES_SIMPLIFY_SHAPEANALYSIS_H
#define ASHLAR_PASSES_SIMPLIFY_SHAPEANALYSIS_H

#include "passes/simplify/DimExpr.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringMap.h"
#include <map>

namespace ashlar::onnx {

struct ValueFacts {
  mlir::Type type;
  Shape dims; // of a ranked tensor
  // Every element of a small integer or boolean tensor, in row-major order.
  std::optional<llvm::SmallVector<DimExpr, 4>> elements;
  // The value itself where it is known at compile time.
  mlir::ElementsAttr constant;

  bool ranked() const {
    return type && mlir::isa<mlir::RankedTensorType>(type);
  }
  mlir::Type element() const {
    auto shaped = mlir::dyn_cast_or_null<mlir::ShapedType>(type);
    return shaped ? shaped.getElementType() : mlir::Type();
  }
};

class ShapeAnalysis {
public:
  explicit ShapeAnalysis(mlir::func::FuncOp function) : function(function) {}

  // Visits the whole function. Every contradiction is reported; failure says
  // that there was one.
  mlir::LogicalResult run();

  const ValueFacts &facts(mlir::Value value);
  // Whether two dims are equal for every input of the model.
  bool sameDim(mlir::Value a, unsigned axisA, mlir::Value b, unsigned axisB);

  mlir::func::FuncOp getFunction() { return function; }
  mlir::MLIRContext *getContext() { return function.getContext(); }

  //--- For the functions of the single operators ---
  // Atoms. `dimLike` ones are never negative. The same key gives the same atom
  // again.
  DimExpr freshAtom(const void *key, unsigned index, bool dimLike);
  DimExpr namedAtom(llvm::StringRef name);
  DimExpr opaque(llvm::StringRef function, const DimExpr &a, const DimExpr &b,
                 bool dimLike);
  bool isNonNegative(const DimExpr &expr) const {
    return expr.isNonNegative(dimLike);
  }
  // Merges what was inferred for a value with its declared type. False (and
  // nothing reported) on a contradiction.
  bool record(mlir::Value value, ValueFacts facts);
  // Visits the operations of a block in order; false when a problem was
  // reported.
  void visit(mlir::Block &block);
  void visit(mlir::Operation *op);
  // While something is tried (a loop body with assumptions, a branch that may
  // not be the one), problems are counted and not reported.
  class Speculation {
  public:
    explicit Speculation(ShapeAnalysis &analysis)
        : analysis(analysis), outer(analysis.current) {
      analysis.current = this;
    }
    ~Speculation() { analysis.current = outer; }
    unsigned problems = 0;

  private:
    ShapeAnalysis &analysis;
    Speculation *outer;
  };
  bool isSpeculative() const { return current != nullptr; }
  void noteProblem() {
    if (current)
      ++current->problems;
    else
      failed = true;
  }
  // An onnx.If whose branches differ in rank, and of which only one fits what
  // follows: true for the then-branch.
  void decide(mlir::Operation *op, bool taken) { decisions[op] = taken; }
  // A branch that a condition known at compile time never takes.
  void neverTaken(mlir::Region &region) { dead.insert(&region); }
  const llvm::MapVector<mlir::Operation *, bool> &getDecisions() const {
    return decisions;
  }

private:
  unsigned newAtom(bool isDimLike, bool isOfInputs);
  bool decidedByInputs(const DimExpr &expr) const;
  ValueFacts declaredFacts(mlir::Value value);
  void seedArguments();
  void reportUnranked();

  mlir::func::FuncOp function;
  // Behind pointers: references stay good while others are added.
  llvm::DenseMap<mlir::Value, std::unique_ptr<ValueFacts>> known;
  std::map<std::pair<const void *, unsigned>, unsigned> freshAtoms;
  llvm::StringMap<unsigned> internedAtoms;
  llvm::SmallVector<bool> dimLike; // by atom
  // By atom: whether the sizes of the model's inputs decide it.
  llvm::SmallVector<bool> ofInputs;
  bool failed = false;
  Speculation *current = nullptr;
  llvm::SmallPtrSet<mlir::Region *, 4> dead;
  llvm::MapVector<mlir::Operation *, bool> decisions;
};

// "[1,*,20]", with * for what is not constant.
std::string toString(llvm::ArrayRef<DimExpr> shape);
// Small constants are carried along whole.
constexpr int64_t maxTrackedElements = 256;
// The elements of an integer or boolean constant of at most maxTrackedElements.
std::optional<llvm::SmallVector<DimExpr, 4>>
elementsOfConstant(mlir::ElementsAttr attr);
// The constant with these elements, all of which are constant.
mlir::DenseElementsAttr constantOfElements(mlir::RankedTensorType type,
                                           llvm::ArrayRef<DimExpr> elements);

} // namespace ashlar::onnx

#endif // ASHLAR_PASSES_SIMPLIFY_SHAPEANALYSIS_H
