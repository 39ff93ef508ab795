#include "passes/simplify/Passes.h"

#include "dialects/onnx/OnnxOps.h"
#include "passes/simplify/ShapeAnalysis.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_INFERSHAPES
#include "passes/simplify/Passes.h.inc"

namespace {

class ShapeApplication {
public:
  ShapeApplication(func::FuncOp function, ShapeAnalysis &analysis)
      : function(function), analysis(analysis) {}

  void apply() {
    function.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (op == function)
        return;
      for (Region &region : op->getRegions())
        for (Value argument : region.getArguments())
          refine(argument);
      for (Value result : op->getResults())
        refine(result);
    });
    takeDecidedBranches();
    materialize();
    normalizeTargets();
    updateSignature();
  }

private:
  void refine(Value value) { value.setType(analysis.facts(value).type); }

  void takeDecidedBranches() {
    for (auto [op, taken] : analysis.getDecisions()) {
      auto branch = cast<IfOp>(op);
      Block &block = taken ? branch.getThenBranch().front()
                           : branch.getElseBranch().front();
      Operation *terminator = block.getTerminator();
      op->replaceAllUsesWith(terminator->getOperands());
      terminator->erase();
      op->getBlock()->getOperations().splice(op->getIterator(),
                                             block.getOperations());
      op->erase();
    }
  }

  ElementsAttr constantOf(Value value) {
    const ValueFacts &facts = analysis.facts(value);
    auto type = dyn_cast<RankedTensorType>(facts.type);
    if (!type || !type.hasStaticShape())
      return {};
    if (facts.constant)
      return facts.constant;
    if (!facts.elements || llvm::any_of(*facts.elements, [](const DimExpr &e) {
          return !e.isConstant();
        }))
      return {};
    return constantOfElements(type, *facts.elements);
  }

  // Values that are known become constants, where they stand.
  void materialize() {
    SmallVector<Operation *> dead;
    function.walk([&](Operation *op) {
      if (isa<ConstantOp>(op) || op->getNumResults() == 0 ||
          op->getNumRegions() > 0 || !isPure(op))
        return;
      OpBuilder builder(op);
      bool all = true;
      for (Value result : op->getResults()) {
        ElementsAttr constant = constantOf(result);
        if (!constant) {
          all = false;
          continue;
        }
        Value known = ConstantOp::create(builder, op->getLoc(),
                                         result.getType(), constant);
        result.replaceAllUsesWith(known);
      }
      if (all)
        dead.push_back(op);
    });
    // Users come after their operands: the other way round nothing is used any
    // more.
    for (Operation *op : llvm::reverse(dead))
      if (op->use_empty())
        op->erase();
  }

  // Computed targets of Reshape that the types settle: all dims but one known,
  // or copied from the input.
  void normalizeTargets() {
    function.walk([&](ReshapeOp op) {
      if (op.getShape().getDefiningOp<ConstantOp>())
        return;
      const ValueFacts &input = analysis.facts(op.getData());
      const ValueFacts &output = analysis.facts(op.getReshaped());
      if (!output.ranked())
        return;
      SmallVector<int64_t> target;
      bool open = false;
      for (auto [axis, dim] : llvm::enumerate(output.dims)) {
        if (auto size = dim.constant())
          target.push_back(*size);
        else if (input.ranked() && axis < input.dims.size() &&
                 input.dims[axis] == dim)
          target.push_back(0);
        else if (!std::exchange(open, true))
          target.push_back(-1);
        else
          return;
      }
      // A constant 0 would copy, -1 beside 0 elements is ambiguous.
      for (auto [axis, dim] : llvm::enumerate(output.dims))
        if (dim.is(0))
          return;
      OpBuilder builder(op);
      auto type =
          RankedTensorType::get({int64_t(target.size())}, builder.getI64Type());
      Value constant =
          ConstantOp::create(builder, op.getLoc(), type,
                             DenseElementsAttr::get(type, ArrayRef(target)));
      op.getShapeMutable().assign(constant);
      op.setAllowzero(0);
    });
  }

  void updateSignature() {
    SmallVector<Type> results;
    for (Operation &op : function.getBody().back())
      if (op.hasTrait<OpTrait::ReturnLike>())
        llvm::append_range(results, op.getOperandTypes());
    function.setFunctionType(FunctionType::get(
        function.getContext(), function.getBody().getArgumentTypes(), results));
  }

  func::FuncOp function;
  ShapeAnalysis &analysis;
};

struct InferShapes : impl::InferShapesBase<InferShapes> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      ShapeAnalysis analysis(function);
      if (failed(analysis.run()))
        return signalPassFailure();
      ShapeApplication(function, analysis).apply();
    }
  }
};

} // namespace
} // namespace ashlar
