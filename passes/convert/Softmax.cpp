// Softmax and LogSoftmax along one axis.
#include "dialects/nn/NnDialect.h"
#include "dialects/onnx/OnnxOps.h"
#include "passes/analysis/ArgumentRange.h"
#include "passes/convert/Elementwise.h"
#include "passes/convert/Families.h"
#include "passes/convert/Reduce.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace ashlar {

namespace {

/// One pass over each row; what follows elementwise joins it.
Value softmaxOfRows(TensorBuilder &b, Value x) {
  Value init = b.empty(b.dims(x), b.getF32Type());
  auto rows = nn::SoftmaxOp::create(b, TypeRange{init.getType()}, x,
                                    /*extras=*/ValueRange(), init);
  nn::addTrivialEpilogue(b, rows.getEpilogue(), b.getLoc(), b.getF32Type(), {});
  return rows->getResult(0);
}

/// Sums of the powers of e^(x - greatest), which are not kept; unit dims stay.
Value sumPowers(TensorBuilder &b, Value x, Value greatest,
                ArrayRef<int64_t> axes, Type compute) {
  auto sizes = b.dims(x);
  size_t rank = sizes.size();
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  SmallVector<AffineExpr> unit, kept;
  TensorBuilder::Sizes outer;
  for (size_t axis = 0; axis < rank; ++axis) {
    bool reduced = llvm::is_contained(axes, int64_t(axis));
    if (reduced)
      iterators[axis] = utils::IteratorType::reduction;
    else
      outer.push_back(sizes[axis]), kept.push_back(b.getAffineDimExpr(axis));
    unit.push_back(reduced ? b.getAffineConstantExpr(0)
                           : b.getAffineDimExpr(axis));
  }
  auto map = [&](ArrayRef<AffineExpr> results) {
    return AffineMap::get(rank, 0, results, b.getContext());
  };
  Value init = b.filled(outer, b.zero(compute));
  auto sums = linalg::GenericOp::create(
      b, TypeRange{init.getType()}, ValueRange{x, greatest}, ValueRange{init},
      ArrayRef{b.getMultiDimIdentityMap(rank), map(unit), map(kept)}, iterators,
      [&](OpBuilder &nested, Location loc, ValueRange v) {
        TensorBuilder inner(loc, nested);
        Value power = makeExpOfNonPositive(inner, loc,
                                           inner.sub(inner.widen(v[0]), v[1]));
        linalg::YieldOp::create(nested, loc, inner.add(power, v[2]));
      });
  return b.unsqueeze(sums.getResult(0), axes);
}

template <typename OpT>
Lowered lowerSoftmax(OpT op, typename OpT::Adaptor in, TensorBuilder &b) {
  Value x = in.getInput();
  Type element = elementType(x), compute = computeType(element);
  auto axes = normalizeAxes(op.getAxis(),
                            cast<RankedTensorType>(x.getType()).getRank());
  if (!axes)
    return b.unsupported("with an axis outside the rank of its input");
  int64_t rank = cast<RankedTensorType>(x.getType()).getRank();
  if (std::is_same_v<OpT, onnx::SoftmaxOp> && element.isF32() && rank >= 2 &&
      rank <= 4 && axes->front() == rank - 1)
    return softmaxOfRows(b, x);
  Value greatest = reduceMax(b, x, *axes, /*keepDims=*/true);
  if (std::is_same_v<OpT, onnx::LogSoftmaxOp>) {
    Value sums = sumPowers(b, x, greatest, *axes, compute);
    Value logs =
        b.map(compute, sums, [](TensorBuilder &b, ValueRange v) -> Value {
          return b.create<math::LogOp>(v[0]);
        });
    return mapComputed(b, element, {x, greatest, logs},
                       [](TensorBuilder &b, ValueRange v) {
                         return b.sub(b.sub(v[0], v[1]), v[2]);
                       });
  }
  Value powers = mapComputed(
      b, compute, {x, greatest}, [](TensorBuilder &b, ValueRange v) -> Value {
        return makeExpOfNonPositive(b, b.getLoc(), b.sub(v[0], v[1]));
      });
  Value sums = reduceAdd(b, powers, *axes, /*keepDims=*/true, compute);
  // One division a row.
  Value scales = b.map(compute, sums, [&](TensorBuilder &b, ValueRange v) {
    return b.div(b.scalar(compute, 1), v[0]);
  });
  return mapComputed(
      b, element, {powers, scales},
      [](TensorBuilder &b, ValueRange v) { return b.mul(v[0], v[1]); });
}

} // namespace

void populateSoftmaxPatterns(const OnnxTypeConverter &converter,
                             RewritePatternSet &patterns) {
  addLowering<onnx::SoftmaxOp>(converter, patterns,
                               lowerSoftmax<onnx::SoftmaxOp>);
  addLowering<onnx::LogSoftmaxOp>(converter, patterns,
                                  lowerSoftmax<onnx::LogSoftmaxOp>);
}

} // namespace ashlar
