// Shapes of operators that only rename elements, and of those that make tensors
// of shapes: Reshape, Flatten, Squeeze, Unsqueeze, Shape, Size,
// ConstantOfShape, Range, Constant.
#include "dialects/onnx/OnnxOps.h"
#include "passes/simplify/ShapeRegistry.h"

#include <cmath>

using namespace mlir;
using namespace ashlar::onnx;

namespace {

LogicalResult inferConstant(ConstantOp op, OpShapes &shapes) {
  ValueFacts facts;
  facts.type = op.getValue().getShapedType();
  for (int64_t size : op.getValue().getShapedType().getShape())
    facts.dims.push_back(size);
  facts.constant = op.getValue();
  return shapes.resultFacts(op.getOutput(), std::move(facts));
}

LogicalResult inferReshape(ReshapeOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getData());
  auto target = shapes.elements(op.getShape());
  auto length = shapes.length(op.getShape());
  bool known = shapes.ranked(op.getData());
  if (!length)
    return shapes.resultUnranked(op.getReshaped(), element);
  if (!target)
    return shapes.result(op.getReshaped(), element,
                         shapes.unknownDims(*length));
  ArrayRef<DimExpr> input;
  if (known)
    input = shapes.dims(op.getData());
  Shape dims;
  int64_t inferredAxis = -1;
  bool open = !known; // some dim may be anything
  for (auto [index, wanted] : llvm::enumerate(*target)) {
    auto value = wanted.constant();
    if (!value && !shapes.nonNegative(wanted)) {
      // Data: it may be a size, -1 or 0.
      dims.push_back(shapes.unknown());
      open = true;
    } else if (value && *value == -1) {
      if (inferredAxis >= 0)
        return shapes.error() << "'shape' has -1 twice";
      inferredAxis = index;
      dims.push_back(1);
    } else if (value && *value == 0 && !op.getAllowzero()) {
      if (known && index >= input.size())
        return shapes.error() << "'shape' copies dimension " << index << " of "
                              << toString(input) << ", which has none";
      dims.push_back(known ? input[index] : shapes.unknown());
    } else if (value && *value < -1) {
      return shapes.error() << "'shape' has " << *value;
    } else {
      dims.push_back(wanted);
    }
  }
  if (inferredAxis >= 0 && open) {
    dims[inferredAxis] = shapes.unknown();
  } else if (inferredAxis >= 0) {
    // Cancel what both sides have, then divide.
    Shape numerator(input), denominator;
    for (auto [index, dim] : llvm::enumerate(dims)) {
      if (int64_t(index) == inferredAxis)
        continue;
      auto *found = llvm::find(numerator, dim);
      if (found != numerator.end() && !dim.is(0))
        numerator.erase(found);
      else
        denominator.push_back(dim);
    }
    DimExpr total = shapes.product(numerator),
            part = shapes.product(denominator);
    auto a = total.constant(), b = part.constant();
    if (b && *b == 0)
      dims[inferredAxis] = 0;
    else if (a && b && *a % *b != 0)
      return shapes.error() << "cannot reshape " << toString(input) << " to "
                            << toString(*target);
    else
      dims[inferredAxis] = shapes.floorDivide(total, part);
  } else if (!open) {
    DimExpr before = shapes.product(input), after = shapes.product(dims);
    if (before.isConstant() && after.isConstant() && before != after)
      return shapes.error() << "cannot reshape " << toString(input) << " to "
                            << toString(dims);
  }
  return shapes.result(op.getReshaped(), element, dims);
}

LogicalResult inferFlatten(FlattenOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getInput());
  if (!shapes.ranked(op.getInput()))
    return shapes.result(op.getOutput(), element, shapes.unknownDims(2));
  auto dims = shapes.dims(op.getInput());
  int64_t rank = dims.size(), axis = op.getAxis();
  if (axis < -rank || axis > rank)
    return shapes.error() << "'axis' is " << axis << ", expected from " << -rank
                          << " to " << rank;
  if (axis < 0)
    axis += rank;
  return shapes.result(op.getOutput(), element,
                       {shapes.product(dims.take_front(axis)),
                        shapes.product(dims.drop_front(axis))});
}

LogicalResult inferSqueeze(SqueezeOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getData());
  if (!shapes.ranked(op.getData()))
    return shapes.resultUnranked(op.getSqueezed(), element);
  auto dims = shapes.dims(op.getData());
  int64_t rank = dims.size();
  Shape result;
  if (!op.getAxes()) {
    // All unit dims: which they are must be known.
    for (const DimExpr &dim : dims) {
      if (!dim.isConstant())
        return shapes.resultUnranked(op.getSqueezed(), element);
      if (!dim.is(1))
        result.push_back(dim);
    }
    return shapes.result(op.getSqueezed(), element, result);
  }
  auto listed = shapes.integers(op.getAxes());
  if (!listed) {
    auto count = shapes.length(op.getAxes());
    return count ? shapes.result(op.getSqueezed(), element,
                                 shapes.unknownDims(rank - *count))
                 : shapes.resultUnranked(op.getSqueezed(), element);
  }
  auto axes = shapes.axes(*listed, rank);
  if (failed(axes))
    return failure();
  for (auto [axis, dim] : llvm::enumerate(dims)) {
    if (!llvm::is_contained(*axes, int64_t(axis)))
      result.push_back(dim);
    else if (dim.isConstant() && !dim.is(1))
      return shapes.error() << "input is " << toString(dims)
                            << ", expected 1 in dimension " << axis;
  }
  return shapes.result(op.getSqueezed(), element, result);
}

