//===- ScalarSlice.cpp - arithmetic on symbolic dimensions ----------------===//
#include "passes/bufferize/ScalarSlice.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/tile/TileDialect.h"

using namespace mlir;
using namespace ashlar;

static bool isIntegerDivision(Operation *op) {
  return isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp,
             arith::CeilDivSIOp, arith::CeilDivUIOp, arith::FloorDivSIOp>(op);
}

bool ashlar::collectDimSlice(Value value, llvm::SetVector<Operation *> &slice) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (slice.contains(op))
    return true;
  if (isa<tile::DimOp>(op)) {
    slice.insert(op);
    return true;
  }
  if (op->getNumRegions() || (!isPure(op) && !isIntegerDivision(op)))
    return false;
  if (op->hasTrait<OpTrait::ConstantLike>() &&
      !op->getResult(0).getType().isIntOrIndexOrFloat())
    return false;
  for (Value operand : op->getOperands())
    if (!operand.getType().isIntOrIndexOrFloat() ||
        !collectDimSlice(operand, slice))
      return false;
  slice.insert(op);
  return true;
}

void ashlar::cloneDimSlice(const llvm::SetVector<Operation *> &slice,
                           OpBuilder &builder, IRMapping &mapping) {
  for (Operation *op : slice) {
    if (llvm::all_of(op->getResults(),
                     [&](Value result) { return mapping.contains(result); }))
      continue;
    Operation *copy = builder.clone(*op, mapping);
    if (!isIntegerDivision(copy))
      continue;
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(copy);
    Location loc = copy->getLoc();
    Value divisor = copy->getOperand(1);
    Type type = divisor.getType();
    Value zero = arith::ConstantOp::create(builder, loc,
                                           builder.getIntegerAttr(type, 0));
    Value one = arith::ConstantOp::create(builder, loc,
                                          builder.getIntegerAttr(type, 1));
    Value isZero = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq,
                                         divisor, zero);
    copy->setOperand(
        1, arith::SelectOp::create(builder, loc, isZero, one, divisor));
  }
}
