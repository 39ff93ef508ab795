#include "passes/convert/Passes.h"

#include "dialects/nn/NnDialect.h"
#include "dialects/onnx/Diagnostics.h"
#include "dialects/onnx/OnnxDialect.h"
#include "passes/convert/Families.h"
#include "passes/convert/OnnxLowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace ashlar {
#define GEN_PASS_DEF_CONVERTONNX
#include "passes/convert/Passes.h.inc"

LogicalResult replaceWithLowered(Operation *op, const Lowered &lowered,
                                 TensorBuilder &builder,
                                 const TypeConverter &converter,
                                 ConversionPatternRewriter &rewriter) {
  auto fail = [&](const Twine &reason) {
    static_cast<const OnnxTypeConverter &>(converter).rememberFailure(op,
                                                                      reason);
    return failure();
  };
  if (lowered.failed())
    return fail(builder.getFailureReason());
  SmallVector<Value> values;
  for (auto [value, result] :
       llvm::zip_equal(lowered.getValues(), op->getResults())) {
    // Results that nobody uses may be left out.
    if (!value && !result.use_empty())
      return fail("with a use of result " + Twine(result.getResultNumber()));
    values.push_back(
        value ? builder.conform(value, converter.convertType(result.getType()))
              : value);
  }
  rewriter.replaceOp(op, values);
  return success();
}

namespace {

struct ConvertOnnxPass : impl::ConvertOnnxBase<ConvertOnnxPass> {
  void runOnOperation() override {
    OnnxTypeConverter converter;
    if (failed(convert(converter)))
      return signalPassFailure();
    if (failed(reportRemaining(converter)) || failed(removeConversionCasts()))
      signalPassFailure();
  }

  LogicalResult convert(const OnnxTypeConverter &converter) {
    MLIRContext *context = &getContext();
    ConversionTarget target(*context);
    target.addLegalDialect<arith::ArithDialect, linalg::LinalgDialect,
                           math::MathDialect, nn::NnDialect, scf::SCFDialect,
                           tensor::TensorDialect>();
    target.addLegalOp<ModuleOp, UnrealizedConversionCastOp>();
    target.addDynamicallyLegalOp<func::FuncOp>([&](func::FuncOp function) {
      return converter.isSignatureLegal(function.getFunctionType()) &&
             converter.isLegal(&function.getBody());
    });
    target.addDynamicallyLegalOp<func::ReturnOp>([&](func::ReturnOp op) {
      return converter.isLegal(op.getOperandTypes());
    });

    RewritePatternSet patterns(context);
    populateFunctionOpInterfaceTypeConversionPattern<func::FuncOp>(patterns,
                                                                   converter);
    populateReturnOpTypeConversionPattern(patterns, converter);
#define FAMILY(NAME) populate##NAME##Patterns(converter, patterns);
#include "passes/convert/Families.inc"
#undef FAMILY

    // Partial, with the legality of onnx operations left open: those without a
    // pattern stay, so that all of them are reported and not just the first.
    ConversionConfig config;
    config.foldingMode = DialectConversionFoldingMode::Never;
    return applyPartialConversion(getOperation(), target, std::move(patterns),
                                  config);
  }

  LogicalResult reportRemaining(const OnnxTypeConverter &converter) {
    LogicalResult result = success();
    getOperation().walk([&](Operation *op) {
      if (!isa_and_nonnull<onnx::OnnxDialect>(op->getDialect()) ||
          op->hasTrait<OpTrait::IsTerminator>())
        return;
      StringRef name = op->getName().stripDialect(),
                reason = converter.failureReason(op);
      bool contrib = name.consume_front("ms.");
      InFlightDiagnostic diagnostic = onnx::emitUnsupported(op->getLoc());
      diagnostic << "operator '" << (contrib ? "com.microsoft." : "") << name
                 << "' is not supported";
      if (!reason.empty())
        diagnostic << " " << reason;
      result = failure();
    });
    return result;
  }

  LogicalResult removeConversionCasts() {
    SmallVector<UnrealizedConversionCastOp> casts, remaining;
    getOperation().walk(
        [&](UnrealizedConversionCastOp cast) { casts.push_back(cast); });
    reconcileUnrealizedCasts(casts, &remaining);
    for (UnrealizedConversionCastOp cast : remaining)
      cast.emitError("no conversion from ")
          << cast.getOperandTypes() << " to " << cast.getResultTypes();
    return success(remaining.empty());
  }
};

} // namespace
} // namespace ashlar
