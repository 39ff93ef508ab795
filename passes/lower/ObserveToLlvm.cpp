//===- ObserveToLlvm.cpp - calls of the run's observer --------------------===//
#include "passes/lower/TileToLlvm.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/xxhash.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Dialect/LLVMIR/FunctionCallUtils.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include "dialects/nn/NnDialect.h"
#include "runtime/ashlar_rt.h"

using namespace mlir;
using namespace ashlar;

namespace {

constexpr llvm::StringLiteral kObserve = "ashlar_rt1_observe";

int32_t dtypeOf(Type element) {
  return llvm::TypeSwitch<Type, int32_t>(element)
      .Case<Float16Type>([](Type) { return ASHLAR_FLOAT16; })
      .Case<BFloat16Type>([](Type) { return ASHLAR_BFLOAT16; })
      .Case<Float32Type>([](Type) { return ASHLAR_FLOAT32; })
      .Case<Float64Type>([](Type) { return ASHLAR_FLOAT64; })
      .Default([](Type) { return 0; });
}

struct ObserveLowering : ConvertOpToLLVMPattern<nn::ObserveOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult
  matchAndRewrite(nn::ObserveOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = dyn_cast<MemRefType>(op.getValue().getType());
    int32_t dtype = type ? dtypeOf(type.getElementType()) : 0;
    if (!dtype)
      return op.emitError("expected a buffer of floats");
    Location loc = op.getLoc();
    Type i32 = rewriter.getI32Type(), i64 = rewriter.getI64Type();
    auto pointer = LLVM::LLVMPointerType::get(getContext());
    Value name = nameOf(op, rewriter);
    MemRefDescriptor buffer(adaptor.getValue());
    Value dims = storeDims(op, type, buffer, rewriter);
    FailureOr<LLVM::LLVMFuncOp> callee =
        LLVM::lookupOrCreateFn(rewriter, op->getParentOfType<ModuleOp>(),
                               kObserve, {pointer, i32, i64, pointer, pointer},
                               LLVM::LLVMVoidType::get(getContext()));
    if (failed(callee))
      return failure();
    Value element = LLVM::ConstantOp::create(rewriter, loc, i32,
                                             rewriter.getI32IntegerAttr(dtype));
    Value rank = LLVM::ConstantOp::create(
        rewriter, loc, i64, rewriter.getI64IntegerAttr(type.getRank()));
    Value data = buffer.bufferPtr(rewriter, loc, *getTypeConverter(), type);
    LLVM::CallOp::create(rewriter, loc, *callee,
                         ValueRange{name, element, rank, dims, data});
    rewriter.eraseOp(op);
    return success();
  }

private:
  /// Address of the tensor's name, which is kept once.
  static Value nameOf(nn::ObserveOp op, ConversionPatternRewriter &rewriter) {
    std::string text = op.getName().str();
    std::string symbol =
        "observed_" + llvm::utohexstr(llvm::xxh3_64bits(text), true);
    auto module = op->getParentOfType<ModuleOp>();
    auto global = module.lookupSymbol<LLVM::GlobalOp>(symbol);
    if (!global) {
      OpBuilder::InsertionGuard guard(rewriter);
      rewriter.setInsertionPointToStart(module.getBody());
      text.push_back('\0');
      auto type = LLVM::LLVMArrayType::get(rewriter.getI8Type(), text.size());
      global = LLVM::GlobalOp::create(
          rewriter, module.getLoc(), type, /*isConstant=*/true,
          LLVM::Linkage::Internal, symbol, rewriter.getStringAttr(text));
    }
    return LLVM::AddressOfOp::create(rewriter, op.getLoc(), global);
  }

  /// The sizes, in an array on the stack.
  static Value storeDims(nn::ObserveOp op, MemRefType type,
                         MemRefDescriptor &buffer,
                         ConversionPatternRewriter &rewriter) {
    Location loc = op.getLoc();
    Type i64 = rewriter.getI64Type();
    auto pointer = LLVM::LLVMPointerType::get(op.getContext());
    Value dims;
    {
      OpBuilder::InsertionGuard guard(rewriter);
      rewriter.setInsertionPointToStart(&op->getParentRegion()->front());
      Value count = LLVM::ConstantOp::create(
          rewriter, loc, i64,
          rewriter.getI64IntegerAttr(std::max<int64_t>(type.getRank(), 1)));
      dims = LLVM::AllocaOp::create(rewriter, loc, pointer, i64, count, 8);
    }
    for (int64_t axis = 0; axis < type.getRank(); ++axis) {
      Value place = LLVM::GEPOp::create(
          rewriter, loc, pointer, i64, dims,
          ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(axis)});
      LLVM::StoreOp::create(rewriter, loc, buffer.size(rewriter, loc, axis),
                            place);
    }
    return dims;
  }
};

} // namespace

void ashlar::populateObserveToLlvmPatterns(const LLVMTypeConverter &converter,
                                           RewritePatternSet &patterns) {
  patterns.add<ObserveLowering>(converter);
}
