// Positions of extrema: ArgMax, ArgMin and Hardmax.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/Elementwise.h"
#include "passes/convert/Families.h"
#include "passes/convert/Reduce.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;

namespace ashlar {

namespace {

struct Extremum {
  bool greatest, last, isUnsigned;
};

// True where `x` takes the place of the best so far. The first NaN stays, as
// numpy has it.
Value improves(TensorBuilder &b, const Extremum &wanted, Value x, Value best) {
  Value low = wanted.greatest ? best : x, high = wanted.greatest ? x : best;
  Value better = wanted.last ? b.le(low, high, wanted.isUnsigned)
                             : b.lt(low, high, wanted.isUnsigned);
  if (!isa<FloatType>(x.getType()))
    return better;
  return b.logicalOr(better, b.logicalAnd(b.ne(x, x), b.eq(best, best)));
}

// The first positions of the extrema along the last axis: they themselves
// first, then the least position of an element equal to them. Both reductions
// run over whole vectors, which that of pairs below cannot do along a row.
Value findInRows(TensorBuilder &b, Value data, const Extremum &wanted) {
  Type compute = computeType(elementType(data)), i32 = b.getI32Type();
  auto sizes = b.dims(data);
  int64_t rank = sizes.size(), axis = rank - 1;
  Value worst = wanted.greatest ? b.lowest(compute, wanted.isUnsigned)
                                : b.highest(compute, wanted.isUnsigned);
  Value extrema = b.reduce(data, {axis}, /*keepDims=*/false, worst,
                           [&](TensorBuilder &inner, Value x, Value best) {
                             x = inner.widen(x);
                             return wanted.greatest
                                        ? inner.max(x, best, wanted.isUnsigned)
                                        : inner.min(x, best, wanted.isUnsigned);
                           });
  auto dropped =
      AffineMap::getMultiDimIdentityMap(rank, b.getContext()).dropResult(axis);
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  iterators[axis] = utils::IteratorType::reduction;
  Value init = b.filled(ArrayRef(sizes).drop_back(),
                        b.integer(i32, std::numeric_limits<int32_t>::max()));
  auto op = b.create<linalg::GenericOp>(
      TypeRange{init.getType()}, ValueRange{data, extrema}, ValueRange{init},
      ArrayRef{b.getMultiDimIdentityMap(rank), dropped, dropped}, iterators,
      [&](OpBuilder &nested, Location loc, ValueRange v) {
        TensorBuilder inner(loc, nested);
        Value x = inner.widen(v[0]), found = inner.eq(x, v[1]);
        // The extremum is not a number where an element is not.
        if (isa<FloatType>(x.getType()))
          found = inner.logicalOr(found, inner.ne(x, x));
        Value position =
            inner.fromIndex(inner.create<linalg::IndexOp>(axis), i32);
        inner.create<linalg::YieldOp>(inner.min(
            inner.select(
                found, position,
                inner.integer(i32, std::numeric_limits<int32_t>::max())),
            v[2]));
      });
  return b.map(b.getI64Type(), op.getResult(0),
               [](TensorBuilder &inner, ValueRange x) -> Value {
                 return arith::ExtSIOp::create(inner, inner.getI64Type(), x[0]);
               });
}

// The positions along one axis, which is dropped, as i64.
Value findExtremum(TensorBuilder &b, Value data, int64_t axis,
                   const Extremum &wanted) {
  auto type = cast<RankedTensorType>(data.getType());
  if (axis == type.getRank() - 1 && !wanted.last && !type.isDynamicDim(axis) &&
      type.getDimSize(axis) < std::numeric_limits<int32_t>::max())
    return findInRows(b, data, wanted);
  Type compute = computeType(elementType(data)), i64 = b.getI64Type();
  auto sizes = b.dims(data);
  size_t rank = sizes.size();
  TensorBuilder::Sizes kept;
  SmallVector<AffineExpr> expressions;
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  iterators[axis] = utils::IteratorType::reduction;
  for (size_t dim = 0; dim < rank; ++dim)
    if (static_cast<int64_t>(dim) != axis) {
      kept.push_back(sizes[dim]);
      expressions.push_back(b.getAffineDimExpr(dim));
    }
  AffineMap dropped = AffineMap::get(rank, 0, expressions, b.getContext());
  SmallVector<AffineMap> maps = {b.getMultiDimIdentityMap(rank), dropped,
                                 dropped};
  Value worst = wanted.greatest ? b.lowest(compute, wanted.isUnsigned)
                                : b.highest(compute, wanted.isUnsigned);
  SmallVector<Value> inits = {b.filled(kept, worst),
                              b.filled(kept, b.zero(i64))};
  auto op = b.create<linalg::GenericOp>(
      ValueRange(inits).getTypes(), ValueRange{data}, inits, maps, iterators,
      [&](OpBuilder &nested, Location loc, ValueRange v) {
        TensorBuilder inner(loc, nested);
        Value x = inner.widen(v[0]);
        Value position =
            inner.fromIndex(inner.create<linalg::IndexOp>(axis), i64);
        Value better = improves(inner, wanted, x, v[1]);
        inner.create<linalg::YieldOp>(
            ValueRange{inner.select(better, x, v[1]),
                       inner.select(better, position, v[2])});
      });
  return op.getResult(1);
}

template <typename OpT, bool greatest>
Lowered lowerArg(OpT op, typename OpT::Adaptor in, TensorBuilder &b) {
  Value data = in.getData();
  if (failed(requireNumbers(b, data.getType())))
    return failure();
  auto axes = normalizeAxes(op.getAxis(),
                            cast<RankedTensorType>(data.getType()).getRank());
  if (!axes)
    return b.unsupported("with an axis outside the rank of its input");
  Extremum wanted{greatest, op.getSelectLastIndex() != 0,
                  isUnsigned(op.getData().getType())};
  Value positions = findExtremum(b, data, axes->front(), wanted);
  return op.getKeepdims() ? b.unsqueeze(positions, *axes) : positions;
}

Lowered lowerHardmax(onnx::HardmaxOp op, onnx::HardmaxOp::Adaptor in,
                     TensorBuilder &b) {
  Value data = in.getInput();
  Type type = elementType(data);
  auto axes = normalizeAxes(op.getAxis(),
                            cast<RankedTensorType>(data.getType()).getRank());
  if (!axes)
    return b.unsupported("with an axis outside the rank of its input");
  Value positions = findExtremum(b, data, axes->front(), {true, false, false});
  auto sizes = b.dims(data);
  SmallVector<AffineExpr> kept;
  for (size_t dim = 0; dim < sizes.size(); ++dim)
    if (static_cast<int64_t>(dim) != axes->front())
      kept.push_back(b.getAffineDimExpr(dim));
  AffineMap map = AffineMap::get(sizes.size(), 0, kept, b.getContext());
  return b.generic(
      sizes, type, positions, map, [&](TensorBuilder &b, ValueRange v) {
        Value here = b.fromIndex(b.create<linalg::IndexOp>(axes->front()),
                                 v[0].getType());
        return b.select(b.eq(here, v[0]), b.scalar(type, 1), b.zero(type));
      });
}

} // namespace

void populateArgReducePatterns(const OnnxTypeConverter &converter,
                               RewritePatternSet &patterns) {
  addLowering<onnx::ArgMaxOp>(converter, patterns,
                              lowerArg<onnx::ArgMaxOp, true>);
  addLowering<onnx::ArgMinOp>(converter, patterns,
                              lowerArg<onnx::ArgMinOp, false>);
  addLowering<onnx::HardmaxOp>(converter, patterns, lowerHardmax);
}

} // namespace ashlar
