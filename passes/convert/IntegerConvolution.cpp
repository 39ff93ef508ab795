// ConvInteger and QLinearConv.
#include "passes/convert/IntegerContraction.h"

#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"
#include "passes/convert/PlainLoops.h"
#include "passes/convert/Quantization.h"
#include "passes/convert/Window.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;

namespace ashlar {

namespace {

SmallVector<int64_t> listOf(std::optional<ArrayRef<int64_t>> attribute) {
  return attribute ? llvm::to_vector(*attribute) : SmallVector<int64_t>();
}

// Splits an axis into groups and the members of each.
Value splitAxis(Emitter &e, Value tensor, int64_t axis, int64_t groups) {
  auto sizes = e.dims(tensor);
  OpFoldResult members = e.sizeDiv(sizes[axis], e.size(groups));
  sizes[axis] = members;
  sizes.insert(sizes.begin() + axis, e.size(groups));
  return e.reshape(tensor, sizes);
}

// Sums over [N, G, C/G, ...] and [G, M/G, C/G, ...]. The loops are batch,
// group, output channel, input channel, window, position: the innermost runs
// along a row of the input and of the result.
Value convolveGroups(Emitter &e, const QuantizedOperand &x,
                     const QuantizedOperand &w, const Window &window,
                     ArrayRef<OpFoldResult> positions) {
  unsigned spatial = window.rank(), count = 4 + 2 * spatial;
  auto dim = [&](unsigned position) { return e.getAffineDimExpr(position); };
  SmallVector<AffineExpr> input = {dim(0), dim(1), dim(3)},
                          weights = {dim(1), dim(2), dim(3)},
                          output = {dim(0), dim(1), dim(2)};
  SmallVector<utils::IteratorType> iterators(count,
                                             utils::IteratorType::parallel);
  iterators[3] = utils::IteratorType::reduction;
  for (unsigned axis = 0; axis < spatial; ++axis) {
    AffineExpr tap = dim(4 + axis), position = dim(4 + spatial + axis);
    input.push_back(position * window.strides[axis] +
                    tap * window.dilations[axis]);
    weights.push_back(tap);
    output.push_back(position);
    iterators[4 + axis] = utils::IteratorType::reduction;
  }
  auto mapOf = [&](ArrayRef<AffineExpr> results) {
    return AffineMap::get(count, 0, results, e.getContext());
  };
  SmallVector<Value> inputs = {x.tensor, w.tensor};
  SmallVector<AffineMap> maps = {mapOf(input), mapOf(weights)};
  if (x.zeroPoint)
    inputs.push_back(x.zeroPoint), maps.push_back(mapOf({}));
  if (w.zeroPoint) {
    bool each = cast<RankedTensorType>(w.zeroPoint.getType()).getRank() == 2;
    inputs.push_back(w.zeroPoint);
    maps.push_back(each ? mapOf({dim(1), dim(2)}) : mapOf({}));
  }
  auto xSizes = e.dims(x.tensor), wSizes = e.dims(w.tensor);
  TensorBuilder::Sizes sizes = {xSizes[0], xSizes[1], wSizes[1]};
  sizes.append(positions.begin(), positions.end());
  Value init = e.filled(sizes, e.zero(e.getI32Type()));
  maps.push_back(mapOf(output));
  auto op = e.create<linalg::GenericOp>(
      TypeRange{init.getType()}, inputs, ValueRange{init}, maps, iterators,
      [&](OpBuilder &nested, Location loc, ValueRange v) {
        TensorBuilder b(loc, nested);
        Value a = toInt32(b, v[0], x.type), c = toInt32(b, v[1], w.type);
        unsigned next = 2;
        if (x.zeroPoint)
          a = b.sub(a, toInt32(b, v[next++], x.type));
        if (w.zeroPoint)
          c = b.sub(c, toInt32(b, v[next++], w.type));
        b.create<linalg::YieldOp>(b.add(v.back(), b.mul(a, c)));
      });
  return op.getResult(0);
}

// The i32 sums of a convolution of [N, C, ...] with [M, C/G, ...].
template <typename OpT>
Lowered convolve(Emitter &e, OpT op, Value input, Value weights,
                 Value inputZero, Value weightZero) {
  auto xType = cast<RankedTensorType>(input.getType()),
       wType = cast<RankedTensorType>(weights.getType());
  ArrayRef<int64_t> kernel = wType.getShape().drop_front(2);
  warnPlainLoops(
      op, op.getX(), op.getW(),
      xType.getRank() > 4 ? "integers on more than two spatial axes"
      : isa<onnx::QLinearConvOp>(op)
          ? "its scales or zero points are not constants, or not one for the "
            "input"
          : "its input has several zero points, or its automatic padding "
            "follows from sizes that are not known");
  if (xType.getRank() < 3 || wType.getRank() != xType.getRank() ||
      ShapedType::isDynamicShape(kernel))
    return e.unsupported("with weights whose window is not known");
  SmallVector<int64_t> strides = listOf(op.getStrides()),
                       dilations = listOf(op.getDilations()),
                       pads = listOf(op.getPads());
  Window window(e, input, {kernel, strides, dilations, pads, op.getAutoPad()});
  inputZero = unlessZero(inputZero), weightZero = unlessZero(weightZero);
  Value padding =
      inputZero ? e.toScalar(inputZero) : e.zero(xType.getElementType());
  int64_t groups = op.getGroup();
  e.requireSameSize(e.dim(input, 1),
                    e.sizeMul(e.dim(weights, 1), e.size(groups)));
  QuantizedOperand x{
      splitAxis(e, window.pad(input, e.wrap(padding)), 1, groups),
      inputZero ? e.reshape(inputZero, {}) : Value(),
      elementType(op->getOperand(0).getType())};
  QuantizedOperand w{splitAxis(e, weights, 0, groups), weightZero,
                     elementType(op.getW().getType())};
  if (weightZero)
    w.zeroPoint =
        cast<RankedTensorType>(weightZero.getType()).getNumElements() == 1
            ? e.reshape(weightZero, {})
            : splitAxis(e, weightZero, 0, groups);
  auto positions = e.fold(ArrayRef(window.positions));
  Value sums = convolveGroups(e, x, w, window, positions);
  TensorBuilder::Sizes sizes = {e.dim(input, 0), e.dim(weights, 0)};
  sizes.append(positions.begin(), positions.end());
  return e.reshape(sums, sizes);
}

Lowered lowerConvInteger(onnx::ConvIntegerOp op,
                         onnx::ConvIntegerOp::Adaptor in, Emitter &e) {
  return convolve(e, op, in.getX(), in.getW(), in.getXZeroPoint(),
                  in.getWZeroPoint());
}

Lowered lowerQLinearConv(onnx::QLinearConvOp op,
                         onnx::QLinearConvOp::Adaptor in, Emitter &e) {
  Lowered sums = convolve(e, op, in.getX(), in.getW(), in.getXZeroPoint(),
                          in.getWZeroPoint());
  if (sums.failed())
    return sums;
  Value values = sums.getValues()[0];
  int64_t rank = cast<RankedTensorType>(values.getType()).getRank();
  Value scale = requantizationScale(e, in.getXScale(), in.getWScale(),
                                    in.getYScale(), 1, 1, rank);
  Value zeroPoint = unlessZero(in.getYZeroPoint());
  if (zeroPoint)
    zeroPoint = e.reshape(zeroPoint, {});
  Value bias = in.getB() ? alongAxis(e, in.getB(), 1, rank) : Value();
  return requantize(e, values, bias, scale, zeroPoint,
                    elementType(op.getY().getType()));
}

} // namespace

void populateIntegerConvolutionPatterns(const OnnxTypeConverter &converter,
                                        RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerConvInteger, lowerQLinearConv);
}

} // namespace ashlar
