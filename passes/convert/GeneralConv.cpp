// Convolutions in their general form: any rank, any element type, groups. The
// fast forms have patterns of their own.
#include "dialects/onnx/OnnxOps.h"
#include "passes/analysis/TransposedWindow.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"
#include "passes/convert/PlainLoops.h"
#include "passes/convert/Window.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace ashlar {
namespace {

using Scalars = Emitter::Scalars;

/// [N, C, ...] to [N, groups, C / groups, ...], or of weights [F, ...] to
/// [groups, F / groups, ...].
Value splitGroups(Emitter &e, Value tensor, int64_t axis, int64_t groups) {
  TensorBuilder::Sizes sizes = e.dims(tensor);
  sizes[axis] = e.sizeDiv(sizes[axis], e.size(groups));
  sizes.insert(sizes.begin() + axis, e.size(groups));
  return e.reshape(tensor, sizes);
}

/// sum over c and k of padded[n, g, c, o * stride + k * dilation] * weights[g,
/// f, c, k]: result [n, g, f, o...].
Value convolveGroups(Emitter &e, Value padded, Value weights,
                     const Window &window, Type accumulator) {
  int64_t rank = window.rank();
  // Loops: n, g, f, c, the window, and innermost the positions, so that whole
  // rows are updated at once.
  int64_t loops = 4 + 2 * rank;
  AffineExpr n = e.getAffineDimExpr(0), g = e.getAffineDimExpr(1),
             f = e.getAffineDimExpr(2), c = e.getAffineDimExpr(3);
  SmallVector<AffineExpr> read = {n, g, c}, weight = {g, f, c},
                          written = {n, g, f};
  for (int64_t axis = 0; axis < rank; ++axis) {
    AffineExpr inside = e.getAffineDimExpr(4 + axis),
               position = e.getAffineDimExpr(4 + rank + axis);
    read.push_back(position * window.strides[axis] +
                   inside * window.dilations[axis]);
    weight.push_back(inside);
    written.push_back(position);
  }
  auto map = [&](ArrayRef<AffineExpr> results) {
    return AffineMap::get(loops, 0, results, e.getContext());
  };
  SmallVector<utils::IteratorType> iterators(loops,
                                             utils::IteratorType::parallel);
  for (int64_t loop = 3; loop < 4 + rank; ++loop)
    iterators[loop] = utils::IteratorType::reduction;
  TensorBuilder::Sizes sizes = {e.dim(padded, 0), e.dim(weights, 0),
                                e.dim(weights, 1)};
  llvm::append_range(sizes, e.fold(window.positions));
  Value init = e.filled(sizes, e.zero(accumulator));
  auto generic = linalg::GenericOp::create(
      e, TypeRange{init.getType()}, ValueRange{padded, weights},
      ValueRange{init},
      ArrayRef<AffineMap>{map(read), map(weight), map(written)}, iterators,
      [&](OpBuilder &nested, Location loc, ValueRange x) {
        TensorBuilder b(loc, nested);
        Scalar product =
            Scalar(b, x[0]).to(accumulator) * Scalar(b, x[1]).to(accumulator);
        linalg::YieldOp::create(nested, loc,
                                (Scalar(b, x[2]) + product).value());
      });
  return generic.getResult(0);
}

/// [n, g, f, o...] to [n, g * f, o...], with the bias added, as elements of the
/// result.
Value finish(Emitter &e, Value grouped, Value bias, Type element) {
  Value merged = e.flatten(grouped, 1, 3);
  int64_t rank = cast<RankedTensorType>(merged.getType()).getRank();
  if (!bias && elementType(merged) == element)
    return merged;
  SmallVector<Value> inputs = {merged};
  SmallVector<AffineMap> maps = {e.getMultiDimIdentityMap(rank)};
  if (bias) {
    inputs.push_back(bias);
    maps.push_back(
        AffineMap::get(rank, 0, {e.getAffineDimExpr(1)}, e.getContext()));
  }
  return e.generic(e.dims(merged), element, inputs, maps,
                   [&](TensorBuilder &b, ValueRange x) -> Value {
                     Scalar sum(b, x[0]);
                     if (bias)
                       sum = sum + Scalar(b, x[1]).to(sum.type());
                     return sum.to(element);
                   });
}

template <typename OpT>
WindowAttributes attributesOf(OpT op, ArrayRef<int64_t> kernel) {
  WindowAttributes attributes;
  attributes.kernel = kernel;
  attributes.strides = op.getStrides().value_or(ArrayRef<int64_t>{});
  attributes.dilations = op.getDilations().value_or(ArrayRef<int64_t>{});
  attributes.pads = op.getPads().value_or(ArrayRef<int64_t>{});
  attributes.autoPad = op.getAutoPad();
  return attributes;
}

bool hasNegative(std::optional<ArrayRef<int64_t>> pads) {
  return pads && llvm::any_of(*pads, [](int64_t pad) { return pad < 0; });
}

Lowered lowerConv(onnx::ConvOp op, onnx::ConvOp::Adaptor in, Emitter &e) {
  auto weightType = cast<RankedTensorType>(in.getW().getType());
  if (!weightType.hasStaticShape())
    return e.unsupported("with weights of unknown shape");
  if (hasNegative(op.getPads()))
    return e.unsupported("with negative pads");
  warnPlainLoops(op, op.getX(), op.getW(),
                 weightType.getRank() > 5
                     ? "it has more than three spatial axes"
                     : "its automatic padding follows from sizes that are "
                       "not known");
  Type element = e.resultType(0).getElementType();
  int64_t groups = op.getGroup();
  Window window(e, in.getX(),
                attributesOf(op, weightType.getShape().drop_front(2)));
  Value padded = window.pad(in.getX(), e.wrap(e.zero(element)));
  Value sums = convolveGroups(e, splitGroups(e, padded, 1, groups),
                              splitGroups(e, in.getW(), 0, groups), window,
                              computeType(element));
  return finish(e, sums, in.getB(), element);
}

//===--- ConvTranspose
//---------------------------------------------------------------------------------------------===//

/// Where the result of a transposed convolution lies in the full one, on each
/// axis.
struct TransposedGeometry {
  SmallVector<int64_t> strides, dilations, extent;
  Scalars full, low, size;
};

/// Fixes pads and result sizes as the attributes say: output_shape and auto_pad
/// derive the pads.
TransposedGeometry transposedGeometry(onnx::ConvTransposeOp op, Emitter &e,
                                      Value input, ArrayRef<int64_t> kernel) {
  int64_t rank = kernel.size();
  TransposedGeometry geometry;
  geometry.strides = orDefault(op.getStrides(), rank, 1);
  geometry.dilations = orDefault(op.getDilations(), rank, 1);
  SmallVector<int64_t> outputPadding =
                           orDefault(op.getOutputPadding(), rank, 0),
                       pads = orDefault(op.getPads(), 2 * rank, 0);
  bool isSame = op.getAutoPad().starts_with("SAME"),
       moreAtEnd = op.getAutoPad() == "SAME_UPPER";
  ArrayRef<int64_t> wanted = op.getOutputShape().value_or(ArrayRef<int64_t>{});
  for (int64_t axis = 0; axis < rank; ++axis) {
    int64_t stride = geometry.strides[axis],
            extent = (kernel[axis] - 1) * geometry.dilations[axis] + 1;
    geometry.extent.push_back(extent);
    Scalar size = e.sizeOf(input, axis + 2),
           full = (size - 1) * stride + extent;
    geometry.full.push_back(full);
    if (wanted.empty() && !isSame) {
      geometry.low.push_back(e.at(pads[axis]));
      geometry.size.push_back(
          full + (outputPadding[axis] - pads[axis] - pads[axis + rank]));
      continue;
    }
    Scalar target = wanted.empty() ? size * stride
                                   : e.at(wanted[wanted.size() - rank + axis]);
    Scalar total = max(full + outputPadding[axis] - target, e.at(0)),
           half = floorDiv(total, e.at(2));
    geometry.low.push_back(moreAtEnd ? half : total - half);
    geometry.size.push_back(target);
  }
  return geometry;
}

/// The input with zeros between its elements and around them, so that a plain
/// convolution gives the result.
Value spreadInput(Emitter &e, Value input, const TransposedGeometry &geometry) {
  TensorBuilder::Sizes sizes = e.dims(input), to(2, e.size(0)),
                       steps(2, e.size(1)), taken = sizes;
  for (size_t axis = 0; axis < geometry.full.size(); ++axis) {
    // Enough for the full result and for the output padding behind it.
    Scalar reached =
        max(geometry.full[axis], geometry.low[axis] + geometry.size[axis]);
    sizes[axis + 2] = e.fold(reached + (geometry.extent[axis] - 1));
    to.push_back(e.size(geometry.extent[axis] - 1));
    steps.push_back(e.size(geometry.strides[axis]));
  }
  Value zeros = e.filled(sizes, e.zero(elementType(input)));
  return tensor::InsertSliceOp::create(e, input, zeros, to, taken, steps);
}

/// Weights [C, F / groups, k...] to [groups, F / groups, C / groups, k...] with
/// the window turned around.
Value turnWeights(Emitter &e, Value weights, int64_t groups) {
  Value split = splitGroups(e, weights, 0, groups);
  auto type = cast<RankedTensorType>(split.getType());
  SmallVector<int64_t> shape(type.getShape());
  std::swap(shape[1], shape[2]);
  Scalars sizes =
      llvm::map_to_vector<6>(shape, [&](int64_t size) { return e.at(size); });
  return e.build(RankedTensorType::get(shape, type.getElementType()), sizes,
                 [&](ArrayRef<Scalar> at) {
                   Scalars place(at.take_front(shape.size()));
                   std::swap(place[1], place[2]);
                   for (size_t axis = 3; axis < shape.size(); ++axis)
                     place[axis] = (shape[axis] - 1) - place[axis];
                   return e.load(split, place);
                 });
}

/// What keeps a transposed convolution from the kernels.
StringRef reasonAgainstPhases(onnx::ConvTransposeOp op) {
  auto axes = transposedAxesOf(op);
  if (!axes)
    return "its padding follows from the size of the output";
  if (axes->size() > 2)
    return "it has more than two spatial axes";
  if (llvm::any_of(*axes, [](auto &axis) { return axis.dilation != 1; }))
    return "its filter is dilated";
  return "its strides are larger than its filter";
}

Lowered lowerConvTranspose(onnx::ConvTransposeOp op,
                           onnx::ConvTransposeOp::Adaptor in, Emitter &e) {
  auto weightType = cast<RankedTensorType>(in.getW().getType());
  if (!weightType.hasStaticShape())
    return e.unsupported("with weights of unknown shape");
  if (hasNegative(op.getPads()))
    return e.unsupported("with negative pads");
  warnPlainLoops(op, op.getX(), op.getW(), reasonAgainstPhases(op));
  Type element = e.resultType(0).getElementType();
  int64_t groups = op.getGroup();
  ArrayRef<int64_t> kernel = weightType.getShape().drop_front(2);
  TransposedGeometry geometry = transposedGeometry(op, e, in.getX(), kernel);
  Value spread = spreadInput(e, in.getX(), geometry);
  WindowAttributes attributes;
  attributes.kernel = kernel;
  attributes.dilations = geometry.dilations;
  Window window(e, spread, attributes);
  Value sums = convolveGroups(e, splitGroups(e, spread, 1, groups),
                              turnWeights(e, in.getW(), groups), window,
                              computeType(element));
  Value full = finish(e, sums, in.getB(), element);
  TensorBuilder::Sizes sizes = e.dims(full), offsets(2, e.size(0)),
                       strides(sizes.size(), e.size(1));
  for (size_t axis = 0; axis < geometry.size.size(); ++axis) {
    sizes[axis + 2] = e.fold(geometry.size[axis]);
    offsets.push_back(e.fold(geometry.low[axis]));
  }
  return tensor::ExtractSliceOp::create(e, full, offsets, sizes, strides)
      .getResult();
}

} // namespace

void populateGeneralConvPatterns(const OnnxTypeConverter &converter,
                                 RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerConv, lowerConvTranspose);
}

} // namespace ashlar
