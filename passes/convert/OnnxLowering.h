//===- OnnxLowering.h - Lowerings as plain functions ----------------------===//
//
//   Lowered lowerAbs(onnx::AbsOp op, onnx::AbsOp::Adaptor in, TensorBuilder &b)
//   {
//     ...
//     return b.unsupported("with complex elements");   // or
//     return value;                                    // or several values
//   }
//   addLowering<onnx::AbsOp>(converter, patterns, lowerAbs);
//
// Operands come with converted types through `in`; `op` has the ONNX types.
// Results that are less or more static than the operation's result types get a
// tensor.cast.
//
//===----------------------------------------------------------------------===//
#ifndef ASHLAR_PASSES_CONVERT_ONNXLOWERING_H
#define ASHLAR_PASSES_CONVERT_ONNXLOWERING_H

#include "passes/convert/OnnxTypeConverter.h"
#include "passes/convert/TensorBuilder.h"

namespace ashlar {

/// The results of a lowering, or failure.
class Lowered {
public:
  Lowered(mlir::Value value) : values({value}), ok(true) {}
  Lowered(mlir::ValueRange range)
      : values(range.begin(), range.end()), ok(true) {}
  Lowered(llvm::SmallVector<mlir::Value> list)
      : values(std::move(list)), ok(true) {}
  Lowered(mlir::LogicalResult result) : ok(mlir::succeeded(result)) {}

  bool failed() const { return !ok; }
  mlir::ValueRange getValues() const { return values; }

private:
  llvm::SmallVector<mlir::Value> values;
  bool ok;
};

/// Replaces `op` by `values`, adjusted to its converted result types.
mlir::LogicalResult
replaceWithLowered(mlir::Operation *op, const Lowered &lowered,
                   TensorBuilder &builder, const mlir::TypeConverter &converter,
                   mlir::ConversionPatternRewriter &rewriter);

template <typename OpT>
using LoweringFunction = Lowered (*)(OpT, typename OpT::Adaptor,
                                     TensorBuilder &);

template <typename OpT>
class LoweringPattern : public mlir::OpConversionPattern<OpT> {
public:
  LoweringPattern(const mlir::TypeConverter &converter,
                  mlir::MLIRContext *context, LoweringFunction<OpT> function,
                  mlir::PatternBenefit benefit)
      : mlir::OpConversionPattern<OpT>(converter, context, benefit),
        function(function) {}

  mlir::LogicalResult
  matchAndRewrite(OpT op, typename OpT::Adaptor adaptor,
                  mlir::ConversionPatternRewriter &rewriter) const override {
    TensorBuilder builder(op->getLoc(), rewriter);
    return replaceWithLowered(op, function(op, adaptor, builder), builder,
                              *this->getTypeConverter(), rewriter);
  }

private:
  LoweringFunction<OpT> function;
};

template <typename OpT>
void addLowering(const OnnxTypeConverter &converter,
                 mlir::RewritePatternSet &patterns,
                 LoweringFunction<OpT> function,
                 mlir::PatternBenefit benefit = 1) {
  patterns.add<LoweringPattern<OpT>>(converter, patterns.getContext(), function,
                                     benefit);
}

} // namespace ashlar

#endif // ASHLAR_PASSES_CONVERT_ONNXLOWERING_H
