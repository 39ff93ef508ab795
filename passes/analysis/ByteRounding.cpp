//===- ByteRounding.cpp - how bytes are made of floats --------------------===//
#include "passes/analysis/ByteRounding.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

#include <cmath>

using namespace mlir;
using namespace ashlar;

namespace {

std::optional<float> floatConstant(Value value) {
  FloatAttr attribute;
  if (!value.getType().isF32() || !matchPattern(value, m_Constant(&attribute)))
    return std::nullopt;
  return attribute.getValue().convertToFloat();
}

/// A bound of a value by a constant, as two operations.
struct Bound {
  Value of, constant;
  float limit;
  bool isLower;
};

std::optional<Bound> matchBound(Value value) {
  auto select = value.getDefiningOp<arith::SelectOp>();
  auto compare =
      select ? select.getCondition().getDefiningOp<arith::CmpFOp>() : nullptr;
  if (!compare || compare.getPredicate() != arith::CmpFPredicate::OLT)
    return std::nullopt;
  Value x = select.getTrueValue(), constant = select.getFalseValue();
  auto limit = floatConstant(constant);
  if (!limit)
    return std::nullopt;
  if (compare.getLhs() == constant && compare.getRhs() == x)
    return Bound{x, constant, *limit, /*isLower=*/true};
  if (compare.getLhs() == x && compare.getRhs() == constant)
    return Bound{x, constant, *limit, /*isLower=*/false};
  return std::nullopt;
}

} // namespace

std::optional<ByteRounding> ByteRounding::match(Value byte) {
  ByteRounding rounding{nullptr, nullptr, nullptr, INT16_MIN, INT16_MAX, 0};
  auto narrow = byte.getDefiningOp<arith::TruncIOp>();
  if (!narrow || !byte.getType().isInteger(8) ||
      !narrow.getIn().getType().isInteger(32))
    return std::nullopt;
  Value integer = narrow.getIn();
  if (auto add = integer.getDefiningOp<arith::AddIOp>()) {
    APInt zeroPoint;
    if (!matchPattern(add.getRhs(), m_ConstantInt(&zeroPoint)))
      return std::nullopt;
    rounding.zeroPoint = zeroPoint.getSExtValue();
    integer = add.getLhs();
  }
  auto bits = integer.getDefiningOp<arith::BitcastOp>();
  auto rounded =
      bits ? bits.getIn().getDefiningOp<arith::AddFOp>() : arith::AddFOp();
  if (!rounded || floatConstant(rounded.getRhs()) != kRoundsIn)
    return std::nullopt;
  rounding.rounded = rounded;
  // Rounding is monotonous: bounds can be rounded, too.
  Value real = rounded.getLhs();
  bool lastIsLower = false;
  while (auto bound = matchBound(real)) {
    double limit = std::nearbyint(bound->limit) + double(rounding.zeroPoint);
    if (bound->isLower) {
      rounding.low = std::max(rounding.low, int64_t(limit));
    } else if (limit < rounding.high) {
      rounding.high = int64_t(limit);
      rounding.highBound = bound->constant;
    }
    lastIsLower = bound->isLower;
    real = bound->of;
  }
  rounding.real = real;
  bool fits = rounding.low >= 0
                  ? rounding.high <= UINT8_MAX
                  : rounding.low >= INT8_MIN && rounding.high <= INT8_MAX;
  // The bound that is met first decides about NaN.
  if (!fits || !lastIsLower || rounding.low > rounding.high)
    return std::nullopt;
  return rounding;
}
