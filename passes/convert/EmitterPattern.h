// Conversion patterns whose lowering is a function over an Emitter, which knows
// the converted result types:
//
//   static Lowered lowerSize(onnx::SizeOp op, onnx::SizeOp::Adaptor in, Emitter
//   &e); addLowerings(converter, patterns, lowerSize, ...);
#ifndef ASHLAR_PASSES_CONVERT_EMITTERPATTERN_H
#define ASHLAR_PASSES_CONVERT_EMITTERPATTERN_H

#include "passes/convert/Emitter.h"
#include "passes/convert/OnnxLowering.h"

namespace ashlar {

template <typename OpT>
using EmitterFunction = Lowered (*)(OpT, typename OpT::Adaptor, Emitter &);

/// Keeps why an operation is not converted; `reason` reads on after "operator
/// 'X' is not supported ".
inline mlir::LogicalResult notConverted(const mlir::TypeConverter *converter,
                                        mlir::Operation *op,
                                        const llvm::Twine &reason) {
  static_cast<const OnnxTypeConverter *>(converter)->rememberFailure(op,
                                                                     reason);
  return mlir::failure();
}

template <typename OpT>
class EmitterPattern : public mlir::OpConversionPattern<OpT> {
public:
  EmitterPattern(const OnnxTypeConverter &converter, mlir::MLIRContext *context,
                 EmitterFunction<OpT> function, mlir::PatternBenefit benefit)
      : mlir::OpConversionPattern<OpT>(converter, context, benefit),
        function(function) {}

  mlir::LogicalResult
  matchAndRewrite(OpT op, typename OpT::Adaptor adaptor,
                  mlir::ConversionPatternRewriter &rewriter) const override {
    Emitter emitter(op->getLoc(), rewriter);
    for (mlir::Type type : op->getResultTypes())
      emitter.resultTypes.push_back(
          this->getTypeConverter()->convertType(type));
    for (mlir::Value operand : adaptor.getOperands())
      if (!mlir::isa<mlir::RankedTensorType>(operand.getType()))
        return notConverted(this->getTypeConverter(), op,
                            "on values that are not tensors of known rank");
    for (mlir::Type type : emitter.resultTypes)
      if (!mlir::isa_and_nonnull<mlir::RankedTensorType>(type))
        return notConverted(this->getTypeConverter(), op,
                            "with results that are not tensors of known rank");
    Lowered lowered = function(op, adaptor, emitter);
    if (!lowered.failed())
      for (auto [value, type] :
           llvm::zip(lowered.getValues(), emitter.resultTypes))
        if (value)
          emitter.requireDeclared(value,
                                  mlir::cast<mlir::RankedTensorType>(type));
    return replaceWithLowered(op, lowered, emitter, *this->getTypeConverter(),
                              rewriter);
  }

private:
  EmitterFunction<OpT> function;
};

template <typename OpT>
void addLoweringOf(const OnnxTypeConverter &converter,
                   mlir::RewritePatternSet &patterns,
                   EmitterFunction<OpT> function,
                   mlir::PatternBenefit benefit = 1) {
  patterns.add<EmitterPattern<OpT>>(converter, patterns.getContext(), function,
                                    benefit);
}

template <typename... Ops>
void addLowerings(const OnnxTypeConverter &converter,
                  mlir::RewritePatternSet &patterns,
                  Lowered (*...functions)(Ops, typename Ops::Adaptor,
                                          Emitter &)) {
  (addLoweringOf<Ops>(converter, patterns, functions), ...);
}

} // namespace ashlar

#endif
