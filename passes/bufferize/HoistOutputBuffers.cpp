//===- HoistOutputBuffers.cpp - move output buffers up --------------------===//
#include "passes/bufferize/Passes.h"

#include "llvm/ADT/SetVector.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/tile/TileDialect.h"

namespace ashlar {
#define GEN_PASS_DEF_HOISTOUTPUTBUFFERS
#include "passes/bufferize/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

/// Collects the operations of `block` that compute `value`, operands first.
/// False if one of them reads memory or a tensor: the size follows from data.
bool collectScalarSlice(Value value, Block *block,
                        llvm::SetVector<Operation *> &slice) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return cast<BlockArgument>(value).getOwner() == block;
  if (slice.contains(op))
    return true;
  if (op->getBlock() != block || op->getNumRegions() || !isPure(op))
    return false;
  for (Value operand : op->getOperands())
    if (isa<TensorType, MemRefType>(operand.getType()) ||
        !collectScalarSlice(operand, block, slice))
      return false;
  slice.insert(op);
  return true;
}

struct HoistOutputBuffers
    : ashlar::impl::HoistOutputBuffersBase<HoistOutputBuffers> {
  void runOnOperation() override {
    if (getOperation().isExternal())
      return;
    Block *entry = &getOperation().getBody().front();
    llvm::SetVector<Operation *> hoisted;
    for (auto output : entry->getOps<tile::OutputOp>()) {
      llvm::SetVector<Operation *> slice = hoisted;
      if (!llvm::all_of(output.getSizes(), [&](Value size) {
            return collectScalarSlice(size, entry, slice);
          }))
        continue;
      slice.insert(output);
      hoisted = slice;
    }
    // Operands were found before their users: the order is a valid one.
    Operation *last = nullptr;
    for (Operation *op : hoisted) {
      if (last)
        op->moveAfter(last);
      else
        op->moveBefore(entry, entry->begin());
      last = op;
    }
  }
};

} // namespace
