#include "passes/simplify/Passes.h"

#include "passes/simplify/PatternMatching.h"
#include "passes/simplify/ShapeAnalysis.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_GROUPQUERIES
#include "passes/simplify/Passes.h.inc"

namespace {

// From this many rows on a product is worth more than the copies of its right
// side, and what follows it should stay in its epilogue.
constexpr int64_t manyRows = 32;

// The right side of a product whose heads are repeated: [..., heads * times,
// N, D] is [..., heads, 1, N, D] spread over `times`.
struct RepeatedHeads {
  Value source;
  int64_t heads, times;
  TransposeOp transpose; // of the last two axes, where there is one
};

class GroupedProduct {
public:
  GroupedProduct(ShapeAnalysis &shapes, MatMulOp op) : shapes(shapes), op(op) {}

  bool match();
  void rewrite();

private:
  bool matchRepeat(ReshapeOp reshape);
  bool swapsLastAxes(TransposeOp transpose) const;
  Value reshapeHeads(OpBuilder &builder, Value value, int64_t heads,
                     int64_t rows);

  ShapeAnalysis &shapes;
  MatMulOp op;
  RepeatedHeads right;
};

bool GroupedProduct::swapsLastAxes(TransposeOp transpose) const {
  int64_t rank = rankedType(transpose.getData()).getRank();
  auto perm = transpose.getPerm();
  if (!perm || rank < 3)
    return false;
  for (int64_t axis = 0; axis + 2 < rank; ++axis)
    if ((*perm)[axis] != axis)
      return false;
  return (*perm)[rank - 1] == rank - 2;
}

bool GroupedProduct::matchRepeat(ReshapeOp reshape) {
  auto expand = reshape.getData().getDefiningOp<ExpandOp>();
  auto merged = rankedType(reshape.getReshaped());
  if (!expand || !merged || merged.getRank() < 3)
    return false;
  auto narrow = rankedType(expand.getInput()),
       wide = rankedType(expand.getOutput());
  int64_t rank = merged.getRank(), axis = rank - 3;
  if (!narrow || !wide || wide.getRank() != rank + 1 ||
      narrow.getRank() != rank + 1 || narrow.getDimSize(axis + 1) != 1)
    return false;
  right.heads = wide.getDimSize(axis);
  right.times = wide.getDimSize(axis + 1);
  if (right.heads <= 0 || right.times <= 1 ||
      merged.getDimSize(axis) != right.heads * right.times)
    return false;
  for (int64_t i = 0; i <= rank; ++i) {
    if (i == axis + 1)
      continue;
    if (!shapes.sameDim(expand.getInput(), i, expand.getOutput(), i))
      return false;
    int64_t after = i > axis ? i - 1 : i;
    if (i != axis &&
        !shapes.sameDim(expand.getOutput(), i, reshape.getReshaped(), after))
      return false;
  }
  right.source = expand.getInput();
  return true;
}

bool GroupedProduct::match() {
  Value b = op.getB();
  if (auto transpose = b.getDefiningOp<TransposeOp>())
    if (rankedType(transpose.getData()) && swapsLastAxes(transpose)) {
      right.transpose = transpose;
      b = transpose.getData();
    }
  auto reshape = b.getDefiningOp<ReshapeOp>();
  if (!reshape || !matchRepeat(reshape))
    return false;
  // The left side has these heads, and few rows.
  auto left = rankedType(op.getA()), result = rankedType(op.getY());
  int64_t rank = rankedType(b).getRank();
  if (!left || !result || left.getRank() != rank || result.getRank() != rank ||
      left.getDimSize(rank - 3) != right.heads * right.times ||
      left.getDimSize(rank - 2) >= manyRows)
    return false;
  for (int64_t axis = 0; axis + 3 < rank; ++axis)
    if (!shapes.sameDim(op.getA(), axis, b, axis))
      return false;
  return true;
}

// The same elements with another number of heads, whose rows are more or fewer
// for it. All other axes are copied.
Value GroupedProduct::reshapeHeads(OpBuilder &builder, Value value,
                                   int64_t heads, int64_t rows) {
  auto type = rankedType(value);
  int64_t rank = type.getRank();
  SmallVector<int64_t> shape(type.getShape()), target(rank, 0);
  shape[rank - 3] = target[rank - 3] = heads;
  shape[rank - 2] = rows;
  target[rank - 2] = -1;
  return ReshapeOp::create(builder, op.getLoc(),
                           RankedTensorType::get(shape, type.getElementType()),
                           value, makeIntegers(builder, op.getLoc(), target),
                           /*allowzero=*/0);
}

void GroupedProduct::rewrite() {
  OpBuilder builder(op);
  Location loc = op.getLoc();
  auto left = rankedType(op.getA()), result = rankedType(op.getY());
  int64_t rank = left.getRank(), rows = left.getDimSize(rank - 2);
  int64_t grouped =
      ShapedType::isDynamic(rows) ? ShapedType::kDynamic : rows * right.times;

  // [..., heads, 1, N, D] -> [..., heads, N, D]
  auto narrow = rankedType(right.source);
  SmallVector<int64_t> shape(narrow.getShape());
  shape.erase(shape.begin() + rank - 2);
  Value b = SqueezeOp::create(
      builder, loc, RankedTensorType::get(shape, narrow.getElementType()),
      right.source, makeIntegers(builder, loc, {rank - 2}));
  if (right.transpose) {
    std::swap(shape[rank - 1], shape[rank - 2]);
    b = TransposeOp::create(
        builder, loc, RankedTensorType::get(shape, narrow.getElementType()), b,
        right.transpose.getPermAttr());
  }
  Value a = reshapeHeads(builder, op.getA(), right.heads, grouped);
  SmallVector<int64_t> sums(result.getShape());
  sums[rank - 3] = right.heads;
  sums[rank - 2] = grouped;
  Value product = MatMulOp::create(
      builder, loc, RankedTensorType::get(sums, result.getElementType()), a, b);
  op.getY().replaceAllUsesWith(reshapeHeads(builder, product,
                                            right.heads * right.times,
                                            result.getDimSize(rank - 2)));
  op.erase();
}

struct GroupQueries : impl::GroupQueriesBase<GroupQueries> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    SmallVector<MatMulOp> products;
    function.walk([&](MatMulOp op) {
      if (op.getB().getDefiningOp<ReshapeOp>() ||
          op.getB().getDefiningOp<TransposeOp>())
        products.push_back(op);
    });
    if (products.empty())
      return;
    ShapeAnalysis shapes(function);
    if (failed(shapes.run()))
      return signalPassFailure();
    for (MatMulOp op : products)
      if (GroupedProduct product(shapes, op); product.match())
        product.rewrite();
  }
};

} // namespace
} // namespace ashlar