LogicalResult inferUnsqueeze(UnsqueezeOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getData());
  auto listed = shapes.integers(op.getAxes());
  auto count = shapes.length(op.getAxes());
  if (!shapes.ranked(op.getData()) || !count)
    return shapes.resultUnranked(op.getExpanded(), element);
  auto dims = shapes.dims(op.getData());
  int64_t rank = dims.size() + *count;
  if (!listed)
    return shapes.result(op.getExpanded(), element, shapes.unknownDims(rank));
  auto axes = shapes.axes(*listed, rank);
  if (failed(axes))
    return failure();
  Shape result;
  for (int64_t axis = 0, next = 0; axis < rank; ++axis)
    result.push_back(llvm::is_contained(*axes, axis) ? DimExpr(1)
                                                     : dims[next++]);
  return shapes.result(op.getExpanded(), element, result);
}

LogicalResult inferShape(ShapeOp op, OpShapes &shapes) {
  Type element = IntegerType::get(op.getContext(), 64);
  if (!shapes.ranked(op.getData()))
    return shapes.result(op.getShape(), element, {shapes.unknown()});
  auto dims = shapes.dims(op.getData());
  int64_t rank = dims.size();
  auto bound = [&](int64_t value) {
    return std::min(std::max<int64_t>(value < 0 ? value + rank : value, 0),
                    rank);
  };
  int64_t start = bound(op.getStart());
  int64_t end = op.getEnd() ? bound(*op.getEnd()) : rank;
  auto part = dims.slice(start, std::max<int64_t>(end - start, 0));
  if (failed(shapes.result(op.getShape(), element, {int64_t(part.size())})))
    return failure();
  shapes.resultElements(op.getShape(), SmallVector<DimExpr, 4>(part));
  return success();
}

LogicalResult inferSize(SizeOp op, OpShapes &shapes) {
  if (failed(shapes.result(op.getSize(), IntegerType::get(op.getContext(), 64),
                           {})))
    return failure();
  if (shapes.ranked(op.getData()))
    shapes.resultElements(op.getSize(),
                          {shapes.product(shapes.dims(op.getData()))});
  return success();
}

LogicalResult inferConstantOfShape(ConstantOfShapeOp op, OpShapes &shapes) {
  Type element = op.getValue() ? op.getValue()->getElementType()
                               : Float32Type::get(op.getContext());
  auto dims = shapes.elements(op.getInput());
  auto length = shapes.length(op.getInput());
  if (!length)
    return shapes.resultUnranked(op.getOutput(), element);
  return shapes.result(op.getOutput(), element,
                       dims ? Shape(*dims) : shapes.unknownDims(*length));
}

LogicalResult inferRange(RangeOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getStart());
  auto start = shapes.elements(op.getStart());
  auto limit = shapes.elements(op.getLimit());
  auto delta = shapes.integers(op.getDelta());
  if (start && limit && delta && start->size() == 1 && limit->size() == 1 &&
      delta->size() == 1) {
    if (delta->front() == 0)
      return shapes.error() << "'delta' is 0";
    bool down = delta->front() < 0;
    DimExpr span = down ? shapes.subtract((*start)[0], (*limit)[0])
                        : shapes.subtract((*limit)[0], (*start)[0]);
    if (auto value = span.constant(); value && *value < 0)
      span = DimExpr(0);
    else if (!value && !shapes.nonNegative(span))
      span = shapes.maximum(span, 0);
    return shapes.result(op.getOutput(), element,
                         {shapes.ceilDivide(span, std::abs(delta->front()))});
  }
  auto from = shapes.floats(op.getStart()), to = shapes.floats(op.getLimit()),
       by = shapes.floats(op.getDelta());
  if (from && to && by && from->size() == 1 && to->size() == 1 &&
      by->size() == 1 && by->front() != 0) {
    double count = std::ceil((to->front() - from->front()) / by->front());
    if (count >= 0 && count < 1e15)
      return shapes.result(op.getOutput(), element, {int64_t(count)});
    return shapes.result(op.getOutput(), element, {0});
  }
  return shapes.result(op.getOutput(), element, {shapes.unknown()});
}

} // namespace

void ashlar::onnx::registerReshapeShapes(ShapeRegistry &registry) {
  registry.add<ConstantOp, inferConstant>();
  registry.add<ReshapeOp, inferReshape>();
  registry.add<FlattenOp, inferFlatten>();
  registry.add<SqueezeOp, inferSqueeze>();
  registry.add<UnsqueezeOp, inferUnsqueeze>();
  registry.add<ShapeOp, inferShape>();
  registry.add<SizeOp, inferSize>();
  registry.add<ConstantOfShapeOp, inferConstantOfShape>();
  registry.add<RangeOp, inferRange>();
}
