// Operators executed at compile time on constant operands.
#ifndef ASHLAR_PASSES_SIMPLIFY_EVALUATE_EVALUATE_H
#define ASHLAR_PASSES_SIMPLIFY_EVALUATE_EVALUATE_H

#include "passes/analysis/ConstantTensor.h"

#include "mlir/IR/Operation.h"
#include "llvm/ADT/StringMap.h"

namespace ashlar::onnx {

// One execution: what goes in, and where the results go.
struct Evaluation {
  mlir::Operation *op;
  llvm::ArrayRef<mlir::ElementsAttr> operands;        // parallel to op's
  llvm::ArrayRef<mlir::RankedTensorType> resultTypes; // static
  llvm::SmallVector<mlir::ElementsAttr, 1> results;

  // The constant of one of op's operands; null for an absent one.
  mlir::ElementsAttr of(mlir::Value operand) const;
  std::optional<std::vector<int64_t>> integers(mlir::Value operand) const;
};

// Fills in the results; false when it cannot.
using EvaluateFunction = bool (*)(Evaluation &);

class EvaluatorRegistry {
public:
  static const EvaluatorRegistry &get();
  EvaluateFunction find(llvm::StringRef operation) const {
    return functions.lookup(operation);
  }
  template <typename... Ops> void add(EvaluateFunction function) {
    (functions.try_emplace(Ops::getOperationName(), function), ...);
  }

private:
  EvaluatorRegistry();
  llvm::StringMap<EvaluateFunction> functions;
};

void registerArithmeticEvaluation(EvaluatorRegistry &);
void registerCastEvaluation(EvaluatorRegistry &);
void registerMovementEvaluation(EvaluatorRegistry &);
void registerReductionEvaluation(EvaluatorRegistry &);
void registerQuantizationEvaluation(EvaluatorRegistry &);

// The results of an operation on constants, empty when it cannot be executed.
// Operands are null where absent.
llvm::SmallVector<mlir::ElementsAttr, 1>
evaluate(mlir::Operation *op, llvm::ArrayRef<mlir::ElementsAttr> operands,
         llvm::ArrayRef<mlir::RankedTensorType> resultTypes);

std::optional<llvm::SmallVector<double, 4>> floatsOf(mlir::ElementsAttr attr);

} // namespace ashlar::onnx

#endif // ASHLAR_PASSES_SIMPLIFY_EVALUATE_EVALUATE_H
