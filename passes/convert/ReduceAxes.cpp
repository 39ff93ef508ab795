// Reductions over axes that only the running program knows.
#include "passes/convert/Reduce.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace ashlar {

// Whether the axes hold this one, counted from either end.
static Value holdsAxis(TensorBuilder &b, Value axes, int64_t axis,
                       int64_t rank) {
  Type type = elementType(axes);
  auto matches = [&](TensorBuilder &b, Value x) {
    return b.logicalOr(b.eq(x, b.integer(type, axis)),
                       b.eq(x, b.integer(type, axis - rank)));
  };
  if (cast<RankedTensorType>(axes.getType()).hasStaticShape()) {
    Value result = b.boolean(false);
    for (Value given : b.elementsOf(axes))
      result = b.logicalOr(result, matches(b, given));
    return result;
  }
  Value flags = b.reduce(axes, 0, /*keepDims=*/false, b.boolean(false),
                         [&](TensorBuilder &b, Value x, Value any) {
                           return b.logicalOr(any, matches(b, x));
                         });
  return b.toScalar(flags);
}

AxisMask makeAxisMask(TensorBuilder &b, Value data, Value axes,
                      bool noopWithEmptyAxes) {
  AxisMask mask;
  auto sizes = b.dims(data);
  Value empty = b.eq(b.value(b.elementCount(axes)), b.index(0));
  Value count = b.index(1);
  for (auto [axis, size] : llvm::enumerate(sizes)) {
    Value reduced = holdsAxis(b, axes, axis, sizes.size());
    if (!noopWithEmptyAxes)
      reduced = b.logicalOr(reduced, empty);
    mask.reduced.push_back(reduced);
    Value length = b.value(size);
    mask.keptSizes.push_back(b.select(reduced, b.index(1), length));
    count = b.mul(count, b.select(reduced, length, b.index(1)));
  }
  mask.count = count;
  return mask;
}

Value reduceMasked(TensorBuilder &b, Value data, const AxisMask &mask,
                   Value init, TensorBuilder::Combiner combiner) {
  SmallVector<Value> low, high, step;
  for (OpFoldResult size : b.dims(data)) {
    low.push_back(b.index(0));
    high.push_back(b.value(size));
    step.push_back(b.index(1));
  }
  Value zero = b.index(0);
  auto nest = scf::buildLoopNest(
      b, b.getLoc(), low, high, step, b.filled(mask.keptSizes, init),
      [&](OpBuilder &nested, Location loc, ValueRange at,
          ValueRange carried) -> scf::ValueVector {
        TensorBuilder inner(loc, nested);
        SmallVector<Value> target;
        for (auto [index, reduced] : llvm::zip(at, mask.reduced))
          target.push_back(inner.select(reduced, zero, index));
        Value element = inner.create<tensor::ExtractOp>(data, at);
        Value sum = inner.create<tensor::ExtractOp>(carried[0], target);
        Value next = combiner(inner, element, sum);
        return {inner.create<tensor::InsertOp>(next, carried[0], target)};
      });
  if (nest.loops.empty()) // Rank 0: nothing to reduce, but the element counts.
    return b.map(init.getType(), data, [&](TensorBuilder &b, ValueRange v) {
      return combiner(b, v[0], init);
    });
  return nest.results[0];
}

// The sizes of the kept axes one after the other.
static TensorBuilder::Sizes squeezedSizes(TensorBuilder &b,
                                          const AxisMask &mask, int64_t rank) {
  SmallVector<Value> result(rank, b.index(1));
  Value position = b.index(0);
  for (auto [reduced, size] : llvm::zip(mask.reduced, mask.keptSizes)) {
    Value kept = b.logicalNot(reduced);
    for (auto [axis, slot] : llvm::enumerate(result))
      slot = b.select(b.logicalAnd(kept, b.eq(position, b.index(axis))),
                      b.value(size), slot);
    position = b.add(position, b.select(kept, b.index(1), b.index(0)));
  }
  return llvm::map_to_vector<6>(result,
                                [](Value v) -> OpFoldResult { return v; });
}

Value shapeMasked(TensorBuilder &b, Value result, const AxisMask &mask,
                  bool keepDims, RankedTensorType type) {
  auto sizes =
      keepDims ? mask.keptSizes : squeezedSizes(b, mask, type.getRank());
  for (auto [axis, size] : llvm::enumerate(sizes))
    if (!type.isDynamicDim(axis))
      size = b.size(type.getDimSize(axis));
  b.requireSameSize(b.product(mask.keptSizes), b.product(sizes));
  return b.reshape(result, sizes);
}

} // namespace ashlar
