// CumSum and CumProd.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/Elementwise.h"
#include "passes/convert/Families.h"
#include "passes/convert/Reduce.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace ashlar {

namespace {

struct Accumulation {
  SmallVector<Value> along; // one an axis: accumulate along this one
  bool exclusive, reverse, product;
};

// One element from the one before it.
Value accumulate(TensorBuilder &b, const Accumulation &how, Value data,
                 Value carried, ValueRange at, ArrayRef<Value> sizes) {
  SmallVector<Value> here, before;
  Value first = b.boolean(false), one = b.index(1);
  for (auto [index, size, along] : llvm::zip(at, sizes, how.along)) {
    Value isFirst = b.logicalAnd(along, b.eq(index, b.index(0)));
    first = b.logicalOr(first, isFirst);
    Value flipped = how.reverse
                        ? b.select(along, b.sub(b.sub(size, one), index), index)
                        : index;
    Value previous = how.reverse ? b.add(flipped, one) : b.sub(flipped, one);
    here.push_back(flipped);
    before.push_back(b.select(b.logicalAnd(along, b.logicalNot(isFirst)),
                              previous, flipped));
  }
  Type type = elementType(carried);
  Value neutral = b.scalar(type, how.product ? 1 : 0);
  Value total =
      b.select(first, neutral, b.create<tensor::ExtractOp>(carried, before));
  Value element =
      b.widen(b.create<tensor::ExtractOp>(data, how.exclusive ? before : here));
  Value next = how.product ? b.mul(total, element) : b.add(total, element);
  if (how.exclusive)
    next = b.select(first, neutral, next);
  return b.create<tensor::InsertOp>(next, carried, here);
}

template <typename OpT, bool product>
Lowered lowerCumulative(OpT op, typename OpT::Adaptor in, TensorBuilder &b) {
  Value data = in.getX();
  if (failed(requireNumbers(b, data.getType())))
    return failure();
  int64_t rank = cast<RankedTensorType>(data.getType()).getRank();
  if (rank == 0)
    return data;
  Accumulation how{{}, op.getExclusive() != 0, op.getReverse() != 0, product};
  Value axis = b.toScalar(in.getAxis());
  for (int64_t dim = 0; dim < rank; ++dim) {
    Value here = b.eq(axis, b.integer(axis.getType(), dim));
    how.along.push_back(
        b.logicalOr(here, b.eq(axis, b.integer(axis.getType(), dim - rank))));
  }
  auto sizes = b.dims(data);
  SmallVector<Value> low(rank, b.index(0)), step(rank, b.index(1));
  SmallVector<Value> high = llvm::map_to_vector<6>(
      sizes, [&](OpFoldResult size) { return b.value(size); });
  Type compute = computeType(elementType(data));
  auto nest = scf::buildLoopNest(
      b, b.getLoc(), low, high, step, b.filled(sizes, b.zero(compute)),
      [&](OpBuilder &nested, Location loc, ValueRange at,
          ValueRange carried) -> scf::ValueVector {
        TensorBuilder inner(loc, nested);
        return {accumulate(inner, how, data, carried[0], at, high)};
      });
  return mapComputed(b, elementType(data), nest.results[0],
                     [](TensorBuilder &, ValueRange v) { return v[0]; });
}

} // namespace

void populateCumulativePatterns(const OnnxTypeConverter &converter,
                                RewritePatternSet &patterns) {
  addLowering<onnx::CumSumOp>(converter, patterns,
                              lowerCumulative<onnx::CumSumOp, false>);
  addLowering<onnx::CumProdOp>(converter, patterns,
                               lowerCumulative<onnx::CumProdOp, true>);
}

} // namespace ashlar
