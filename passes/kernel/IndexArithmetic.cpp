//===- IndexArithmetic.cpp - loops and places in arrays -------------------===//
#include "passes/kernel/IndexArithmetic.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace ashlar;

void IndexArithmetic::forLoop(Index low, Index high, int64_t step,
                              llvm::function_ref<void(Index)> body) {
  auto from = known(low), to = known(high);
  if (from && to && *to <= *from)
    return;
  if (from && to && *to - *from <= step)
    return body(low);
  auto loop =
      scf::ForOp::create(*this, value(low), value(high), value(fixed(step)));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

SmallVector<OpFoldResult> IndexArithmetic::delinearize(Index id,
                                                       ArrayRef<Index> sizes) {
  SmallVector<Index> indices;
  for (Index size : sizes) {
    indices.push_back(known(size) == 1 ? fixed(0) : rem(id, size));
    id = div(id, size);
  }
  return indices;
}
