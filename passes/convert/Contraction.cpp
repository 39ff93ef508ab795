#include "passes/convert/Contraction.h"

#include "dialects/nn/NnDialect.h"
#include "passes/analysis/ConstantData.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace ashlar {

Value multiplyF32(Emitter &e, Value lhs, Value rhs, OpFoldResult rows) {
  TensorBuilder::Sizes sizes = {rows, e.dim(rhs, 1)};
  Value init = e.empty(sizes, e.getF32Type());
  auto matmul = nn::MatmulOp::create(e, TypeRange{init.getType()}, lhs, rhs,
                                     ValueRange{}, init, UnitAttr());
  nn::addTrivialEpilogue(e, matmul.getEpilogue(), e.getLoc(), e.getF32Type(),
                         {});
  return matmul.getResult(0);
}

namespace {

/// The operands of numpy's matmul as matrices, and how the result's dims are
/// made.
struct Product {
  TensorBuilder::Sizes batch;
  OpFoldResult rows, inner, columns;
  AffineMap lhsMap, rhsMap;
};

/// Reads an operand: batch dims broadcast, then the two dims given.
AffineMap operandMap(Emitter &e, Value operand, int64_t batchRank,
                     int64_t loops, AffineExpr first, AffineExpr second) {
  SmallVector<AffineExpr> results;
  auto type = cast<RankedTensorType>(operand.getType());
  int64_t own = type.getRank() - 2;
  for (int64_t axis = 0; axis < own; ++axis)
    results.push_back(type.getDimSize(axis) == 1
                          ? e.getAffineConstantExpr(0)
                          : e.getAffineDimExpr(batchRank - own + axis));
  results.push_back(first);
  results.push_back(second);
  return AffineMap::get(loops, 0, results, e.getContext());
}

TensorBuilder::Sizes batchSizes(Emitter &e, Value lhs, Value rhs) {
  auto outer = [&](Value operand) {
    TensorBuilder::Sizes sizes = e.dims(operand);
    sizes.pop_back_n(2);
    return sizes;
  };
  TensorBuilder::Sizes a = outer(lhs), b = outer(rhs);
  size_t rank = std::max(a.size(), b.size());
  a.insert(a.begin(), rank - a.size(), e.size(1));
  b.insert(b.begin(), rank - b.size(), e.size(1));
  for (auto [x, y] : llvm::zip(a, b)) {
    if (getConstantIntValue(x) == 1) {
      x = y;
    } else if (getConstantIntValue(y) != 1 && !TensorBuilder::sameSize(x, y)) {
      e.require(e.wrap(x) == e.wrap(y), DataError::Shape,
                "the batch sizes of the factors differ");
      x = getConstantIntValue(y) ? y : x;
    }
  }
  return a;
}

} // namespace

Value multiply(Emitter &e, Value lhs, Value rhs, Type accumulator,
               bool lhsUnsigned, bool rhsUnsigned, OpFoldResult rows) {
  bool lhsIsVector = cast<RankedTensorType>(lhs.getType()).getRank() == 1;
  bool rhsIsVector = cast<RankedTensorType>(rhs.getType()).getRank() == 1;
  if (lhsIsVector)
    lhs = e.unsqueeze(lhs, {0});
  if (rhsIsVector)
    rhs = e.unsqueeze(rhs, {1});
  TensorBuilder::Sizes sizes = batchSizes(e, lhs, rhs);
  int64_t batchRank = sizes.size(), loops = batchRank + 3;
  int64_t lhsRank = cast<RankedTensorType>(lhs.getType()).getRank();
  OpFoldResult inner = e.dim(lhs, lhsRank - 1);
  if (!rows)
    rows = e.dim(lhs, lhsRank - 2);
  OpFoldResult columns =
      e.dim(rhs, cast<RankedTensorType>(rhs.getType()).getRank() - 1);
  OpFoldResult rhsInner =
      e.dim(rhs, cast<RankedTensorType>(rhs.getType()).getRank() - 2);
  if (!TensorBuilder::sameSize(inner, rhsInner))
    e.require(e.wrap(inner) == e.wrap(rhsInner), DataError::Shape,
              "the inner sizes of the factors differ");
  sizes.push_back(rows);
  sizes.push_back(columns);
  // The sum is the second innermost loop: whole rows of the result are updated
  // at once.
  AffineExpr m = e.getAffineDimExpr(batchRank),
             k = e.getAffineDimExpr(batchRank + 1),
             n = e.getAffineDimExpr(batchRank + 2);
  SmallVector<AffineExpr> written;
  for (int64_t axis = 0; axis < batchRank; ++axis)
    written.push_back(e.getAffineDimExpr(axis));
  written.append({m, n});
  SmallVector<AffineMap> maps = {
      operandMap(e, lhs, batchRank, loops, m, k),
      operandMap(e, rhs, batchRank, loops, k, n),
      AffineMap::get(loops, 0, written, e.getContext())};
  SmallVector<utils::IteratorType> iterators(loops,
                                             utils::IteratorType::parallel);
  iterators[batchRank + 1] = utils::IteratorType::reduction;
  Value init = e.filled(sizes, e.zero(accumulator));
  auto generic = linalg::GenericOp::create(
      e, TypeRange{init.getType()}, ValueRange{lhs, rhs}, ValueRange{init},
      maps, iterators, [&](OpBuilder &nested, Location loc, ValueRange x) {
        TensorBuilder b(loc, nested);
        Scalar product = Scalar(b, x[0], lhsUnsigned).to(accumulator) *
                         Scalar(b, x[1], rhsUnsigned).to(accumulator);
        linalg::YieldOp::create(nested, loc,
                                (Scalar(b, x[2]) + product).value());
      });
  Value result = generic.getResult(0);
  SmallVector<int64_t> dropped;
  if (lhsIsVector)
    dropped.push_back(batchRank);
  if (rhsIsVector)
    dropped.push_back(batchRank + 1);
  return dropped.empty() ? result : e.squeeze(result, dropped);
}

