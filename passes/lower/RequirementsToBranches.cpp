//===- RequirementsToBranches.cpp - requirements to early returns ---------===//
#include "passes/lower/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include "dialects/nn/NnDialect.h"
#include "dialects/tile/TileDialect.h"
#include "passes/lower/CallArguments.h"
#include "passes/lower/LayerTable.h"

namespace ashlar {
#define GEN_PASS_DEF_REQUIREMENTSTOBRANCHES
#include "passes/lower/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

constexpr llvm::StringLiteral kFail = "ashlar_rt1_fail";

/// Splits the block before `op`: control goes on to it only if `condition`
/// holds, otherwise the run fails.
void failUnless(Operation *op, Value condition, int64_t status, int64_t layer,
                Value expected, Value got) {
  ImplicitLocOpBuilder b(op->getLoc(), op);
  auto function = op->getParentOfType<func::FuncOp>();
  Block *before = op->getBlock();
  Block *after = before->splitBlock(op);
  Block *fault = b.createBlock(&function.getBody());
  Type i32 = b.getI32Type(), i64 = b.getI64Type();
  auto toI64 = [&](Value value) -> Value {
    if (!value)
      return arith::ConstantIntOp::create(b, -1, 64);
    return arith::IndexCastOp::create(b, i64, value);
  };
  auto call = func::CallOp::create(
      b, kFail, TypeRange{i32},
      ValueRange{function.getArgument(0),
                 arith::ConstantIntOp::create(b, status, 32),
                 arith::ConstantIntOp::create(b, layer, 32), toI64(expected),
                 toI64(got)});
  if (function.getNumResults())
    func::ReturnOp::create(b, call.getResults());
  else
    func::ReturnOp::create(b);
  b.setInsertionPointToEnd(before);
  cf::CondBranchOp::create(b, condition, after, fault);
}

/// Bytes of a buffer of `type` with the given dynamic sizes.
Value emitBytes(ImplicitLocOpBuilder &b, MemRefType type, ValueRange sizes) {
  Type element = type.getElementType();
  int64_t fixed = isa<IndexType>(element)
                      ? 8
                      : llvm::PowerOf2Ceil(llvm::divideCeil(
                            element.getIntOrFloatBitWidth(), 8));
  for (int64_t size : type.getShape())
    if (!ShapedType::isDynamic(size))
      fixed *= size;
  Value bytes = arith::ConstantIndexOp::create(b, fixed);
  for (Value size : sizes)
    bytes = arith::MulIOp::create(b, bytes, size);
  return bytes;
}

Value loadIndex(ImplicitLocOpBuilder &b, Value args, int64_t offset) {
  Value bits = loadField(b, b.getLoc(), args, offset, b.getI64Type());
  return arith::IndexCastOp::create(b, b.getIndexType(), bits);
}

void lowerOutput(tile::OutputOp output) {
  ImplicitLocOpBuilder b(output.getLoc(), output);
  Value got = loadIndex(b, output.getArgs(),
                        tensorField(output.getTensor()) +
                            offsetof(ashlar_buffer, bytes));
  Value expected =
      emitBytes(b, cast<MemRefType>(output.getType()), output.getSizes());
  Value fits =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ule, expected, got);
  output.setChecked(false);
  // The status names the tensor in place of a layer: -2 - tensor.
  failUnless(output, fits, ASHLAR_ERROR_OUTPUT_CAPACITY,
             -2 - static_cast<int64_t>(output.getTensor()), expected, got);
}

void lowerAllocate(tile::AllocateOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  auto type = cast<MemRefType>(op.getType());
  Value bytes = emitBytes(b, type, op.getSizes());
  Value mask = arith::ConstantIndexOp::create(b, 63);
  bytes = arith::AndIOp::create(b, arith::AddIOp::create(b, bytes, mask),
                                arith::ConstantIndexOp::create(b, -64));
  Value taken = memref::LoadOp::create(b, op.getBump());
  Value at = arith::AddIOp::create(b, op.getBase(), taken);
  Value needed = arith::AddIOp::create(b, at, bytes);
  memref::StoreOp::create(b, arith::AddIOp::create(b, taken, bytes),
                          op.getBump());
  Value available =
      loadIndex(b, op.getArgs(), offsetof(ashlar_args, workspace_bytes));
  Value fits =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ule, needed, available);
  Value view =
      tile::WorkspaceOp::create(b, type, op.getArgs(), at, op.getSizes(), 0);
  Operation *rest = view.getDefiningOp();
  op.replaceAllUsesWith(view);
  op.erase();
  failUnless(rest, fits, ASHLAR_ERROR_WORKSPACE_SIZE, -1, needed, available);
}

struct RequirementsToBranches
    : ashlar::impl::RequirementsToBranchesBase<RequirementsToBranches> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    LayerTable layers(module);
    SmallVector<Operation *> work;
    module.walk([&](Operation *op) {
      auto output = dyn_cast<tile::OutputOp>(op);
      if (isa<nn::RequireOp, tile::AllocateOp>(op) ||
          (output && output.getChecked()))
        work.push_back(op);
    });
    if (work.empty())
      return;
    declareFail(module);
    for (Operation *op : work) {
      if (auto require = dyn_cast<nn::RequireOp>(op)) {
        failUnless(op, require.getCondition(), require.getStatus(),
                   layers.find(op->getLoc()), Value(), Value());
        op->erase();
      } else if (auto output = dyn_cast<tile::OutputOp>(op)) {
        lowerOutput(output);
      } else {
        lowerAllocate(cast<tile::AllocateOp>(op));
      }
    }
  }

  void declareFail(ModuleOp module) {
    if (module.lookupSymbol(kFail))
      return;
    auto b = OpBuilder::atBlockBegin(module.getBody());
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    Type i32 = b.getI32Type(), i64 = b.getI64Type();
    auto type = b.getFunctionType({pointer, i32, i32, i64, i64}, {i32});
    func::FuncOp::create(b, module.getLoc(), kFail, type).setPrivate();
  }
};

} // namespace
