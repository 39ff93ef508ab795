//===- DescribeRandomness.cpp - which outputs are drawn at random ---------===//
#include "compiler/api/DescribeModel.h"

#include "llvm/ADT/DenseSet.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include "dialects/onnx/OnnxOps.h"

using namespace mlir;
using namespace ashlar;

// Dropout in inference is gone after simplify.
static bool drawsNumbers(Operation *op) {
  return isa<onnx::BernoulliOp, onnx::DropoutOp, onnx::MultinomialOp,
             onnx::RandomNormalOp, onnx::RandomNormalLikeOp,
             onnx::RandomUniformOp, onnx::RandomUniformLikeOp>(op);
}

static bool readsSizesAlone(Operation *op) {
  return isa<onnx::ShapeOp, onnx::SizeOp>(op);
}

// The operations of `main` whose results follow from random numbers. What a
// body of a loop or a branch draws, its loop or branch gives.
static llvm::DenseSet<Operation *> randomOperations(func::FuncOp main) {
  llvm::DenseSet<Operation *> random;
  SmallVector<Operation *> work;
  auto add = [&](Operation *op) {
    if (op != main && random.insert(op).second)
      work.push_back(op);
  };
  main.walk([&](Operation *op) {
    if (drawsNumbers(op))
      add(op);
  });
  while (!work.empty()) {
    Operation *op = work.pop_back_val();
    add(op->getParentOp());
    for (Operation *user : op->getUsers())
      if (!readsSizesAlone(user))
        add(user);
    // What goes into a loop comes out at its body's arguments.
    for (Region &region : op->getRegions())
      for (BlockArgument argument : region.getArguments())
        for (Operation *user : argument.getUsers())
          if (!readsSizesAlone(user))
            add(user);
  }
  return random;
}

void ashlar::describeRandomness(ModuleOp module, ModelDescription &model) {
  auto main = *module.getOps<func::FuncOp>().begin();
  llvm::DenseSet<Operation *> random = randomOperations(main);
  Operation *end = main.front().getTerminator();
  for (auto [value, output] : llvm::zip(end->getOperands(), model.outputs))
    output.random = random.contains(value.getDefiningOp());
}
