//===- ExpandMath.cpp - elementary functions as arithmetic ----------------===//
#include "passes/lower/Passes.h"

#include "dialects/tile/TileDialect.h"
#include "passes/analysis/ArgumentRange.h"
#include "passes/lower/math/Functions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace ashlar {
#define GEN_PASS_DEF_EXPANDMATH
#include "passes/lower/Passes.h.inc"

namespace {

Type withElement(Type type, Type element) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.clone(element);
  return element;
}

bool hasElement(Type type, llvm::function_ref<bool(Type)> test) {
  return test(getElementTypeOrSelf(type));
}
bool isSingle(Type type) {
  return hasElement(type, [](Type t) { return t.isF32(); });
}
bool isDouble(Type type) {
  return hasElement(type, [](Type t) { return t.isF64(); });
}
bool isHalf(Type type) {
  return hasElement(type, [](Type t) { return t.isF16() || t.isBF16(); });
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

// f32 to bf16, to nearest even, on the bits; a NaN stays one.
Value truncateToBf16(math::Expr x, Type type) {
  ImplicitLocOpBuilder &b = x.getBuilder();
  math::Expr raw = x.bits();
  math::Expr high = math::Expr(
      b, b.create<arith::ShRUIOp>(raw.value(), raw.integer(16).value()));
  math::Expr rounded = raw + raw.integer(0x7fff) + (high & 1);
  math::Expr quiet = raw | raw.integer(0x400000);
  math::Expr chosen = math::select(x != x, quiet, rounded);
  Value shifted =
      b.create<arith::ShRUIOp>(chosen.value(), raw.integer(16).value());
  Value bits =
      b.create<arith::TruncIOp>(withElement(type, b.getI16Type()), shifted);
  return b.create<arith::BitcastOp>(type, bits);
}

Value extendBf16(ImplicitLocOpBuilder &b, Value x) {
  Value bits =
      b.create<arith::BitcastOp>(withElement(x.getType(), b.getI16Type()), x);
  math::Expr wide(b, b.create<arith::ExtUIOp>(
                         withElement(x.getType(), b.getI32Type()), bits));
  return wide.shiftLeft(16).fromBits().value();
}

// f64 to f32, rounded to odd: a second rounding to fewer bits then gives what
// one rounding would have given.
math::Expr toSingleOdd(math::Expr x) {
  math::Expr nearest = x.toSingle(), back = nearest.toDouble(),
             raw = nearest.bits();
  math::Expr tooLarge = math::abs(back) > math::abs(x);
  math::Expr toZero = math::select(tooLarge, raw - raw.integer(1), raw);
  math::Expr odd = toZero | toZero.integer(1);
  math::Expr exact = (back == x) | (x != x);
  return math::select(exact, raw, odd).fromBits();
}

Value extendToSingle(ImplicitLocOpBuilder &b, Value x) {
  Type element = getElementTypeOrSelf(x.getType());
  if (element.isF32())
    return x;
  if (element.isBF16())
    return extendBf16(b, x);
  return b.create<arith::ExtFOp>(withElement(x.getType(), b.getF32Type()), x);
}

Value truncateFromSingle(ImplicitLocOpBuilder &b, Value x, Type type) {
  Type element = getElementTypeOrSelf(type);
  if (element.isF32())
    return x;
  if (element.isBF16())
    return truncateToBf16(math::Expr(b, x), type);
  return b.create<arith::TruncFOp>(type, x);
}

// The replacement of a conversion, or null where the code generator does well.
Value expandConversion(ImplicitLocOpBuilder &b, Operation *op) {
  Value x = op->getOperand(0);
  Type from = x.getType(), to = op->getResult(0).getType();
  bool fromBf16 = getElementTypeOrSelf(from).isBF16(),
       toBf16 = getElementTypeOrSelf(to).isBF16();
  if (isa<arith::ExtFOp>(op)) {
    if (isHalf(from) && isDouble(to))
      return b.create<arith::ExtFOp>(to, extendToSingle(b, x));
    return fromBf16 && isSingle(to) ? extendBf16(b, x) : Value();
  }
  if (isa<arith::TruncFOp>(op)) {
    if (isDouble(from) && isHalf(to))
      return truncateFromSingle(b, toSingleOdd(math::Expr(b, x)).value(), to);
    return isSingle(from) && toBf16 ? truncateToBf16(math::Expr(b, x), to)
                                    : Value();
  }
  if (isa<arith::SIToFPOp, arith::UIToFPOp>(op) && isHalf(to)) {
    Type wide = withElement(to, b.getF32Type());
    Value single = isa<arith::SIToFPOp>(op)
                       ? b.create<arith::SIToFPOp>(wide, x).getResult()
                       : b.create<arith::UIToFPOp>(wide, x).getResult();
    return truncateFromSingle(b, single, to);
  }
  if (isa<arith::FPToSIOp, arith::FPToUIOp>(op) && isHalf(from)) {
    Value single = extendToSingle(b, x);
    return isa<arith::FPToSIOp>(op)
               ? b.create<arith::FPToSIOp>(to, single).getResult()
               : b.create<arith::FPToUIOp>(to, single).getResult();
  }
  return {};
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

// The arithmetic of a function of f32 operands, or null for operations that are
// instructions already.
Value expandFunction(ImplicitLocOpBuilder &b, Operation *op,
                     ValueRange operands) {
  math::Expr x(b, operands[0]);
  auto second = [&] { return math::Expr(b, operands[1]); };
  using namespace mlir::math;
  return TypeSwitch<Operation *, Value>(op)
      .Case<ExpOp>([&](ExpOp exp) {
        bool bounded = exp->hasAttr(kNonPositive) && isSingle(exp.getType());
        return (bounded ? math::makeExpOfNonPositive(x) : math::makeExp(x))
            .value();
      })
      .Case<Exp2Op>([&](auto) { return math::makeExp2(x).value(); })
      .Case<ExpM1Op>([&](auto) { return math::makeExpm1(x).value(); })
      .Case<SinhOp>([&](auto) { return math::makeSinh(x).value(); })
      .Case<CoshOp>([&](auto) { return math::makeCosh(x).value(); })
      .Case<TanhOp>([&](auto) { return math::makeTanh(x).value(); })
      .Case<ErfOp>([&](auto) { return math::makeErf(x).value(); })
      .Case<LogOp>([&](auto) { return math::makeLog(x).value(); })
      .Case<Log2Op>([&](auto) { return math::makeLog2(x).value(); })
      .Case<Log10Op>([&](auto) { return math::makeLog10(x).value(); })
      .Case<Log1pOp>([&](auto) { return math::makeLog1p(x).value(); })
      .Case<AsinhOp>([&](auto) { return math::makeAsinh(x).value(); })
      .Case<AcoshOp>([&](auto) { return math::makeAcosh(x).value(); })
      .Case<AtanhOp>([&](auto) { return math::makeAtanh(x).value(); })
      .Case<SinOp>([&](auto) { return math::makeSin(x).value(); })
      .Case<CosOp>([&](auto) { return math::makeCos(x).value(); })
      .Case<TanOp>([&](auto) { return math::makeTan(x).value(); })
      .Case<AsinOp>([&](auto) { return math::makeAsin(x).value(); })
      .Case<AcosOp>([&](auto) { return math::makeAcos(x).value(); })
      .Case<AtanOp>([&](auto) { return math::makeAtan(x).value(); })
      .Case<Atan2Op>([&](auto) { return math::makeAtan2(x, second()).value(); })
      .Case<PowFOp>([&](auto) { return math::makePow(x, second()).value(); })
      .Case<CbrtOp>([&](auto) { return math::makeCbrt(x).value(); })
      .Case<RsqrtOp>([&](auto) { return math::makeRsqrt(x).value(); })
      .Default([](Operation *) { return Value(); });
}

// Arithmetic that is done in f32 for 16-bit floats.
bool isArithmetic(Operation *op) {
  return isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp,
             arith::RemFOp, arith::NegFOp, arith::MaximumFOp, arith::MinimumFOp,
             arith::MaxNumFOp, arith::MinNumFOp, arith::CmpFOp>(op) ||
         isa_and_nonnull<mlir::math::MathDialect>(op->getDialect());
}

// The same operation on f32 in place of 16-bit floats.
Value computeInSingle(ImplicitLocOpBuilder &b, Operation *op) {
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(isHalf(operand.getType()) ? extendToSingle(b, operand)
                                                 : operand);
  Type type = op->getResult(0).getType();
  if (Value expanded = expandFunction(b, op, operands))
    return truncateFromSingle(b, expanded, type);
  OperationState state(op->getLoc(), op->getName());
  state.addOperands(operands);
  state.addAttributes(op->getAttrs());
  state.addTypes(isHalf(type) ? withElement(type, b.getF32Type()) : type);
  Value result = b.create(state)->getResult(0);
  return isHalf(type) ? truncateFromSingle(b, result, type) : result;
}

// What replaces an operation, or null.
Value expand(ImplicitLocOpBuilder &b, Operation *op) {
  if (Value converted = expandConversion(b, op))
    return converted;
  if (!isArithmetic(op))
    return {};
  Type operand = op->getOperand(0).getType();
  if (isHalf(operand))
    return computeInSingle(b, op);
  return isSingle(operand) ? expandFunction(b, op, op->getOperands()) : Value();
}

struct ExpandMathPass : impl::ExpandMathBase<ExpandMathPass> {
  void runOnOperation() override {
    SmallVector<Operation *> candidates;
    getOperation()->walk([&](Operation *op) {
      if (op->getNumOperands() > 0 && op->getNumResults() == 1 &&
          op->getNumRegions() == 0 &&
          isa_and_nonnull<arith::ArithDialect, mlir::math::MathDialect>(
              op->getDialect()))
        candidates.push_back(op);
    });
    for (Operation *op : candidates) {
      ImplicitLocOpBuilder b(op->getLoc(), op);
      if (Value replacement = expand(b, op)) {
        op->getResult(0).replaceAllUsesWith(replacement);
        op->erase();
      }
    }
  }
};

} // namespace
} // namespace ashlar
