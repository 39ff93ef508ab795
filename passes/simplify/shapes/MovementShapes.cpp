// Shapes of operators that move elements: Transpose, Concat, Split, Slice, Pad,
// Expand, Tile ...
#include "dialects/onnx/OnnxOps.h"
#include "dialects/onnx/OperatorSchema.h"
#include "passes/simplify/ShapeRegistry.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

LogicalResult inferTranspose(TransposeOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getData());
  if (!shapes.ranked(op.getData()))
    return op.getPerm()
               ? shapes.result(op.getTransposed(), element,
                               shapes.unknownDims(op.getPerm()->size()))
               : shapes.resultUnranked(op.getTransposed(), element);
  auto dims = shapes.dims(op.getData());
  int64_t rank = dims.size();
  Shape result;
  if (!op.getPerm()) {
    result.assign(dims.rbegin(), dims.rend());
    return shapes.result(op.getTransposed(), element, result);
  }
  SmallVector<bool> seen(rank);
  for (int64_t axis : *op.getPerm()) {
    if (axis < 0 || axis >= rank || seen[axis] ||
        int64_t(op.getPerm()->size()) != rank)
      return shapes.error() << "'perm' is no permutation of the " << rank
                            << " dimensions of " << toString(dims);
    seen[axis] = true;
    result.push_back(dims[axis]);
  }
  if (int64_t(result.size()) != rank)
    return shapes.error() << "'perm' has " << result.size()
                          << " entries, expected " << rank;
  return shapes.result(op.getTransposed(), element, result);
}

// Operands that agree in everything but one dim, which adds up.
LogicalResult inferConcatOf(OpShapes &shapes, ValueRange inputs, int64_t axis,
                            Value result, Type element) {
  if (inputs.empty())
    return shapes.error() << "has no input";
  Shape dims;
  for (Value input : inputs)
    if (shapes.ranked(input)) {
      dims.assign(shapes.dims(input).begin(), shapes.dims(input).end());
      break;
    }
  if (dims.empty() && !shapes.allRanked(inputs))
    return shapes.resultUnranked(result, element);
  int64_t rank = dims.size();
  auto along = shapes.axis(axis, rank);
  if (failed(along))
    return failure();
  DimExpr sum(0);
  for (auto [index, input] : llvm::enumerate(inputs)) {
    if (!shapes.ranked(input)) {
      sum = shapes.unknown();
      continue;
    }
    auto next = shapes.dims(input);
    bool fits = int64_t(next.size()) == rank;
    for (int64_t i = 0; fits && i < rank; ++i) {
      if (i == *along)
        continue;
      if (dims[i].isConstant() && next[i].isConstant())
        fits = dims[i] == next[i];
      else if (next[i].isConstant())
        dims[i] = next[i];
    }
    if (!fits) {
      Shape expected = dims;
      expected[*along] = DimExpr::atom(0);
      auto diagnostic = shapes.error()
                        << "input " << index << " is " << toString(next)
                        << ", expected " << toString(expected);
      if (Operation *producer = input.getDefiningOp())
        diagnostic.attachNote(producer->getLoc())
            << "input " << index << " comes from here";
      return diagnostic;
    }
    sum = shapes.add(sum, next[*along]);
  }
  dims[*along] = sum;
  return shapes.result(result, element, dims);
}

LogicalResult inferConcat(ConcatOp op, OpShapes &shapes) {
  return inferConcatOf(shapes, op.getInputs(), op.getAxis(),
                       op.getConcatResult(), shapes.element(op->getOperand(0)));
}

// com.microsoft: values, scales and zero points come in threes.
LogicalResult inferQLinearConcat(MsQLinearConcatOp op, OpShapes &shapes) {
  SmallVector<Value> values;
  for (auto [index, value] : llvm::enumerate(op.getInputs()))
    if (index % 3 == 0)
      values.push_back(value);
  return inferConcatOf(shapes, values, op.getAxis(), op.getY(),
                       shapes.element(op.getYZeroPoint()));
}

