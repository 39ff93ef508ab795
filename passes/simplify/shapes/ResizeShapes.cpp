// Shapes of resampling: Resize, GridSample, AffineGrid.
#include "dialects/onnx/OnnxOps.h"
#include "passes/simplify/ShapeRegistry.h"

#include <cmath>

using namespace mlir;
using namespace ashlar::onnx;

namespace {

// keep_aspect_ratio_policy: one scale for all the axes, the smallest or the
// largest that the sizes ask for.
void keepAspectRatio(StringRef policy, ArrayRef<int64_t> input,
                     SmallVectorImpl<int64_t> &sizes) {
  if (policy == "stretch" || sizes.empty())
    return;
  double scale = double(sizes[0]) / input[0];
  for (auto [size, extent] : llvm::zip(sizes, input)) {
    double own = double(size) / extent;
    scale =
        policy == "not_larger" ? std::min(scale, own) : std::max(scale, own);
  }
  for (auto [size, extent] : llvm::zip(sizes, input))
    size = int64_t(std::floor(scale * extent + 0.5));
}

LogicalResult applySizes(ResizeOp op, OpShapes &shapes, Shape &dims,
                         ArrayRef<int64_t> axes) {
  auto given = shapes.elements(op.getSizes());
  bool stretch = op.getKeepAspectRatioPolicy() == "stretch";
  if (given && given->size() != axes.size())
    return shapes.error() << "'sizes' has " << given->size()
                          << " entries, expected " << axes.size();
  if (stretch || !given) {
    for (auto [index, axis] : llvm::enumerate(axes))
      dims[axis] = given ? (*given)[index] : shapes.unknown();
    return success();
  }
  SmallVector<int64_t> sizes, extents;
  for (auto [index, axis] : llvm::enumerate(axes)) {
    auto size = (*given)[index].constant(), extent = dims[axis].constant();
    if (size && extent && *extent > 0) {
      sizes.push_back(*size);
      extents.push_back(*extent);
    }
  }
  if (sizes.size() != axes.size()) {
    for (int64_t axis : axes)
      dims[axis] = shapes.unknown();
    return success();
  }
  keepAspectRatio(op.getKeepAspectRatioPolicy(), extents, sizes);
  for (auto [axis, size] : llvm::zip(axes, sizes))
    dims[axis] = size;
  return success();
}

LogicalResult applyScales(ResizeOp op, OpShapes &shapes, Shape &dims,
                          ArrayRef<int64_t> axes) {
  auto scales = shapes.floats(op.getScales());
  if (scales && scales->size() != axes.size())
    return shapes.error() << "'scales' has " << scales->size()
                          << " entries, expected " << axes.size();
  for (auto [index, axis] : llvm::enumerate(axes)) {
    if (!scales) {
      dims[axis] = shapes.unknown();
      continue;
    }
    double scale = (*scales)[index];
    if (!(scale > 0))
      return shapes.error()
             << "'scales' has " << scale << ", expected more than 0";
    if (scale == 1.0)
      continue;
    if (auto size = dims[axis].constant()) {
      double extent = std::floor(double(*size) * scale);
      if (extent > 9e15)
        return shapes.error()
               << "'scales' makes dimension " << axis << " too large";
      dims[axis] = int64_t(extent);
    } else if (scale == std::floor(scale) && scale < 1e9) {
      dims[axis] = shapes.multiply(dims[axis], int64_t(scale));
    } else if (double inverse = 1 / scale;
               inverse == std::floor(inverse) && inverse < 1e9) {
      dims[axis] = shapes.floorDivide(dims[axis], int64_t(inverse));
    } else {
      dims[axis] = shapes.unknown();
    }
  }
  return success();
}

LogicalResult inferResize(ResizeOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getX());
  if (!shapes.ranked(op.getX()))
    return shapes.resultUnranked(op.getY(), element);
  Shape dims(shapes.dims(op.getX()));
  SmallVector<int64_t> listed;
  if (op.getAxes())
    listed.assign(op.getAxes()->begin(), op.getAxes()->end());
  else
    for (size_t i = 0; i < dims.size(); ++i)
      listed.push_back(i);
  auto axes = shapes.axes(listed, dims.size());
  if (failed(axes))
    return failure();
  bool bySizes = op.getSizes() && shapes.length(op.getSizes()) != 0;
  bool byScales = op.getScales() && shapes.length(op.getScales()) != 0;
  if (bySizes == byScales)
    return shapes.error() << "needs either 'scales' or 'sizes'";
  if (failed(bySizes ? applySizes(op, shapes, dims, *axes)
                     : applyScales(op, shapes, dims, *axes)))
    return failure();
  return shapes.result(op.getY(), element, dims);
}

LogicalResult inferGridSample(GridSampleOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getX());
  if (!shapes.ranked(op.getX()) || !shapes.ranked(op.getGrid()))
    return shapes.resultUnranked(op.getY(), element);
  auto x = shapes.dims(op.getX()), grid = shapes.dims(op.getGrid());
  if (x.size() < 3 || grid.size() != x.size())
    return shapes.error() << "'grid' is " << toString(grid)
                          << ", which does not fit " << toString(x);
  if (auto last = grid.back().constant();
      last && *last != int64_t(x.size()) - 2)
    return shapes.error() << "'grid' is " << toString(grid) << ", expected "
                          << x.size() - 2 << " in its last dimension";
  Shape dims{x[0], x[1]};
  llvm::append_range(dims, grid.drop_front().drop_back());
  return shapes.result(op.getY(), element, dims);
}

LogicalResult inferAffineGrid(AffineGridOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getTheta());
  auto size = shapes.elements(op.getSize());
  auto length = shapes.length(op.getSize());
  if (!length)
    return shapes.resultUnranked(op.getGrid(), element);
  if (*length != 4 && *length != 5)
    return shapes.error() << "'size' has " << *length
                          << " entries, expected 4 or 5";
  if (!size)
    size = shapes.unknownDims(*length);
  Shape dims{(*size)[0]};
  llvm::append_range(dims, ArrayRef(*size).drop_front(2));
  dims.push_back(*length - 2);
  return shapes.result(op.getGrid(), element, dims);
}

} // namespace

void ashlar::onnx::registerResizeShapes(ShapeRegistry &registry) {
  registry.add<ResizeOp, inferResize>();
  registry.add<GridSampleOp, inferGridSample>();
  registry.add<AffineGridOp, inferAffineGrid>();
}