/// The bytes of a constant, element by element.
static std::optional<ArrayRef<char>> bytesOf(ElementsAttr elements) {
  if (auto dense = dyn_cast<DenseElementsAttr>(elements);
      dense && !dense.isSplat())
    return dense.getRawData();
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements))
    if (AsmResourceBlob *blob = resource.getRawHandle().getBlob())
      return blob->getData();
  return std::nullopt;
}

/// Exchanges rows and columns of a matrix of elements `width` bytes wide.
static Value transposedConstant(Emitter &e, ArrayRef<char> bytes, int64_t rows,
                                int64_t columns, Type element) {
  int64_t width = element.getIntOrFloatBitWidth() / 8;
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(bytes.size(), 64);
  MutableArrayRef<char> target = blob.getMutableData();
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      memcpy(&target[(column * rows + row) * width],
             &bytes[(row * columns + column) * width], width);
  auto type = RankedTensorType::get({columns, rows}, element);
  return arith::ConstantOp::create(
      e, DenseResourceElementsAttr::get(type, "transposed", std::move(blob)));
}

Value transposePart(Emitter &e, Value stacked, int64_t number) {
  auto type = cast<RankedTensorType>(stacked.getType());
  ElementsAttr elements;
  Type element = type.getElementType();
  bool wholeBytes =
      element.isIntOrFloat() && element.getIntOrFloatBitWidth() % 8 == 0;
  if (wholeBytes && matchPattern(stacked, m_Constant(&elements)))
    if (std::optional<ArrayRef<char>> bytes = bytesOf(elements)) {
      int64_t rows = type.getDimSize(1), columns = type.getDimSize(2);
      size_t size = rows * columns * element.getIntOrFloatBitWidth() / 8;
      return transposedConstant(e, bytes->slice(number * size, size), rows,
                                columns, element);
    }
  TensorBuilder::Sizes sizes = e.dims(stacked), offsets(3, e.size(0)),
                       strides(3, e.size(1));
  auto matrixType = e.tensorType(ArrayRef(sizes).drop_front(), element);
  sizes[0] = e.size(1);
  offsets[0] = e.size(number);
  return e.transpose(tensor::ExtractSliceOp::create(e, matrixType, stacked,
                                                    offsets, sizes, strides),
                     {1, 0});
}

Value transposeMatrix(Emitter &e, Value matrix) {
  auto type = cast<RankedTensorType>(matrix.getType());
  ElementsAttr elements;
  Type element = type.getElementType();
  bool wholeBytes =
      element.isIntOrFloat() && element.getIntOrFloatBitWidth() % 8 == 0;
  if (wholeBytes && matchPattern(matrix, m_Constant(&elements)))
    if (std::optional<ArrayRef<char>> bytes = bytesOf(elements))
      return transposedConstant(e, *bytes, type.getDimSize(0),
                                type.getDimSize(1), element);
  return e.transpose(matrix, {1, 0});
}

Value partOf(Emitter &e, Value stacked, int64_t number) {
  auto type = cast<RankedTensorType>(stacked.getType());
  if (auto data = constantData(stacked); data && type.hasStaticShape()) {
    auto part = RankedTensorType::get(type.getShape().drop_front(),
                                      type.getElementType());
    int64_t size = part.getNumElements() * (part.getElementTypeBitWidth() / 8);
    auto fill = [&](MutableArrayRef<char> target) {
      int64_t width = data->isSplat ? data->bytes.size() : size;
      for (int64_t start = 0; start < size; start += width)
        memcpy(&target[start], &data->bytes[data->isSplat ? 0 : number * size],
               width);
    };
    return arith::ConstantOp::create(
        e, cast<TypedAttr>(makeConstantData(part, "part", fill)));
  }
  TensorBuilder::Sizes sizes = e.dims(stacked),
                       offsets(sizes.size(), e.size(0)),
                       strides(sizes.size(), e.size(1));
  auto part = e.tensorType(ArrayRef(sizes).drop_front(), type.getElementType());
  sizes[0] = e.size(1);
  offsets[0] = e.size(number);
  return tensor::ExtractSliceOp::create(e, part, stacked, offsets, sizes,
                                        strides);
}

} // namespace ashlar
