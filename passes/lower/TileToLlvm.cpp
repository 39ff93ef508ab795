//===- TileToLlvm.cpp - tile operations in the LLVM dialect ---------------===//
#include "passes/lower/TileToLlvm.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"

#include "dialects/tile/TileDialect.h"
#include "passes/lower/CallArguments.h"
#include "passes/lower/Passes.h"

using namespace mlir;
using namespace ashlar;

namespace {

LLVM::LLVMPointerType pointerType(OpBuilder &builder) {
  return LLVM::LLVMPointerType::get(builder.getContext());
}

/// Descriptor of a contiguous buffer at `pointer`.
Value describe(ConversionPatternRewriter &rewriter, Location loc,
               const LLVMTypeConverter &converter, MemRefType type,
               Value pointer, ValueRange dynamicSizes) {
  Type i64 = rewriter.getI64Type();
  auto constant = [&](int64_t value) -> Value {
    return LLVM::ConstantOp::create(rewriter, loc, i64,
                                    rewriter.getI64IntegerAttr(value));
  };
  auto descriptor =
      MemRefDescriptor::poison(rewriter, loc, converter.convertType(type));
  descriptor.setAllocatedPtr(rewriter, loc, pointer);
  descriptor.setAlignedPtr(rewriter, loc, pointer);
  descriptor.setConstantOffset(rewriter, loc, 0);
  SmallVector<Value> sizes;
  for (int64_t size : type.getShape()) {
    if (ShapedType::isDynamic(size)) {
      sizes.push_back(dynamicSizes.front());
      dynamicSizes = dynamicSizes.drop_front();
    } else {
      sizes.push_back(constant(size));
    }
  }
  Value stride = constant(1);
  for (int64_t axis = type.getRank() - 1; axis >= 0; --axis) {
    descriptor.setSize(rewriter, loc, axis, sizes[axis]);
    descriptor.setStride(rewriter, loc, axis, stride);
    if (axis > 0)
      stride = LLVM::MulOp::create(rewriter, loc, stride, sizes[axis]);
  }
  return descriptor;
}

struct DimLowering : ConvertOpToLLVMPattern<tile::DimOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::DimOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Value dims = loadField(rewriter, op.getLoc(), adaptor.getArgs(),
                           offsetof(ashlar_args, dims), pointerType(rewriter));
    rewriter.replaceOp(op,
                       loadField(rewriter, op.getLoc(), dims,
                                 8 * op.getSymbol(), rewriter.getI64Type()));
    return success();
  }
};

struct InputLowering : ConvertOpToLLVMPattern<tile::InputOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::InputOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Value pointer =
        loadField(rewriter, op.getLoc(), adaptor.getArgs(),
                  tensorField(op.getTensor()), pointerType(rewriter));
    rewriter.replaceOp(op, describe(rewriter, op.getLoc(), *getTypeConverter(),
                                    cast<MemRefType>(op.getType()), pointer,
                                    adaptor.getSizes()));
    return success();
  }
};

