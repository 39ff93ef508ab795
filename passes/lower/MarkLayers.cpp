//===- MarkLayers.cpp - tell the profiler which layer comes now -----------===//
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/tile/TileDialect.h"
#include "passes/lower/LayerTable.h"

namespace ashlar {
#define GEN_PASS_DEF_MARKLAYERS
#include "passes/lower/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

constexpr llvm::StringLiteral kMark = "ashlar_rt1_mark";
/// The function that computes the model.
constexpr llvm::StringLiteral kBody = "body";

/// Whether `op` takes time: loops, grids, copies; not arithmetic on sizes.
bool works(Operation &op) {
  return !op.hasTrait<OpTrait::IsTerminator>() && !isPure(&op) &&
         !isa<tile::OutputOp, tile::AllocateOp>(op);
}

/// The layer of `op`, or of the first operation in it that has one.
int64_t layerOf(Operation &op, const LayerTable &table) {
  int64_t layer = table.find(op.getLoc());
  if (layer < 0)
    op.walk<WalkOrder::PreOrder>([&](Operation *inner) {
      layer = table.find(inner->getLoc());
      return layer < 0 ? WalkResult::advance() : WalkResult::interrupt();
    });
  return layer;
}

struct MarkLayers : ashlar::impl::MarkLayersBase<MarkLayers> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    LayerTable table(module);
    auto body = module.lookupSymbol<func::FuncOp>(kBody);
    if (!body || body.isExternal() || table.size() == 0)
      return;
    int64_t current = -1;
    for (Operation &op : llvm::make_early_inc_range(body.getBody().front())) {
      if (!works(op))
        continue;
      int64_t layer = layerOf(op, table);
      // Code that no node asks for belongs to the layer before it.
      if (layer < 0 || layer == current)
        continue;
      current = layer;
      emitMark(op, body.getArgument(0), layer);
      ++numMarks;
    }
    if (numMarks)
      declareMark(module);
  }

  void emitMark(Operation &op, Value args, int64_t layer) {
    OpBuilder builder(&op);
    Value index = arith::ConstantIntOp::create(builder, op.getLoc(), layer, 32);
    func::CallOp::create(builder, op.getLoc(), kMark, TypeRange{},
                         ValueRange{args, index});
  }

  void declareMark(ModuleOp module) {
    auto b = OpBuilder::atBlockBegin(module.getBody());
    auto type = b.getFunctionType(
        {LLVM::LLVMPointerType::get(&getContext()), b.getI32Type()}, {});
    func::FuncOp::create(b, module.getLoc(), kMark, type).setPrivate();
  }
};

} // namespace
