//===- BindArguments.cpp - take the caller's argument structure -----------===//
#include "passes/bufferize/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include "dialects/tile/TileDialect.h"
#include "passes/analysis/DimSymbols.h"

namespace ashlar {
#define GEN_PASS_DEF_BINDARGUMENTS
#include "passes/bufferize/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

MemRefType bufferTypeOf(RankedTensorType type) {
  return MemRefType::get(type.getShape(), type.getElementType());
}

/// Replaces the block arguments of `main` by tensors read from the caller's
/// buffers.
void bindInputs(func::FuncOp main, Value args, OpBuilder &builder) {
  DimSymbols symbols(main);
  SmallVector<Value> dims;
  for (size_t symbol = 0; symbol < symbols.names().size(); ++symbol)
    dims.push_back(tile::DimOp::create(builder, main.getLoc(),
                                       builder.getIndexType(), args, symbol));
  for (auto [index, argument] :
       llvm::enumerate(main.getArguments().drop_back())) {
    auto type = cast<RankedTensorType>(argument.getType());
    Location loc = argument.getLoc();
    SmallVector<Value> sizes;
    for (int64_t axis = 0; axis < type.getRank(); ++axis)
      if (type.isDynamicDim(axis))
        sizes.push_back(dims[symbols.indexOf(index, axis)]);
    Value buffer = tile::InputOp::create(builder, loc, bufferTypeOf(type), args,
                                         sizes, static_cast<int64_t>(index));
    Value tensor = bufferization::ToTensorOp::create(builder, loc, type, buffer,
                                                     /*restrict=*/true);
    argument.replaceAllUsesWith(tensor);
  }
}

/// Writes every returned tensor into its output buffer.
void bindOutputs(func::FuncOp main, Value args, int64_t numInputs) {
  Operation *terminator = main.getBody().front().getTerminator();
  OpBuilder builder(terminator);
  int64_t firstDim = 0;
  for (auto [index, result] : llvm::enumerate(terminator->getOperands())) {
    auto type = cast<RankedTensorType>(result.getType());
    Location loc = result.getLoc();
    SmallVector<Value> sizes;
    for (int64_t axis = 0; axis < type.getRank(); ++axis)
      if (type.isDynamicDim(axis))
        sizes.push_back(tensor::DimOp::create(builder, loc, result, axis));
    auto output = tile::OutputOp::create(
        builder, loc, bufferTypeOf(type), args, sizes,
        numInputs + static_cast<int64_t>(index), firstDim,
        /*checked=*/!type.hasStaticShape());
    bufferization::MaterializeInDestinationOp::create(
        builder, loc, Type(), result, output, /*restrict=*/true,
        /*writable=*/true);
    firstDim += type.getRank();
  }
  Value ok = arith::ConstantIntOp::create(builder, main.getLoc(), 0, 32);
  terminator->setOperands({ok});
}

struct BindArguments : ashlar::impl::BindArgumentsBase<BindArguments> {
  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>(kMainName);
    if (!main) {
      getOperation().emitError("expected a function @") << kMainName;
      return signalPassFailure();
    }
    auto isTensor = [](Type type) { return isa<RankedTensorType>(type); };
    if (!llvm::all_of(main.getArgumentTypes(), isTensor) ||
        !llvm::all_of(main.getResultTypes(), isTensor)) {
      main.emitError("expected inputs and outputs to be tensors of known rank");
      return signalPassFailure();
    }
    int64_t numInputs = main.getNumArguments();
    Block &entry = main.getBody().front();
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    Value args = entry.addArgument(pointer, main.getLoc());
    OpBuilder builder = OpBuilder::atBlockBegin(&entry);
    bindInputs(main, args, builder);
    bindOutputs(main, args, numInputs);
    entry.eraseArguments(0, numInputs);
    main.setArgAttrsAttr(nullptr);
    main.setResAttrsAttr(nullptr);
    main.setFunctionType(
        builder.getFunctionType({pointer}, {builder.getI32Type()}));
    main.setName(kBodyName);
  }
};

} // namespace
