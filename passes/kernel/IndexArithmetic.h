//===- IndexArithmetic.h - sums and products of sizes, folded -------------===//
#ifndef ASHLAR_PASSES_KERNEL_INDEXARITHMETIC_H
#define ASHLAR_PASSES_KERNEL_INDEXARITHMETIC_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace ashlar {

/// Index arithmetic in which constants stay attributes for as long as possible.
class IndexArithmetic : public mlir::ImplicitLocOpBuilder {
public:
  using Index = mlir::OpFoldResult;
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  Index fixed(int64_t value) { return getIndexAttr(value); }
  std::optional<int64_t> known(Index index) {
    return mlir::getConstantIntValue(index);
  }
  mlir::Value value(Index index) {
    if (auto constant = mlir::dyn_cast<mlir::Attribute>(index))
      return mlir::arith::ConstantIndexOp::create(
          *this, mlir::cast<mlir::IntegerAttr>(constant).getInt());
    return mlir::cast<mlir::Value>(index);
  }
  Index add(Index a, Index b) {
    auto x = known(a), y = known(b);
    if (x && y)
      return fixed(*x + *y);
    if (x && *x == 0)
      return b;
    if (y && *y == 0)
      return a;
    return mlir::arith::AddIOp::create(*this, value(a), value(b)).getResult();
  }
  Index sub(Index a, Index b) {
    auto x = known(a), y = known(b);
    if (x && y)
      return fixed(*x - *y);
    if (y && *y == 0)
      return a;
    return mlir::arith::SubIOp::create(*this, value(a), value(b)).getResult();
  }
  Index mul(Index a, Index b) {
    auto x = known(a), y = known(b);
    if (x && y)
      return fixed(*x * *y);
    if ((x && *x == 0) || (y && *y == 0))
      return fixed(0);
    if (x && *x == 1)
      return b;
    if (y && *y == 1)
      return a;
    return mlir::arith::MulIOp::create(*this, value(a), value(b)).getResult();
  }
  Index mul(Index a, int64_t b) { return mul(a, fixed(b)); }
  Index add(Index a, int64_t b) { return add(a, fixed(b)); }
  /// Quotients and remainders of values that are not negative.
  Index div(Index a, int64_t b) {
    if (auto x = known(a))
      return fixed(*x / b);
    if (b == 1)
      return a;
    return mlir::arith::DivUIOp::create(*this, value(a), value(fixed(b)))
        .getResult();
  }
  Index div(Index a, Index b) {
    if (auto y = known(b))
      return div(a, *y);
    return mlir::arith::DivUIOp::create(*this, value(a), value(b)).getResult();
  }
  Index rem(Index a, Index b) {
    auto x = known(a), y = known(b);
    if (x && y)
      return fixed(*x % *y);
    if (y && *y == 1)
      return fixed(0);
    return mlir::arith::RemUIOp::create(*this, value(a), value(b)).getResult();
  }
  Index ceilDiv(Index a, int64_t b) { return div(add(a, b - 1), b); }
  Index ceilDiv(Index a, Index b) {
    if (auto y = known(b))
      return ceilDiv(a, *y);
    return div(sub(add(a, b), fixed(1)), b);
  }
  Index min(Index a, Index b) {
    auto x = known(a), y = known(b);
    if (x && y)
      return fixed(std::min(*x, *y));
    return mlir::arith::MinSIOp::create(*this, value(a), value(b)).getResult();
  }

  /// A loop over [low, high), with `body` in it; no loop where there is surely
  /// at most one iteration.
  void forLoop(Index low, Index high, int64_t step,
               llvm::function_ref<void(Index)> body);
  /// The indices of element `id` of an array of these sizes, the one that moves
  /// fastest first.
  llvm::SmallVector<Index> delinearize(Index id, llvm::ArrayRef<Index> sizes);
};

/// A buffer as one row of elements, with its strides.
struct FlatView {
  mlir::Value flat; // memref<?xT>
  mlir::OpFoldResult offset;
  llvm::SmallVector<mlir::OpFoldResult> sizes, strides;

  static FlatView of(IndexArithmetic &b, mlir::Value buffer);
};

} // namespace ashlar

#endif