struct OutputLowering : ConvertOpToLLVMPattern<tile::OutputOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::OutputOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto type = cast<MemRefType>(op.getType());
    Value pointer =
        loadField(rewriter, loc, adaptor.getArgs(), tensorField(op.getTensor()),
                  pointerType(rewriter));
    Value view = describe(rewriter, loc, *getTypeConverter(), type, pointer,
                          adaptor.getSizes());
    writeDims(op, type, view, adaptor.getArgs(), rewriter);
    rewriter.replaceOp(op, view);
    return success();
  }

  /// Stores the sizes if the caller wants them. Where not, they go to a place
  /// on the stack: no branch is needed.
  void writeDims(tile::OutputOp op, MemRefType type, Value view, Value args,
                 ConversionPatternRewriter &rewriter) const {
    if (type.getRank() == 0)
      return;
    Location loc = op.getLoc();
    auto pointer = pointerType(rewriter);
    Type i64 = rewriter.getI64Type();
    Value wanted = loadField(rewriter, loc, args,
                             offsetof(ashlar_args, output_dims), pointer);
    Value none = LLVM::ZeroOp::create(rewriter, loc, pointer);
    Value isNone = LLVM::ICmpOp::create(rewriter, loc, LLVM::ICmpPredicate::eq,
                                        wanted, none);
    Value first = LLVM::GEPOp::create(
        rewriter, loc, pointer, i64, wanted,
        ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(op.getFirstDim())});
    Value unused;
    {
      OpBuilder::InsertionGuard guard(rewriter);
      Block *entry = &op->getParentRegion()->front();
      rewriter.setInsertionPointToStart(entry);
      Value count = LLVM::ConstantOp::create(
          rewriter, loc, i64, rewriter.getI64IntegerAttr(type.getRank()));
      unused = LLVM::AllocaOp::create(rewriter, loc, pointer, i64, count, 8);
    }
    Value place = LLVM::SelectOp::create(rewriter, loc, isNone, unused, first);
    MemRefDescriptor descriptor(view);
    for (int64_t axis = 0; axis < type.getRank(); ++axis) {
      Value address = LLVM::GEPOp::create(
          rewriter, loc, pointer, i64, place,
          ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(axis)});
      LLVM::StoreOp::create(rewriter, loc, descriptor.size(rewriter, loc, axis),
                            address);
    }
  }
};

struct WorkspaceLowering : ConvertOpToLLVMPattern<tile::WorkspaceOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::WorkspaceOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto pointer = pointerType(rewriter);
    Value base = loadField(rewriter, loc, adaptor.getArgs(),
                           offsetof(ashlar_args, workspace), pointer);
    Type i64 = rewriter.getI64Type();
    Value at = LLVM::ConstantOp::create(
        rewriter, loc, i64, rewriter.getI64IntegerAttr(op.getOffset()));
    if (adaptor.getAt())
      at = LLVM::AddOp::create(rewriter, loc, at, adaptor.getAt());
    Value address =
        LLVM::GEPOp::create(rewriter, loc, pointer, rewriter.getI8Type(), base,
                            ArrayRef<LLVM::GEPArg>{at});
    rewriter.replaceOp(op, describe(rewriter, loc, *getTypeConverter(),
                                    cast<MemRefType>(op.getType()), address,
                                    adaptor.getSizes()));
    return success();
  }
};

struct WeightsLowering : ConvertOpToLLVMPattern<tile::WeightsOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(tile::WeightsOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto pointer = pointerType(rewriter);
    Value given = loadField(rewriter, loc, adaptor.getArgs(),
                            offsetof(ashlar_args, weights), pointer);
    Value none = LLVM::ZeroOp::create(rewriter, loc, pointer);
    Value isNone = LLVM::ICmpOp::create(rewriter, loc, LLVM::ICmpPredicate::eq,
                                        given, none);
    Value embedded =
        LLVM::AddressOfOp::create(rewriter, loc, pointer, kWeightsSymbol);
    Value base = LLVM::SelectOp::create(rewriter, loc, isNone, embedded, given);
    Value at =
        LLVM::ConstantOp::create(rewriter, loc, rewriter.getI64Type(),
                                 rewriter.getI64IntegerAttr(op.getOffset()));
    if (adaptor.getAt())
      at = LLVM::AddOp::create(rewriter, loc, at, adaptor.getAt());
    Value address =
        LLVM::GEPOp::create(rewriter, loc, pointer, rewriter.getI8Type(), base,
                            ArrayRef<LLVM::GEPArg>{at});
    rewriter.replaceOp(op, describe(rewriter, loc, *getTypeConverter(),
                                    cast<MemRefType>(op.getType()), address,
                                    ValueRange()));
    return success();
  }
};

} // namespace

void ashlar::populateTileToLlvmPatterns(const LLVMTypeConverter &converter,
                                        RewritePatternSet &patterns) {
  patterns.add<DimLowering, InputLowering, OutputLowering, WorkspaceLowering,
               WeightsLowering>(converter);
}