LogicalResult inferSplit(SplitOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getInput());
  unsigned count = op->getNumResults();
  if (!shapes.ranked(op.getInput())) {
    for (Value output : op.getOutputs())
      (void)shapes.resultUnranked(output, element);
    return success();
  }
  Shape dims(shapes.dims(op.getInput()));
  auto axis = shapes.axis(op.getAxis(), dims.size());
  if (failed(axis))
    return failure();
  DimExpr whole = dims[*axis];
  std::optional<SmallVector<DimExpr, 4>> sizes;
  if (op.getSplit()) {
    sizes = shapes.elements(op.getSplit());
    if (sizes && sizes->size() != count)
      return shapes.error() << "'split' has " << sizes->size()
                            << " entries, expected " << count;
    DimExpr sum(0);
    if (sizes)
      for (const DimExpr &size : *sizes)
        sum = shapes.add(sum, size);
    if (sizes && failed(shapes.unify(whole, sum, "sum of 'split'")))
      return failure();
  } else {
    if (op.getNumOutputs() && int64_t(*op.getNumOutputs()) != count)
      return shapes.error()
             << "'num_outputs' is " << int64_t(*op.getNumOutputs())
             << ", expected " << count;
    // Equal parts, the last one smaller.
    DimExpr part = shapes.ceilDivide(whole, count);
    sizes.emplace(count, part);
    DimExpr last = shapes.subtract(whole, shapes.multiply(part, count - 1));
    if (auto value = last.constant(); value && *value < 0)
      last = DimExpr(0);
    sizes->back() = last;
  }
  for (auto [index, output] : llvm::enumerate(op.getOutputs())) {
    dims[*axis] = sizes ? (*sizes)[index] : shapes.unknown();
    if (failed(shapes.result(output, element, dims)))
      return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Slice
//===----------------------------------------------------------------------===//

// How many elements a slice takes; unknown bounds give an unknown number.
DimExpr sliceExtent(OpShapes &shapes, const DimExpr &dim, DimExpr start,
                    DimExpr end, int64_t step) {
  auto size = dim.constant(), from = start.constant(), to = end.constant();
  if (size && from && to) {
    auto clamp = [&](int64_t value, int64_t low, int64_t high) {
      if (value < 0)
        value += *size;
      return std::min(std::max(value, low), high);
    };
    int64_t first = step > 0 ? clamp(*from, 0, *size)
                             : clamp(*from, 0, std::max<int64_t>(*size - 1, 0));
    int64_t last = step > 0 ? clamp(*to, 0, *size) : clamp(*to, -1, *size - 1);
    int64_t span = step > 0 ? last - first : first - last;
    return span <= 0 || *size == 0
               ? 0
               : int64_t(llvm::divideCeil(span, std::abs(step)));
  }
  if (step <= 0) {
    // x[::-1]
    bool all = step == -1 && from && to &&
               (*from == -1 || *from >= INT32_MAX) && *to <= -INT32_MAX;
    return all ? dim : shapes.unknown();
  }
  // Negative constants count from the end; beyond it means the end.
  if (to && *to >= INT32_MAX)
    end = dim;
  else if (to && *to < 0)
    end = shapes.maximum(shapes.add(dim, end), 0);
  else if (to || shapes.nonNegative(end))
    end = shapes.minimum(dim, end);
  else
    return shapes.unknown();
  if (from && *from < 0)
    start = shapes.maximum(shapes.add(dim, start), 0);
  else if (from || shapes.nonNegative(start))
    start = start.is(0) ? start : shapes.minimum(dim, start);
  else
    return shapes.unknown();
  DimExpr span = shapes.subtract(end, start);
  if (!shapes.nonNegative(span))
    span = shapes.maximum(span, 0);
  return shapes.ceilDivide(span, step);
}

LogicalResult inferSlice(SliceOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getData());
  if (!shapes.ranked(op.getData()))
    return shapes.resultUnranked(op.getOutput(), element);
  Shape dims(shapes.dims(op.getData()));
  int64_t rank = dims.size();
  auto starts = shapes.elements(op.getStarts());
  auto ends = shapes.elements(op.getEnds());
  auto steps = shapes.integers(op.getSteps());
  auto listed = shapes.integers(op.getAxes());
  auto count = shapes.length(op.getStarts());
  if (!count || (op.getAxes() && !listed))
    return shapes.result(op.getOutput(), element, shapes.unknownDims(rank));
  if (!op.getAxes()) {
    listed.emplace();
    for (int64_t i = 0; i < *count; ++i)
      listed->push_back(i);
  }
  auto axes = shapes.axes(*listed, rank);
  if (failed(axes))
    return failure();
  auto checkCount = [&](Value value, StringRef name) -> LogicalResult {
    auto length = value ? shapes.length(value) : std::nullopt;
    if (length && *length != int64_t(axes->size()))
      return shapes.error() << "'" << name << "' has " << *length
                            << " entries, expected " << axes->size();
    return success();
  };
  if (failed(checkCount(op.getStarts(), "starts")) ||
      failed(checkCount(op.getEnds(), "ends")) ||
      failed(checkCount(op.getSteps(), "steps")))
    return failure();
  for (auto [index, axis] : llvm::enumerate(*axes)) {
    if (!starts || !ends || (op.getSteps() && !steps)) {
      dims[axis] = shapes.unknown();
      continue;
    }
    int64_t step = steps ? (*steps)[index] : 1;
    if (step == 0)
      return shapes.error() << "'steps' has 0";
    dims[axis] =
        sliceExtent(shapes, dims[axis], (*starts)[index], (*ends)[index], step);
  }
  return shapes.result(op.getOutput(), element, dims);
}

