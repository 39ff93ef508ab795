// Shapes of operators that read or write by index: Gather*, Scatter*, OneHot,
// and those whose result depends on data.
#include "dialects/onnx/OnnxOps.h"
#include "passes/simplify/ShapeRegistry.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

LogicalResult inferGather(GatherOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getData());
  if (!shapes.ranked(op.getData()) || !shapes.ranked(op.getIndices()))
    return shapes.resultUnranked(op.getOutput(), element);
  auto data = shapes.dims(op.getData()), indices = shapes.dims(op.getIndices());
  auto axis = shapes.axis(op.getAxis(), data.size());
  if (failed(axis))
    return failure();
  Shape dims(data.take_front(*axis));
  llvm::append_range(dims, indices);
  llvm::append_range(dims, data.drop_front(*axis + 1));
  auto limit = data[*axis].constant();
  if (auto constants = shapes.integers(op.getIndices()); constants && limit)
    for (int64_t index : *constants)
      if (index < -*limit || index >= *limit)
        return shapes.error()
               << "index " << index << " is out of range for "
               << "dimension " << *axis << " of " << toString(data);
  return shapes.result(op.getOutput(), element, dims);
}

LogicalResult inferGatherElements(GatherElementsOp op, OpShapes &shapes) {
  if (shapes.ranked(op.getData())) {
    if (failed(shapes.axis(op.getAxis(), shapes.rank(op.getData()))) ||
        failed(shapes.expectRank(op.getIndices(), shapes.rank(op.getData()),
                                 "indices")))
      return failure();
  }
  return shapes.resultShapedLike(op.getOutput(), shapes.element(op.getData()),
                                 op.getIndices());
}

LogicalResult inferGatherND(GatherNDOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getData());
  if (!shapes.ranked(op.getData()) || !shapes.ranked(op.getIndices()))
    return shapes.resultUnranked(op.getOutput(), element);
  auto data = shapes.dims(op.getData()), indices = shapes.dims(op.getIndices());
  int64_t batch = op.getBatchDims();
  if (indices.empty() || batch < 0 || batch >= int64_t(indices.size()) ||
      batch > int64_t(data.size()))
    return shapes.error() << "'indices' is " << toString(indices)
                          << " and 'batch_dims' " << batch
                          << ", which do not fit " << toString(data);
  auto depth = indices.back().constant();
  if (!depth)
    return shapes.resultUnranked(op.getOutput(), element);
  if (*depth + batch > int64_t(data.size()))
    return shapes.error() << "'indices' is " << toString(indices)
                          << ", expected at most " << data.size() - batch
                          << " in its last dimension";
  Shape dims(indices.drop_back());
  llvm::append_range(dims, data.drop_front(batch + *depth));
  return shapes.result(op.getOutput(), element, dims);
}

template <typename Op> LogicalResult inferScatter(Op op, OpShapes &shapes) {
  Value data = op.getData();
  return shapes.resultShapedLike(op.getOutput(), shapes.element(data), data);
}

LogicalResult inferScatterElements(ScatterElementsOp op, OpShapes &shapes) {
  if (shapes.ranked(op.getData())) {
    int64_t rank = shapes.rank(op.getData());
    if (failed(shapes.axis(op.getAxis(), rank)) ||
        failed(shapes.expectRank(op.getIndices(), rank, "indices")) ||
        failed(shapes.expectRank(op.getUpdates(), rank, "updates")))
      return failure();
  }
  return inferScatter(op, shapes);
}

LogicalResult inferTensorScatter(TensorScatterOp op, OpShapes &shapes) {
  return shapes.resultShapedLike(op.getPresentCache(),
                                 shapes.element(op.getPastCache()),
                                 op.getPastCache());
}

LogicalResult inferOneHot(OneHotOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getValues());
  if (!shapes.ranked(op.getIndices()))
    return shapes.resultUnranked(op.getOutput(), element);
  Shape dims(shapes.dims(op.getIndices()));
  auto axis = shapes.axis(op.getAxis(), dims.size() + 1);
  if (failed(axis))
    return failure();
  auto depth = shapes.elements(op.getDepth());
  DimExpr size = depth && depth->size() == 1 ? (*depth)[0] : shapes.unknown();
  if (!depth)
    if (auto constants = shapes.floats(op.getDepth());
        constants && constants->size() == 1 && (*constants)[0] < 1e9)
      size = int64_t((*constants)[0]);
  dims.insert(dims.begin() + *axis, size);
  return shapes.result(op.getOutput(), element, dims);
}

LogicalResult inferNonZero(NonZeroOp op, OpShapes &shapes) {
  Type element = IntegerType::get(op.getContext(), 64);
  DimExpr rank = shapes.ranked(op.getX()) ? DimExpr(shapes.rank(op.getX()))
                                          : shapes.unknown();
  return shapes.result(op.getY(), element, {rank, shapes.unknown()});
}

