//===- PlainLoops.cpp - contractions that no kernel computes --------------===//
#include "passes/convert/PlainLoops.h"

#include "dialects/onnx/OnnxOps.h"

using namespace mlir;
using namespace ashlar;

// Loops take about a millisecond for as many products: no more than the rest of
// a model does.
static constexpr int64_t kNoticeable = 1 << 20;

// Products of all outputs, -1 where that is not known.
static int64_t countProducts(Operation *op, Value lhs, Value rhs) {
  auto a = dyn_cast<RankedTensorType>(lhs.getType()),
       b = dyn_cast<RankedTensorType>(rhs.getType()),
       result = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!a || !b || !result || !b.hasStaticShape())
    return -1;
  bool transposed = isa<onnx::ConvTransposeOp>(op);
  RankedTensorType outer = transposed ? a : result;
  if (!outer.hasStaticShape() || outer.getNumElements() == 0)
    return outer.hasStaticShape() ? 0 : -1;
  if (isa<onnx::ConvOp, onnx::ConvTransposeOp, onnx::ConvIntegerOp,
          onnx::QLinearConvOp>(op))
    return outer.getNumElements() *
           (b.getNumElements() / std::max<int64_t>(b.getDimSize(0), 1));
  return a.hasStaticShape() && a.getRank() > 0
             ? result.getNumElements() * a.getShape().back()
             : -1;
}

// Elements of a factor that kernels do not multiply.
static std::optional<Type> strangeElements(Value lhs, Value rhs) {
  for (Value factor : {lhs, rhs}) {
    Type type = getElementTypeOrSelf(factor.getType());
    if (!type.isF32() && !type.isF16() && !type.isBF16() && !type.isInteger(8))
      return type;
  }
  return std::nullopt;
}

void ashlar::warnPlainLoops(Operation *op, Value lhs, Value rhs,
                            StringRef reason) {
  int64_t products = countProducts(op, lhs, rhs);
  if (products >= 0 && products < kNoticeable)
    return;
  InFlightDiagnostic warning =
      op->emitWarning("operator '")
      << op->getName().stripDialect()
      << "' is computed in plain loops, many times slower than by a kernel: ";
  if (auto type = strangeElements(lhs, rhs))
    warning << "its elements are " << *type
            << ", kernels multiply f32, f16, bf16 and bytes";
  else
    warning << reason;
}
