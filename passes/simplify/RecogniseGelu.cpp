#include "passes/simplify/Passes.h"

#include "passes/simplify/PatternMatching.h"

#include <cmath>

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_RECOGNISEGELU
#include "passes/simplify/Passes.h.inc"

namespace {

bool near(double value, double expected) {
  // Wide enough for constants that exporters write with few digits.
  return std::fabs(value - expected) <= 2e-6 * std::fabs(expected);
}

// 1 + erf(x / sqrt 2)
bool isErfFactor(Value factor, Value x) {
  Value erf = matchPlus(factor, 1);
  auto op = erf ? erf.getDefiningOp<ErfOp>() : ErfOp();
  if (!op)
    return false;
  auto scale = multipleOf(op.getInput(), x);
  return scale && near(*scale, std::sqrt(0.5));
}

bool isCube(Value value, Value x) {
  if (auto power = value.getDefiningOp<PowOp>())
    return power.getX() == x && isConstantNear(power.getY(), 3);
  Factors factors = factorsOf(value);
  if (factors.constant != 1)
    return false;
  if (factors.values.size() == 3)
    return llvm::all_of(factors.values, [&](Value v) { return v == x; });
  // A square that has other uses.
  return factors.values.size() == 2 &&
         ((factors.values[0] == x && matchSquare(factors.values[1]) == x) ||
          (factors.values[1] == x && matchSquare(factors.values[0]) == x));
}

// x + 0.044715 x^3
bool isCubicSum(Value value, Value x) {
  auto pair = matchEither<AddOp>(value, [&](Value v) { return v == x; });
  if (!pair)
    return false;
  if (auto product = pair->second.getDefiningOp<MulOp>()) {
    for (auto [cube, scale] :
         {std::pair<Value, Value>{product.getA(), product.getB()},
          {product.getB(), product.getA()}})
      if (isConstantNear(scale, 0.044715) && isCube(cube, x))
        return true;
    Factors factors = factorsOf(pair->second);
    return near(factors.constant, 0.044715) && factors.values.size() == 3 &&
           llvm::all_of(factors.values, [&](Value v) { return v == x; });
  }
  return false;
}

// 1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))
bool isTanhFactor(Value factor, Value x) {
  Value tanh = matchPlus(factor, 1);
  auto op = tanh ? tanh.getDefiningOp<TanhOp>() : TanhOp();
  if (!op)
    return false;
  Factors factors = factorsOf(op.getInput());
  return factors.values.size() == 1 &&
         near(factors.constant, std::sqrt(2 / M_PI)) &&
         isCubicSum(factors.values[0], x);
}

template <typename Op>
LogicalResult recognise(Op op, PatternRewriter &rewriter) {
  Factors factors = factorsOf(op->getResult(0));
  if (factors.values.size() != 2 || !near(factors.constant, 0.5))
    return failure();
  for (auto [x, factor] : {std::pair{factors.values[0], factors.values[1]},
                           std::pair{factors.values[1], factors.values[0]}}) {
    bool erf = isErfFactor(factor, x);
    if (!erf && !isTanhFactor(factor, x))
      continue;
    if (x.getType() != op->getResult(0).getType())
      continue;
    rewriter.replaceOpWithNewOp<GeluOp>(
        op, x.getType(), x, rewriter.getStringAttr(erf ? "none" : "tanh"));
    return success();
  }
  return failure();
}

struct RecogniseGelu : impl::RecogniseGeluBase<RecogniseGelu> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add(recognise<MulOp>);
    patterns.add(recognise<DivOp>);
    (void)applyRewrites(getOperation(), std::move(patterns));
  }
};

} // namespace
} // namespace ashlar
