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
  std::string mode = op.getRoundMode().lower();
  SmallFloatRounding rounding{op.getSaturate() != 0, mode};
  return b.map(heldType(to), in.getInput(),
               [&](TensorBuilder &b, ValueRange v) {
                 return castScalar(b, v[0], from, to, rounding);
               });
}

// The bits of each element as another type of the same width.
Lowered lowerBitCast(onnx::BitCastOp op, onnx::BitCastOp::Adaptor in,
                     TensorBuilder &b) {
  Type from = elementType(op.getInput().getType()),
       to = elementType(op.getOutput().getType());
  if (!isa<IntegerType, FloatType>(from) || !isa<IntegerType, FloatType>(to))
    return b.unsupported("between types that are not numbers");
  Type held = elementType(in.getInput()), wanted = heldType(to);
  // A byte that holds fewer bits is extended by its sign or by zeros; a boolean
  // is a byte of 0 or 1.
  if (isLowBit(to) && to.getIntOrFloatBitWidth() < 8) {
    Type narrow =
        isSmallFloat(to)
            ? b.getIntegerType(to.getIntOrFloatBitWidth(), /*isSigned=*/false)
            : to;
    return b.map(wanted, in.getInput(), [&](TensorBuilder &b, ValueRange v) {
      return castScalar(b, v[0], held, narrow);
    });
  }
  if (held == wanted)
    return in.getInput();
  return b.map(wanted, in.getInput(),
               [&](TensorBuilder &b, ValueRange v) -> Value {
                 if (held.isInteger(1))
                   return b.createOrFold<arith::ExtUIOp>(wanted, v[0]);
                 if (wanted.isInteger(1))
                   return b.ne(v[0], b.zero(held));
                 return b.createOrFold<arith::BitcastOp>(wanted, v[0]);
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