//===----------------------------------------------------------------------===//
// Padding, repetition
//===----------------------------------------------------------------------===//

LogicalResult inferPad(PadOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getData());
  if (!shapes.ranked(op.getData()))
    return shapes.resultUnranked(op.getOutput(), element);
  Shape dims(shapes.dims(op.getData()));
  int64_t rank = dims.size();
  auto listed = shapes.integers(op.getAxes());
  if (op.getAxes() && !listed)
    return shapes.result(op.getOutput(), element, shapes.unknownDims(rank));
  if (!op.getAxes()) {
    listed.emplace();
    for (int64_t i = 0; i < rank; ++i)
      listed->push_back(i);
  }
  auto axes = shapes.axes(*listed, rank);
  if (failed(axes))
    return failure();
  auto pads = shapes.elements(op.getPads());
  if (pads && pads->size() != 2 * axes->size())
    return shapes.error() << "'pads' has " << pads->size()
                          << " entries, expected " << 2 * axes->size();
  for (auto [index, axis] : llvm::enumerate(*axes))
    dims[axis] = pads ? shapes.add(shapes.add(dims[axis], (*pads)[index]),
                                   (*pads)[index + axes->size()])
                      : shapes.unknown();
  return shapes.result(op.getOutput(), element, dims);
}

LogicalResult inferExpand(ExpandOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getInput());
  auto target = shapes.elements(op.getShape());
  auto length = shapes.length(op.getShape());
  if (!shapes.ranked(op.getInput()) || !length)
    return shapes.resultUnranked(op.getOutput(), element);
  if (!target)
    return shapes.result(op.getOutput(), element,
                         shapes.unknownDims(std::max<int64_t>(
                             *length, shapes.rank(op.getInput()))));
  auto dims = shapes.broadcastShapes(shapes.dims(op.getInput()), *target);
  if (failed(dims))
    return failure();
  return shapes.result(op.getOutput(), element, *dims);
}

LogicalResult inferTile(TileOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getInput());
  if (!shapes.ranked(op.getInput())) {
    auto length = shapes.length(op.getRepeats());
    return length ? shapes.result(op.getOutput(), element,
                                  shapes.unknownDims(*length))
                  : shapes.resultUnranked(op.getOutput(), element);
  }
  Shape dims(shapes.dims(op.getInput()));
  auto repeats = shapes.elements(op.getRepeats());
  if (repeats && repeats->size() != dims.size())
    return shapes.error() << "'repeats' has " << repeats->size()
                          << " entries, expected " << dims.size();
  for (auto [index, dim] : llvm::enumerate(dims))
    dim = repeats ? shapes.multiply(dim, (*repeats)[index]) : shapes.unknown();
  return shapes.result(op.getOutput(), element, dims);
}

