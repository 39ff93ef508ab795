//===- TruthValuesToLlvm.cpp - vectors of truth values in memory ----------===//
//
// A truth value (i1) takes a byte of memory, a vector of them in LLVM a bit
// each: vectors are loaded and stored as bytes.
//
//===----------------------------------------------------------------------===//
#include "passes/lower/TileToLlvm.h"

#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace ashlar;

namespace {

/// The vector of bytes in memory that holds one of truth values; null for
/// other vectors.
VectorType bytesOf(MemRefType memory, VectorType vector) {
  if (!memory.getElementType().isInteger(1) || vector.getRank() != 1 ||
      vector.isScalable())
    return nullptr;
  return vector.clone(IntegerType::get(vector.getContext(), 8));
}

Value toBytes(OpBuilder &b, Location loc, Value truths, VectorType bytes) {
  return LLVM::ZExtOp::create(b, loc, bytes, truths);
}

Value toTruths(OpBuilder &b, Location loc, Value bytes) {
  Value zero = LLVM::ConstantOp::create(b, loc, b.getZeroAttr(bytes.getType()));
  return LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::ne, bytes, zero);
}

/// One of the four operations on memory; where it is on truth values,
/// `rewrite` gets the address and the type of the bytes.
template <typename OpTy> struct TruthValues : ConvertOpToLLVMPattern<OpTy> {
  using Rewriter = ConversionPatternRewriter;
  using Adaptor = typename OpTy::Adaptor;
  using Rewrite = void (*)(OpTy, Adaptor, Value address, VectorType bytes,
                           Rewriter &);

  TruthValues(const LLVMTypeConverter &converter, Rewrite rewrite)
      : ConvertOpToLLVMPattern<OpTy>(converter, /*benefit=*/2),
        rewrite(rewrite) {}

  LogicalResult matchAndRewrite(OpTy op, Adaptor adaptor,
                                Rewriter &rewriter) const override {
    MemRefType memory = op.getMemRefType();
    VectorType bytes = bytesOf(memory, op.getVectorType());
    if (!bytes)
      return failure();
    Value address = this->getStridedElementPtr(
        rewriter, op.getLoc(), memory, adaptor.getBase(), adaptor.getIndices());
    rewrite(op, adaptor, address, bytes, rewriter);
    return success();
  }

  Rewrite rewrite;
};

} // namespace

void ashlar::populateTruthValuesToLlvmPatterns(
    const LLVMTypeConverter &converter, RewritePatternSet &patterns) {
  using vector::LoadOp, vector::StoreOp, vector::MaskedLoadOp,
      vector::MaskedStoreOp;
  using Rewriter = ConversionPatternRewriter;
  patterns.add(std::make_unique<TruthValues<LoadOp>>(
      converter, +[](LoadOp op, LoadOp::Adaptor, Value address, VectorType type,
                     Rewriter &b) {
        Value bytes = LLVM::LoadOp::create(b, op.getLoc(), type, address,
                                           /*alignment=*/1);
        b.replaceOp(op, toTruths(b, op.getLoc(), bytes));
      }));
  patterns.add(std::make_unique<TruthValues<MaskedLoadOp>>(
      converter, +[](MaskedLoadOp op, MaskedLoadOp::Adaptor in, Value address,
                     VectorType type, Rewriter &b) {
        Value other = toBytes(b, op.getLoc(), in.getPassThru(), type);
        Value bytes =
            LLVM::MaskedLoadOp::create(b, op.getLoc(), type, address,
                                       in.getMask(), other, /*alignment=*/1);
        b.replaceOp(op, toTruths(b, op.getLoc(), bytes));
      }));
  patterns.add(std::make_unique<TruthValues<StoreOp>>(
      converter, +[](StoreOp op, StoreOp::Adaptor in, Value address,
                     VectorType type, Rewriter &b) {
        Value bytes = toBytes(b, op.getLoc(), in.getValueToStore(), type);
        b.replaceOp(op, LLVM::StoreOp::create(b, op.getLoc(), bytes, address,
                                              /*alignment=*/1));
      }));
  patterns.add(std::make_unique<TruthValues<MaskedStoreOp>>(
      converter, +[](MaskedStoreOp op, MaskedStoreOp::Adaptor in, Value address,
                     VectorType type, Rewriter &b) {
        Value bytes = toBytes(b, op.getLoc(), in.getValueToStore(), type);
        b.replaceOp(op, LLVM::MaskedStoreOp::create(b, op.getLoc(), bytes,
                                                    address, in.getMask(),
                                                    /*alignment=*/1));
      }));
}
