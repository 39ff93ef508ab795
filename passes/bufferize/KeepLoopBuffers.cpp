//===- KeepLoopBuffers.cpp - loop-carried buffers in a place of their own -===//
#include "passes/bufferize/Passes.h"

#include "mlir/Dialect/Bufferization/Transforms/BufferViewFlowAnalysis.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

#include "dialects/tile/TileDialect.h"

namespace ashlar {
#define GEN_PASS_DEF_KEEPLOOPBUFFERS
#include "passes/bufferize/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

/// Dynamic sizes of a buffer where its definition names them.
std::optional<ValueRange> dynamicSizesOf(Value buffer) {
  if (auto alloc = buffer.getDefiningOp<memref::AllocOp>())
    return alloc.getDynamicSizes();
  if (auto input = buffer.getDefiningOp<tile::InputOp>())
    return input.getSizes();
  return std::nullopt;
}

/// One carried buffer that needs a place of its own.
struct Carried {
  OpOperand *init;
  OpOperand *yielded;
};

/// True if the loop's carried value keeps its sizes, provably.
bool keepsSizes(Value init, Value yielded) {
  if (init.getType() != yielded.getType())
    return false;
  if (cast<MemRefType>(init.getType()).hasStaticShape())
    return true;
  auto before = dynamicSizesOf(init), after = dynamicSizesOf(yielded);
  return before && after && llvm::equal(*before, *after);
}

SmallVector<Carried> findCarried(LoopLikeOpInterface loop) {
  SmallVector<Carried> carried;
  MutableArrayRef<OpOperand> inits = loop.getInitsMutable();
  std::optional<MutableArrayRef<OpOperand>> yields =
      loop.getYieldedValuesMutable();
  if (!yields || inits.size() != yields->size())
    return carried;
  for (auto [init, yielded, argument] :
       llvm::zip(inits, *yields, loop.getRegionIterArgs())) {
    auto type = dyn_cast<MemRefType>(init.get().getType());
    if (!type || yielded.get() == argument || !type.getLayout().isIdentity() ||
        loop.isDefinedOutsideOfLoop(yielded.get()))
      continue;
    if (keepsSizes(init.get(), yielded.get()))
      carried.push_back({&init, &yielded});
  }
  return carried;
}

/// True if what one carried value yields may lie in another's argument: then
/// copying one after the other would read overwritten memory.
bool needsTemporaries(LoopLikeOpInterface loop, ArrayRef<Carried> carried) {
  BufferViewFlowAnalysis aliases(loop);
  for (Value argument : loop.getRegionIterArgs()) {
    if (!isa<MemRefType>(argument.getType()))
      continue;
    auto reached = aliases.resolve(argument);
    for (const Carried &value : carried)
      if (reached.contains(value.yielded->get()))
        return true;
  }
  return false;
}

Value allocateLike(ImplicitLocOpBuilder &b, Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  SmallVector<Value> sizes;
  for (int64_t axis = 0; axis < type.getRank(); ++axis)
    if (type.isDynamicDim(axis))
      sizes.push_back(memref::DimOp::create(b, buffer, axis));
  if (auto known = dynamicSizesOf(buffer))
    sizes.assign(known->begin(), known->end());
  return memref::AllocOp::create(b, type, sizes);
}

void keepBuffers(LoopLikeOpInterface loop) {
  SmallVector<Carried> carried = findCarried(loop);
  if (carried.empty())
    return;
  bool temporaries = needsTemporaries(loop, carried);
  ImplicitLocOpBuilder before(loop.getLoc(), loop);
  ImplicitLocOpBuilder atEnd(loop.getLoc(),
                             carried.front().yielded->getOwner());
  SmallVector<Value> places;
  for (Carried &value : carried) {
    Value place = allocateLike(before, value.init->get());
    memref::CopyOp::create(before, value.init->get(), place);
    value.init->set(place);
    places.push_back(place);
  }
  if (temporaries)
    for (Carried &value : carried) {
      Value temporary = allocateLike(atEnd, value.yielded->get());
      memref::CopyOp::create(atEnd, value.yielded->get(), temporary);
      value.yielded->set(temporary);
    }
  for (auto [value, place] : llvm::zip(carried, places)) {
    memref::CopyOp::create(atEnd, value.yielded->get(), place);
    value.yielded->set(place);
  }
}

struct KeepLoopBuffers : ashlar::impl::KeepLoopBuffersBase<KeepLoopBuffers> {
  void runOnOperation() override {
    getOperation().walk([](LoopLikeOpInterface loop) { keepBuffers(loop); });
  }
};

} // namespace
