//===- ConvertToLlvm.cpp - everything that is left to the LLVM dialect ----===//
#include "passes/lower/Passes.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ComplexToLLVM/ComplexToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MathToLibm/MathToLibm.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include "passes/lower/TileToLlvm.h"

namespace ashlar {
#define GEN_PASS_DEF_CONVERTTOLLVM
#include "passes/lower/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

struct ConvertToLlvm : ashlar::impl::ConvertToLlvmBase<ConvertToLlvm> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    ModuleOp module = getOperation();
    LowerToLLVMOptions options(context);
    options.overrideIndexBitwidth(64);
    LLVMTypeConverter converter(context, options);
    declareWeights(module);
    if (failed(simplifyVectors(module)))
      return signalPassFailure();

    RewritePatternSet patterns(context);
    arith::populateArithToLLVMConversionPatterns(converter, patterns);
    arith::populateCeilFloorDivExpandOpsPatterns(patterns);
    cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
    index::populateIndexToLLVMConversionPatterns(converter, patterns);
    populateComplexToLLVMConversionPatterns(converter, patterns);
    populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
    populateFuncToLLVMConversionPatterns(converter, patterns);
    // Instructions before calls: the C library has its own fma, floor, sqrt.
    populateMathToLLVMConversionPatterns(converter, patterns,
                                         /*approximateLog1p=*/false,
                                         /*benefit=*/2);
    populateMathToLibmConversionPatterns(patterns);
    populateVectorToLLVMConversionPatterns(converter, patterns);
    ub::populateUBToLLVMConversionPatterns(converter, patterns);
    populateTileToLlvmPatterns(converter, patterns);
    populateObserveToLlvmPatterns(converter, patterns);
    populateTruthValuesToLlvmPatterns(converter, patterns);

    LLVMConversionTarget target(*context);
    target.addLegalOp<ModuleOp>();
    if (failed(applyFullConversion(module, target, std::move(patterns))))
      return signalPassFailure();
    storeHalvesAsBits(module);
  }

  /// Masked stores of 16-bit floats become such of integers. Where the CPU has
  /// no such store, the code generator takes the vector apart, and single bf16
  /// numbers are converted to f32 and back by a library.
  void storeHalvesAsBits(ModuleOp module) {
    module.walk([](LLVM::MaskedStoreOp op) {
      auto type = cast<VectorType>(op.getValue().getType());
      if (!type.getElementType().isBF16() && !type.getElementType().isF16())
        return;
      OpBuilder b(op);
      Type bits = type.cloneWith({}, b.getI16Type());
      Value value =
          LLVM::BitcastOp::create(b, op.getLoc(), bits, op.getValue());
      op.getValueMutable().assign(value);
    });
  }

  /// Vector operations that have no LLVM form of their own become ones that do.
  LogicalResult simplifyVectors(ModuleOp module) {
    RewritePatternSet patterns(&getContext());
    vector::populateVectorBroadcastLoweringPatterns(patterns);
    vector::populateVectorInsertExtractStridedSliceTransforms(patterns);
    vector::populateVectorMaskOpLoweringPatterns(patterns);
    vector::populateVectorMaskMaterializationPatterns(
        patterns, /*force32BitVectorIndices=*/false);
    vector::populateVectorTransferLoweringPatterns(patterns,
                                                   /*maxTransferRank=*/1);
    return applyPatternsGreedily(module, std::move(patterns));
  }

  /// The section of constant data: its size is patched when the object is
  /// written.
  void declareWeights(ModuleOp module) {
    auto b = OpBuilder::atBlockBegin(module.getBody());
    auto type = LLVM::LLVMArrayType::get(b.getI8Type(), 64);
    auto global = LLVM::GlobalOp::create(
        b, module.getLoc(), type, /*isConstant=*/true, LLVM::Linkage::External,
        kWeightsSymbol, Attribute(), /*alignment=*/64);
    global.setVisibility_(LLVM::Visibility::Hidden);
    global.setDsoLocal(true);
  }
};

} // namespace