LogicalResult inferDepthToSpace(DepthToSpaceOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getInput());
  if (failed(shapes.expectRank(op.getInput(), 4, "input")))
    return failure();
  if (!shapes.ranked(op.getInput()))
    return shapes.result(op.getOutput(), element, shapes.unknownDims(4));
  auto x = shapes.dims(op.getInput());
  int64_t block = op.getBlocksize();
  if (block < 1 || block > INT16_MAX)
    return shapes.error() << "'blocksize' is " << block
                          << ", expected at least 1";
  if (auto channels = x[1].constant(); channels && *channels % (block * block))
    return shapes.error() << "input has " << *channels
                          << " channels, expected a multiple of "
                          << block * block;
  return shapes.result(op.getOutput(), element,
                       {x[0], shapes.floorDivide(x[1], block * block),
                        shapes.multiply(x[2], block),
                        shapes.multiply(x[3], block)});
}

LogicalResult inferSpaceToDepth(SpaceToDepthOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getInput());
  if (failed(shapes.expectRank(op.getInput(), 4, "input")))
    return failure();
  if (!shapes.ranked(op.getInput()))
    return shapes.result(op.getOutput(), element, shapes.unknownDims(4));
  auto x = shapes.dims(op.getInput());
  int64_t block = op.getBlocksize();
  if (block < 1 || block > INT16_MAX)
    return shapes.error() << "'blocksize' is " << block
                          << ", expected at least 1";
  for (const DimExpr &dim : x.drop_front(2))
    if (auto size = dim.constant(); size && *size % block)
      return shapes.error() << "input is " << toString(x)
                            << ", expected multiples of " << block;
  return shapes.result(op.getOutput(), element,
                       {x[0], shapes.multiply(x[1], block * block),
                        shapes.floorDivide(x[2], block),
                        shapes.floorDivide(x[3], block)});
}

LogicalResult inferFirst(Operation *op, OpShapes &shapes) {
  return shapes.resultShapedLike(
      op->getResult(0), shapes.element(op->getOperand(0)), op->getOperand(0));
}

LogicalResult inferCenterCropPad(CenterCropPadOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getInputData());
  if (!shapes.ranked(op.getInputData()))
    return shapes.resultUnranked(op.getOutputData(), element);
  Shape dims(shapes.dims(op.getInputData()));
  SmallVector<int64_t> listed;
  if (op.getAxes())
    listed.assign(op.getAxes()->begin(), op.getAxes()->end());
  else
    for (size_t i = 0; i < dims.size(); ++i)
      listed.push_back(i);
  auto axes = shapes.axes(listed, dims.size());
  if (failed(axes))
    return failure();
  auto target = shapes.elements(op.getShape());
  if (target && target->size() != axes->size())
    return shapes.error() << "'shape' has " << target->size()
                          << " entries, expected " << axes->size();
  for (auto [index, axis] : llvm::enumerate(*axes))
    dims[axis] = target ? (*target)[index] : shapes.unknown();
  return shapes.result(op.getOutputData(), element, dims);
}

LogicalResult inferEyeLike(EyeLikeOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getInput());
  if (op.getDtype())
    element = elementTypeFromOnnx(op.getContext(), *op.getDtype());
  if (!element)
    return shapes.error() << "unknown element type " << int64_t(*op.getDtype());
  if (failed(shapes.expectRank(op.getInput(), 2, "input")))
    return failure();
  return shapes.resultShapedLike(op.getOutput(), element, op.getInput());
}

} // namespace

void ashlar::onnx::registerMovementShapes(ShapeRegistry &registry) {
  registry.add<TransposeOp, inferTranspose>();
  registry.add<ConcatOp, inferConcat>();
  registry.add<MsQLinearConcatOp, inferQLinearConcat>();
  registry.add<SplitOp, inferSplit>();
  registry.add<SliceOp, inferSlice>();
  registry.add<PadOp, inferPad>();
  registry.add<ExpandOp, inferExpand>();
  registry.add<TileOp, inferTile>();
  registry.add<DepthToSpaceOp, inferDepthToSpace>();
  registry.add<SpaceToDepthOp, inferSpaceToDepth>();
  registry.add<TriluOp, ReverseSequenceOp>(inferFirst);
  registry.add<CenterCropPadOp, inferCenterCropPad>();
  registry.add<EyeLikeOp, inferEyeLike>();
}
