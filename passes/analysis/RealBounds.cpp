//===- RealBounds.cpp - how large what a scalar computation gives can be --===//
#include "passes/analysis/RealBounds.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/TypeSwitch.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"

#include "passes/analysis/ConstantData.h"

#include <cmath>

using namespace mlir;
using namespace ashlar;

namespace {

using Bound = std::optional<double>;

/// Of any integer of a type, read with or without a sign.
Bound ofType(Type type) {
  if (type.isIntOrIndex() && type.getIntOrFloatBitWidth() <= 32)
    return std::ldexp(1.0, int(type.getIntOrFloatBitWidth()));
  return std::nullopt;
}

/// What has wrapped around is within the type again.
Bound wrapped(Bound bound, Type type) {
  Bound most = ofType(type);
  return bound && most ? std::min(*bound, *most) : most;
}

class BoundFinder {
public:
  explicit BoundFinder(llvm::function_ref<Bound(BlockArgument)> ofArgument)
      : ofArgument(ofArgument) {}

  Bound of(Value value) {
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      Bound bound = ofArgument(argument);
      return bound ? bound : ofType(value.getType());
    }
    // Once: a value may be used again and again.
    auto [place, isNew] = known.try_emplace(value);
    if (!isNew)
      return place->second;
    Bound bound = ofOperation(value.getDefiningOp());
    if (value.getType().isInteger())
      bound = wrapped(bound, value.getType());
    return known[value] = bound;
  }

private:
  Bound larger(Value x, Value y) {
    Bound first = of(x), second = of(y);
    return first && second ? Bound(std::max(*first, *second)) : std::nullopt;
  }
  Bound sum(Bound x, Bound y) { return x && y ? Bound(*x + *y) : std::nullopt; }
  Bound product(Bound x, Bound y) {
    return x && y ? Bound(*x * *y) : std::nullopt;
  }
  Bound ofConstant(Operation *op) {
    if (FloatAttr real; matchPattern(op, m_Constant(&real)))
      return std::abs(real.getValueAsDouble());
    if (APInt integer; matchPattern(op, m_ConstantInt(&integer)))
      return std::abs(double(integer.getSExtValue()));
    return std::nullopt;
  }
  Bound ofOperation(Operation *op) {
    if (op->hasTrait<OpTrait::ConstantLike>())
      return ofConstant(op);
    auto operand = [&](unsigned index) { return of(op->getOperand(index)); };
    return llvm::TypeSwitch<Operation *, Bound>(op)
        .Case<arith::ExtSIOp, arith::ExtUIOp, arith::SIToFPOp, arith::UIToFPOp,
              arith::NegFOp, math::AbsFOp, arith::ExtFOp>(
            [&](auto) { return operand(0); })
        .Case<arith::AddFOp, arith::SubFOp, arith::AddIOp, arith::SubIOp>(
            [&](auto) { return sum(operand(0), operand(1)); })
        .Case<arith::MulFOp, arith::MulIOp>(
            [&](auto) { return product(operand(0), operand(1)); })
        .Case<math::FmaOp>([&](auto) {
          return sum(product(operand(0), operand(1)), operand(2));
        })
        .Case<math::RoundEvenOp>([&](auto) { return sum(operand(0), 1.0); })
        .Case<arith::SelectOp>(
            [&](arith::SelectOp select) { return ofSelect(select); })
        .Case<arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp,
              arith::MinNumFOp>([&](Operation *) {
          return larger(op->getOperand(0), op->getOperand(1));
        })
        .Default([](Operation *) { return std::nullopt; });
  }
  Bound ofSelect(arith::SelectOp select) {
    return larger(select.getTrueValue(), select.getFalseValue());
  }

  llvm::function_ref<Bound(BlockArgument)> ofArgument;
  llvm::DenseMap<Value, Bound> known;
};

/// The constant behind a buffer, through what keeps its elements.
memref::GlobalOp globalOf(Value buffer) {
  while (Operation *op = buffer.getDefiningOp()) {
    if (auto get = dyn_cast<memref::GetGlobalOp>(op))
      return SymbolTable::lookupNearestSymbolFrom<memref::GlobalOp>(
          op, get.getNameAttr());
    if (!isa<memref::CollapseShapeOp, memref::ExpandShapeOp, memref::CastOp,
             memref::SubViewOp, memref::ReinterpretCastOp>(op))
      return nullptr;
    buffer = op->getOperand(0);
  }
  return nullptr;
}

} // namespace

Bound ashlar::magnitudeBound(
    Value value, llvm::function_ref<Bound(BlockArgument)> ofArgument) {
  return BoundFinder(ofArgument).of(value);
}

Bound ashlar::magnitudeBoundOfBuffer(Value buffer) {
  Type type = getElementTypeOrSelf(buffer.getType());
  memref::GlobalOp global = globalOf(buffer);
  if (!global || !global.getConstant() || !type.isF32() ||
      !global.getInitialValue())
    return ofType(type);
  auto data = constantData(dyn_cast<ElementsAttr>(*global.getInitialValue()));
  if (!data)
    return std::nullopt;
  double most = 0;
  int64_t count = data->isSplat ? 1 : data->attribute.getNumElements();
  for (int64_t i = 0; i < count; ++i) {
    auto element = double(data->at<float>(i));
    if (!std::isfinite(element))
      return std::nullopt;
    most = std::max(most, std::abs(element));
  }
  return most;
}
