// Det, by elimination with the largest pivot of each column.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"

using namespace mlir;

namespace ashlar {
namespace {

using Scalars = Emitter::Scalars;
using Values = Emitter::Values;

/// The matrix at one position of the batch axes of a tensor.
struct Matrix {
  Emitter &e;
  ArrayRef<Scalar> batch;

  Scalars place(Scalar row, Scalar column) const {
    Scalars result(batch);
    result.push_back(row);
    result.push_back(column);
    return result;
  }
  Scalar load(Value tensor, Scalar row, Scalar column) const {
    return e.load(tensor, place(row, column));
  }
  Value store(Scalar element, Value tensor, Scalar row, Scalar column) const {
    return e.store(element, tensor, place(row, column));
  }
};

/// One column is cleared below the diagonal; gives the tensor and the
/// determinant so far.
Values eliminate(Emitter &e, const Matrix &matrix, Scalar k, Scalar size,
                 Value work, Scalar determinant) {
  Scalar pivotRow =
      e.wrap(e.loop(k, size, k.value(), [&](Scalar row, ValueRange best) {
        Scalar now = e.wrap(best[0]);
        Scalar isLarger =
            abs(matrix.load(work, row, k)) > abs(matrix.load(work, now, k));
        return Values{select(isLarger, row, now)};
      })[0]);
  Value swapped = e.loop(k, size, work, [&](Scalar column, ValueRange now) {
    Scalar upper = matrix.load(now[0], k, column),
           lower = matrix.load(now[0], pivotRow, column);
    return Values{matrix.store(
        lower, matrix.store(upper, now[0], pivotRow, column), k, column)};
  })[0];
  Scalar pivot = matrix.load(swapped, k, k);
  determinant = determinant * select(pivotRow == k, pivot, -pivot);
  Scalar divisor = select(pivot == pivot.same(0.0), pivot.same(1.0), pivot);
  Value cleared = e.loop(k + 1, size, swapped, [&](Scalar row, ValueRange now) {
    Scalar factor = matrix.load(now[0], row, k) / divisor;
    return e.loop(k + 1, size, now[0], [&](Scalar column, ValueRange inner) {
      Scalar element = matrix.load(inner[0], row, column) -
                       factor * matrix.load(inner[0], k, column);
      return Values{matrix.store(element, inner[0], row, column)};
    });
  })[0];
  return {cleared, determinant};
}

Lowered lowerDet(onnx::DetOp op, onnx::DetOp::Adaptor in, Emitter &e) {
  RankedTensorType type = e.resultType(0);
  Type element = type.getElementType(), wide = computeType(element);
  if (!isa<FloatType>(element))
    return e.unsupported("on elements that are not floats");
  Scalars sizes = e.sizesOfTensor(in.getX());
  Scalar size = sizes.pop_back_val();
  e.require(size == sizes.pop_back_val(), DataError::Shape,
            "a matrix is not square");
  Value work = wide == element
                   ? e.copyOf(in.getX())
                   : e.map(wide, in.getX(), [](TensorBuilder &b, ValueRange x) {
                       return b.widen(x[0]);
                     });
  Value result = e.allocate(type, sizes);
  return e.nest(
      sizes, {work, result}, [&](ArrayRef<Scalar> batch, ValueRange now) {
        Matrix matrix{e, batch};
        Values done = e.loop(e.at(0), size, {now[0], e.number(wide, 1)},
                             [&](Scalar k, ValueRange inner) {
                               return eliminate(e, matrix, k, size, inner[0],
                                                e.wrap(inner[1]));
                             });
        return Values{done[0],
                      e.store(e.wrap(done[1]).to(element), now[1], batch)};
      })[1];
}

} // namespace

void populateDeterminantPatterns(const OnnxTypeConverter &converter,
                                 RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerDet);
}

} // namespace ashlar
