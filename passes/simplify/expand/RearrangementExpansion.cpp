// DepthToSpace, SpaceToDepth, CenterCropPad, AffineGrid by reshapes,
// transpositions, slices and arithmetic.
#include "passes/simplify/expand/GraphBuilder.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

LogicalResult expandDepthToSpace(DepthToSpaceOp op, PatternRewriter &rewriter) {
  if (!rankedType(op.getInput()))
    return failure();
  GraphBuilder g(rewriter, op.getLoc());
  Value x = op.getInput();
  int64_t block = op.getBlocksize();
  Size n = g.dim(x, 0), h = g.dim(x, 2), w = g.dim(x, 3);
  Size c = g.dividedBy(g.dim(x, 1), block * block);
  bool depthFirst = op.getMode() == "DCR";
  Value split = depthFirst ? g.reshapeTo(x, {n, block, block, c, h, w})
                           : g.reshapeTo(x, {n, c, block, block, h, w});
  Value moved = depthFirst ? g.transpose(split, {0, 3, 4, 1, 5, 2})
                           : g.transpose(split, {0, 1, 4, 2, 5, 3});
  replaceResult(
      rewriter, op,
      g.reshapeTo(moved, {n, c, g.times(h, block), g.times(w, block)}));
  return success();
}

LogicalResult expandSpaceToDepth(SpaceToDepthOp op, PatternRewriter &rewriter) {
  if (!rankedType(op.getInput()))
    return failure();
  GraphBuilder g(rewriter, op.getLoc());
  Value x = op.getInput();
  int64_t block = op.getBlocksize();
  Size n = g.dim(x, 0), c = g.dim(x, 1);
  Size h = g.dividedBy(g.dim(x, 2), block), w = g.dividedBy(g.dim(x, 3), block);
  Value split = g.reshapeTo(x, {n, c, h, block, w, block});
  Value moved = g.transpose(split, {0, 3, 5, 1, 2, 4});
  replaceResult(rewriter, op,
                g.reshapeTo(moved, {n, g.times(c, block * block), h, w}));
  return success();
}

// Crops or pads each axis about its centre; the odd element goes to the end.
LogicalResult expandCenterCropPad(CenterCropPadOp op,
                                  PatternRewriter &rewriter) {
  auto type = rankedType(op.getInputData());
  auto target = constantIntegers(op.getShape());
  if (!type || !target)
    return failure();
  GraphBuilder g(rewriter, op.getLoc());
  Value x = op.getInputData();
  int64_t rank = type.getRank();
  SmallVector<int64_t> pads(2 * rank, 0);
  bool padded = false;
  for (auto [index, size] : llvm::enumerate(*target)) {
    int64_t axis = op.getAxes() ? (*op.getAxes())[index] : index;
    axis += axis < 0 ? rank : 0;
    if (type.isDynamicDim(axis))
      return failure();
    int64_t have = type.getDimSize(axis);
    if (have > size) {
      int64_t start = (have - size) / 2;
      x = g.slice(x, axis, start, start + size);
    } else if (have < size) {
      pads[axis] = (size - have) / 2;
      pads[rank + axis] = size - have - pads[axis];
      padded = true;
    }
  }
  if (padded)
    x = g.make<PadOp>(g.element(x), {x, g.integers(pads)});
  else if (x == op.getInputData())
    x = g.unary<IdentityOp>(x);
  replaceResult(rewriter, op, x);
  return success();
}

// Coordinates of the centres (or corners) of the cells of an axis, from -1
// to 1.
Value coordinates(GraphBuilder &g, Size size, bool corners, Type element) {
  Value i = g.cast(g.range(size), element);
  Value count = g.cast(g.toScalar(size), element);
  if (corners) {
    Value step = g.div(g.scalar(element, 2.0), g.add(count, -1.0));
    return g.add(g.mul(i, step), -1.0);
  }
  // (2 i + 1) / size - 1
  return g.add(g.div(g.add(g.mul(i, 2.0), 1.0), count), -1.0);
}

LogicalResult expandAffineGrid(AffineGridOp op, PatternRewriter &rewriter) {
  auto sizes = constantIntegers(op.getSize());
  if (!sizes || (sizes->size() != 4 && sizes->size() != 5))
    return failure();
  GraphBuilder g(rewriter, op.getLoc());
  Type element = g.element(op.getTheta());
  int64_t spatial = sizes->size() - 2, points = 1;
  SmallVector<Value> columns;
  SmallVector<Size> grid;
  for (int64_t i = 0; i < spatial; ++i) {
    grid.push_back((*sizes)[i + 2]);
    points *= (*sizes)[i + 2];
  }
  // Homogeneous coordinates, x first: the last axis of the grid.
  for (int64_t i = spatial - 1; i >= 0; --i) {
    Value line = coordinates(g, grid[i], op.getAlignCorners(), element);
    SmallVector<int64_t> shape(spatial, 1);
    shape[i] = (*sizes)[i + 2];
    Value whole = g.expandTo(g.reshape(line, shape), grid);
    columns.push_back(g.reshape(whole, {points, 1}));
  }
  columns.push_back(g.fill({points, 1}, element, 1.0));
  Value homogeneous = g.concat(columns, 1); // [points, spatial + 1]
  Value product = g.matmul(homogeneous, g.transpose(op.getTheta(), {0, 2, 1}));
  SmallVector<Size> target{Size((*sizes)[0])};
  target.append(grid);
  target.push_back(spatial);
  replaceResult(rewriter, op, g.reshapeTo(product, target));
  return success();
}

} // namespace

void ashlar::onnx::populateRearrangementExpansions(
    RewritePatternSet &patterns) {
  patterns.add(expandDepthToSpace);
  patterns.add(expandSpaceToDepth);
  patterns.add(expandCenterCropPad);
  patterns.add(expandAffineGrid);
}
