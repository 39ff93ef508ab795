//===- TabulateByteFunctions.cpp - functions of a byte as tables ----------===//
#include "passes/fuse/Passes.h"

#include "llvm/ADT/SetVector.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

#include "dialects/nn/NnDialect.h"

namespace ashlar {
#define GEN_PASS_DEF_TABULATEBYTEFUNCTIONS
#include "passes/fuse/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

/// A computation in one block that ends in a byte.
struct ByteFunction {
  llvm::SetVector<Operation *> operations; // in program order
  Value argument;
};

bool isByte(Value value) { return value.getType().isInteger(8); }

/// What vectors take long for.
bool isDear(Operation *op) {
  if (isa<arith::DivFOp>(op))
    return true;
  return isa_and_present<math::MathDialect>(op->getDialect()) &&
         !isa<math::FmaOp, math::AbsFOp, math::RoundEvenOp, math::FloorOp,
              math::CeilOp, math::TruncOp>(op);
}

/// Adds the operations of `block` that `value` follows from, back to bytes,
/// which are collected in `leaves`. False if it follows from anything else that
/// is not constant.
bool collect(Value value, Block *block,
             llvm::SetVector<Operation *> &operations,
             llvm::SetVector<Value> &leaves) {
  Operation *op = value.getDefiningOp();
  if (matchPattern(value, m_Constant()))
    return true;
  if (!op || op->getBlock() != block) {
    if (!isByte(value) || value.getParentBlock() != block)
      return false;
    leaves.insert(value);
    return true;
  }
  if (op->getNumRegions() || op->getNumResults() != 1 || !isPure(op))
    return false;
  operations.insert(op);
  for (Value operand : op->getOperands()) {
    if (isByte(operand) && !matchPattern(operand, m_Constant())) {
      leaves.insert(operand);
      continue;
    }
    if (!collect(operand, block, operations, leaves))
      return false;
  }
  return true;
}

/// The function that gives `result`, if it has one byte as argument.
std::optional<ByteFunction> findFunction(Operation *result) {
  Block *block = result->getBlock();
  ByteFunction function;
  llvm::SetVector<Value> leaves;
  if (!collect(result->getResult(0), block, function.operations, leaves))
    return std::nullopt;
  // Bytes that follow from other bytes are steps on the way to the argument.
  while (leaves.size() > 1) {
    Value last;
    for (Value leaf : leaves)
      if (Operation *op = leaf.getDefiningOp();
          op && op->getBlock() == block &&
          (!last || last.getDefiningOp()->isBeforeInBlock(op)))
        last = leaf;
    if (!last)
      return std::nullopt;
    leaves.remove(last);
    if (!collect(last, block, function.operations, leaves))
      return std::nullopt;
  }
  if (leaves.empty() || llvm::none_of(function.operations, isDear))
    return std::nullopt;
  function.argument = leaves.front();
  auto ordered = function.operations.takeVector();
  llvm::sort(ordered,
             [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  function.operations.insert_range(ordered);
  return function;
}

/// The function's value for one argument, or nothing where constant folding
/// does not know it.
std::optional<int8_t> evaluate(const ByteFunction &function, int8_t argument) {
  DenseMap<Value, Attribute> known;
  Type byte = function.argument.getType();
  known[function.argument] = IntegerAttr::get(byte, argument);
  auto attributeOf = [&](Value value) -> Attribute {
    if (Attribute found = known.lookup(value))
      return found;
    Attribute constant;
    return matchPattern(value, m_Constant(&constant)) ? constant : Attribute();
  };
  Attribute last;
  for (Operation *op : function.operations) {
    SmallVector<Attribute> operands =
        llvm::map_to_vector(op->getOperands(), attributeOf);
    SmallVector<OpFoldResult> results;
    if (failed(op->fold(operands, results)) || results.size() != 1)
      return std::nullopt;
    auto value = dyn_cast<Value>(results.front());
    last = value ? attributeOf(value) : cast<Attribute>(results.front());
    if (!last)
      return std::nullopt;
    known[op->getResult(0)] = last;
  }
  auto result = dyn_cast<IntegerAttr>(last);
  if (!result)
    return std::nullopt;
  return static_cast<int8_t>(result.getValue().getSExtValue());
}

bool tabulate(Operation *result) {
  auto function = findFunction(result);
  if (!function)
    return false;
  SmallVector<int8_t> table;
  for (int bits = 0; bits < 256; ++bits) {
    auto value = evaluate(*function, static_cast<int8_t>(bits));
    if (!value)
      return false;
    table.push_back(*value);
  }
  OpBuilder builder(result);
  Value found = nn::LookupOp::create(builder, result->getLoc(),
                                     function->argument, table);
  result->getResult(0).replaceAllUsesWith(found);
  return true;
}

struct TabulateByteFunctions
    : ashlar::impl::TabulateByteFunctionsBase<TabulateByteFunctions> {
  void runOnOperation() override {
    getOperation().walk([&](Operation *op) {
      if (isa<linalg::GenericOp, nn::ConvOp, nn::MatmulOp, nn::PoolOp>(op))
        tabulateIn(op->getRegion(0).front());
    });
  }

  /// The longest functions first: those that end last.
  void tabulateIn(Block &block) {
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
      if (op.getNumResults() != 1 || !isByte(op.getResult(0)) ||
          op.hasTrait<OpTrait::ConstantLike>() || isa<nn::LookupOp>(op))
        continue;
      if (op.use_empty()) {
        op.erase();
        continue;
      }
      numTables += tabulate(&op);
    }
  }
};

} // namespace