LogicalResult inferCompress(CompressOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getInput());
  if (!op.getAxis())
    return shapes.result(op.getOutput(), element, {shapes.unknown()});
  if (!shapes.ranked(op.getInput()))
    return shapes.resultUnranked(op.getOutput(), element);
  Shape dims(shapes.dims(op.getInput()));
  auto axis = shapes.axis(*op.getAxis(), dims.size());
  if (failed(axis))
    return failure();
  dims[*axis] = shapes.unknown();
  if (auto taken = shapes.integers(op.getCondition()))
    dims[*axis] = int64_t(llvm::count_if(*taken, [](int64_t c) { return c; }));
  return shapes.result(op.getOutput(), element, dims);
}

LogicalResult inferUnique(UniqueOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getX());
  Type index = IntegerType::get(op.getContext(), 64);
  DimExpr count = shapes.unknown();
  Shape dims{count};
  DimExpr inputs = shapes.unknown();
  if (op.getAxis()) {
    if (!shapes.ranked(op.getX())) {
      (void)shapes.resultUnranked(op.getY(), element);
    } else {
      dims = Shape(shapes.dims(op.getX()));
      auto axis = shapes.axis(*op.getAxis(), dims.size());
      if (failed(axis))
        return failure();
      inputs = dims[*axis];
      dims[*axis] = count;
      (void)shapes.result(op.getY(), element, dims);
    }
  } else {
    if (shapes.ranked(op.getX()))
      inputs = shapes.product(shapes.dims(op.getX()));
    (void)shapes.result(op.getY(), element, dims);
  }
  (void)shapes.result(op.getIndices(), index, {count});
  (void)shapes.result(op.getInverseIndices(), index, {inputs});
  return shapes.result(op.getCounts(), index, {count});
}

LogicalResult inferNonMaxSuppression(NonMaxSuppressionOp op, OpShapes &shapes) {
  if (failed(shapes.expectRank(op.getBoxes(), 3, "boxes")) ||
      failed(shapes.expectRank(op.getScores(), 3, "scores")))
    return failure();
  return shapes.result(op.getSelectedIndices(),
                       IntegerType::get(op.getContext(), 64),
                       {shapes.unknown(), 3});
}

LogicalResult inferRoiAlign(RoiAlignOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getX());
  if (failed(shapes.expectRank(op.getX(), 4, "X")) ||
      failed(shapes.expectRank(op.getRois(), 2, "rois")))
    return failure();
  DimExpr count = shapes.ranked(op.getRois()) ? shapes.dims(op.getRois())[0]
                                              : shapes.unknown();
  DimExpr channels =
      shapes.ranked(op.getX()) ? shapes.dims(op.getX())[1] : shapes.unknown();
  return shapes.result(op.getY(), element,
                       {count, channels, int64_t(op.getOutputHeight()),
                        int64_t(op.getOutputWidth())});
}

LogicalResult inferMaxRoiPool(MaxRoiPoolOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getX());
  if (failed(shapes.expectRank(op.getX(), 4, "X")) ||
      failed(shapes.expectRank(op.getRois(), 2, "rois")))
    return failure();
  if (op.getPooledShape().size() != 2)
    return shapes.error() << "'pooled_shape' has " << op.getPooledShape().size()
                          << " entries, expected 2";
  DimExpr count = shapes.ranked(op.getRois()) ? shapes.dims(op.getRois())[0]
                                              : shapes.unknown();
  DimExpr channels =
      shapes.ranked(op.getX()) ? shapes.dims(op.getX())[1] : shapes.unknown();
  return shapes.result(
      op.getY(), element,
      {count, channels, op.getPooledShape()[0], op.getPooledShape()[1]});
}

} // namespace

void ashlar::onnx::registerIndexingShapes(ShapeRegistry &registry) {
  registry.add<GatherOp, inferGather>();
  registry.add<GatherElementsOp, inferGatherElements>();
  registry.add<GatherNDOp, inferGatherND>();
  registry.add<ScatterElementsOp, inferScatterElements>();
  registry.add<ScatterNDOp, inferScatter>();
  registry.add<TensorScatterOp, inferTensorScatter>();
  registry.add<OneHotOp, inferOneHot>();
  registry.add<NonZeroOp, inferNonZero>();
  registry.add<CompressOp, inferCompress>();
  registry.add<UniqueOp, inferUnique>();
  registry.add<NonMaxSuppressionOp, inferNonMaxSuppression>();
  registry.add<RoiAlignOp, inferRoiAlign>();
  registry.add<MaxRoiPoolOp, inferMaxRoiPool>();
}
