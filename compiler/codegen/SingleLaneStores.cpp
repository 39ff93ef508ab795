//===- SingleLaneStores.cpp - masked stores of one element ----------------===//
//
// LLVM 22 makes a masked store of truncated values, whose constant mask has one
// lane, a scalar store of the value as it was before truncation: it writes the
// neighbours too. Such stores are made scalar here.
//
//===----------------------------------------------------------------------===//
#include "llvm/IR/Constants.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"

#include "compiler/codegen/Codegen.h"

using namespace llvm;

/// The one lane that `mask` names, or -1.
static int64_t onlyLane(const Value *mask) {
  auto *constant = dyn_cast<Constant>(mask);
  auto *type = dyn_cast<FixedVectorType>(mask->getType());
  if (!constant || !type)
    return -1;
  int64_t lane = -1;
  for (unsigned i = 0; i != type->getNumElements(); ++i) {
    Constant *element = constant->getAggregateElement(i);
    if (!element || !isa<ConstantInt>(element))
      return -1;
    if (element->isNullValue())
      continue;
    if (lane >= 0)
      return -1;
    lane = i;
  }
  return lane;
}

void ashlar::makeSingleLaneStoresScalar(Module &module) {
  SmallVector<std::pair<IntrinsicInst *, int64_t>> found;
  for (Function &function : module)
    for (BasicBlock &block : function)
      for (Instruction &instruction : block)
        if (auto *call = dyn_cast<IntrinsicInst>(&instruction))
          if (call->getIntrinsicID() == Intrinsic::masked_store)
            if (int64_t lane = onlyLane(call->getArgOperand(2)); lane >= 0)
              found.push_back({call, lane});
  for (auto [call, lane] : found) {
    IRBuilder<> b(call);
    Value *element = b.CreateExtractElement(call->getArgOperand(0), lane);
    Value *address =
        b.CreateConstGEP1_64(element->getType(), call->getArgOperand(1), lane);
    // Elements of a vector are aligned as single ones are at best.
    b.CreateAlignedStore(element, address, Align(1));
    call->eraseFromParent();
  }
}
