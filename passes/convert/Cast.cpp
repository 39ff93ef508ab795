// Cast, CastLike and BitCast.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/Elementwise.h"
#include "passes/convert/Families.h"
#include "passes/convert/ScalarCast.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace ashlar {

namespace {

template <typename OpT>
Lowered lowerCast(OpT op, typename OpT::Adaptor in, TensorBuilder &b) {
  Type from = elementType(op.getInput().getType()),
       to = elementType(op.getOutput().getType());
  if (from == to)
    return in.getInput();
  if (!canCastScalar(from, to)) {
    std::string text;
    llvm::raw_string_ostream(text) << "from " << from << " to " << to;
    return b.unsupported(text);
  }
  Type target = to;
  if (auto integer = dyn_cast<IntegerType>(to))
    target = b.getIntegerType(integer.getWidth());
  return b.map(target, in.getInput(), [&](TensorBuilder &b, ValueRange v) {
    return castScalar(b, v[0], from, to);
  });
}

// The bits of each element as another type of the same width.
Lowered lowerBitCast(onnx::BitCastOp op, onnx::BitCastOp::Adaptor in,
                     TensorBuilder &b) {
  Type from = elementType(in.getInput()),
       to = elementType(op.getOutput().getType());
  if (auto integer = dyn_cast<IntegerType>(to))
    to = b.getIntegerType(integer.getWidth());
  if (!isa<IntegerType, FloatType>(from) || !isa<IntegerType, FloatType>(to))
    return b.unsupported("between types that are not numbers");
  if (from == to)
    return in.getInput();
  // A boolean is a byte of 0 or 1.
  unsigned fromWidth = from.getIntOrFloatBitWidth(),
           toWidth = to.getIntOrFloatBitWidth();
  return b.map(to, in.getInput(), [&](TensorBuilder &b, ValueRange v) -> Value {
    if (fromWidth == 1)
      return b.createOrFold<arith::ExtUIOp>(to, v[0]);
    if (toWidth == 1)
      return b.ne(v[0], b.zero(from));
    return b.createOrFold<arith::BitcastOp>(to, v[0]);
  });
}

} // namespace

void populateCastPatterns(const OnnxTypeConverter &converter,
                          RewritePatternSet &patterns) {
  addLowering<onnx::CastOp>(converter, patterns, lowerCast<onnx::CastOp>);
  addLowering<onnx::CastLikeOp>(converter, patterns,
                                lowerCast<onnx::CastLikeOp>);
  addLowering<onnx::BitCastOp>(converter, patterns, lowerBitCast);
}

} // namespace ashlar
