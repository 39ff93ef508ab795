//===- LowerCopies.cpp - copies of strided buffers to loops ---------------===//
#include "passes/kernel/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace ashlar {
#define GEN_PASS_DEF_LOWERCOPIES
#include "passes/kernel/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

bool isContiguous(Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  return type.getLayout().isIdentity() ||
         (type.hasStaticShape() &&
          type.areTrailingDimsContiguous(type.getRank()));
}

struct LowerCopies : ashlar::impl::LowerCopiesBase<LowerCopies> {
  void runOnOperation() override {
    getOperation().walk([](memref::CopyOp copy) {
      if (isContiguous(copy.getSource()) && isContiguous(copy.getTarget()))
        return;
      OpBuilder builder(copy);
      int64_t rank = cast<MemRefType>(copy.getTarget().getType()).getRank();
      AffineMap map = builder.getMultiDimIdentityMap(rank);
      linalg::GenericOp::create(
          builder, copy.getLoc(), ValueRange{copy.getSource()},
          ValueRange{copy.getTarget()}, ArrayRef<AffineMap>{map, map},
          SmallVector<utils::IteratorType>(rank, utils::IteratorType::parallel),
          [](OpBuilder &inner, Location loc, ValueRange values) {
            linalg::YieldOp::create(inner, loc, values.front());
          });
      copy.erase();
    });
  }
};

} // namespace
