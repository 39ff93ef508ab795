//===- Lifetimes.cpp - when a buffer is in use ----------------------------===//
#include "passes/bufferize/Lifetimes.h"

#include "mlir/Interfaces/LoopLikeInterface.h"

using namespace mlir;
using namespace ashlar;

LifetimeAnalysis::LifetimeAnalysis(func::FuncOp function) : aliases(function) {
  // Numbers in order of entry, and the last number inside each operation.
  int64_t next = 0;
  std::function<void(Operation *)> number = [&](Operation *op) {
    int64_t begin = next++;
    for (Region &region : op->getRegions())
      for (Operation &inner : region.getOps())
        number(&inner);
    order[op] = {begin, next - 1};
  };
  number(function);
}

int64_t LifetimeAnalysis::endOfUse(Operation *user, Operation *alloc) {
  int64_t end = order.lookup(user).second;
  for (Operation *scope = user; scope && !scope->isAncestor(alloc);
       scope = scope->getParentOp())
    if (isa<LoopLikeOpInterface>(scope))
      end = std::max(end, order.lookup(scope).second);
  return end;
}

Lifetime LifetimeAnalysis::of(memref::AllocOp alloc) {
  Lifetime lifetime;
  lifetime.begin = order.lookup(alloc).first;
  lifetime.end = lifetime.begin;
  for (Value alias : aliases.resolve(alloc))
    for (Operation *user : alias.getUsers())
      lifetime.end = std::max(lifetime.end, endOfUse(user, alloc));
  return lifetime;
}

bool LifetimeAnalysis::isCarriedByLoop(memref::AllocOp alloc) {
  for (Value alias : aliases.resolve(alloc)) {
    Operation *owner = alias.getDefiningOp();
    if (auto argument = dyn_cast<BlockArgument>(alias))
      owner = argument.getOwner()->getParentOp();
    if (isa<LoopLikeOpInterface>(owner) && owner->isProperAncestor(alloc))
      return true;
  }
  return false;
}
