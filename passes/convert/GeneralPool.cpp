// Pools in their general form: any rank, dilations, ceil_mode, indices, integer
// elements.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"
#include "passes/convert/Window.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace ashlar {
namespace {

using Scalars = Emitter::Scalars;
using Values = Emitter::Values;

template <typename OpT> WindowAttributes attributesOf(OpT op) {
  WindowAttributes attributes;
  attributes.kernel = op.getKernelShape();
  attributes.strides = op.getStrides().value_or(ArrayRef<int64_t>{});
  attributes.dilations = op.getDilations().value_or(ArrayRef<int64_t>{});
  attributes.pads = op.getPads().value_or(ArrayRef<int64_t>{});
  attributes.autoPad = op.getAutoPad();
  attributes.ceilMode = op.getCeilMode();
  return attributes;
}

/// Folds each window of the padded input into the accumulators `inits`. `body`
/// gets the element, then the accumulators; linalg.index gives batch, channel,
/// position and place in the window.
Values foldWindows(
    Emitter &e, const Window &window, Value padded, ValueRange inits,
    function_ref<Values(ArrayRef<Scalar> indices, ValueRange arguments)> body) {
  int64_t rank = window.rank(), loops = 2 + 2 * rank;
  SmallVector<AffineExpr> read = {e.getAffineDimExpr(0), e.getAffineDimExpr(1)},
                          written = read, place;
  for (int64_t axis = 0; axis < rank; ++axis) {
    AffineExpr position = e.getAffineDimExpr(2 + axis),
               inside = e.getAffineDimExpr(2 + rank + axis);
    read.push_back(position * window.strides[axis] +
                   inside * window.dilations[axis]);
    written.push_back(position);
    place.push_back(inside);
  }
  auto map = [&](ArrayRef<AffineExpr> results) {
    return AffineMap::get(loops, 0, results, e.getContext());
  };
  SmallVector<AffineMap> maps = {map(read), map(place)};
  maps.append(inits.size(), map(written));
  SmallVector<utils::IteratorType> iterators(2 + rank,
                                             utils::IteratorType::parallel);
  iterators.append(rank, utils::IteratorType::reduction);
  // The shape of the window is that of an operand nobody reads.
  Value shape = tensor::EmptyOp::create(e, window.kernel, elementType(padded));
  auto generic = linalg::GenericOp::create(
      e, inits.getTypes(), ValueRange{padded, shape}, inits, maps, iterators);
  OpBuilder::InsertionGuard guard(e);
  SmallVector<Type> types = {elementType(padded), elementType(padded)};
  for (Value init : inits)
    types.push_back(elementType(init));
  Block *block = e.createBlock(&generic.getRegion(), {}, types,
                               SmallVector<Location>(types.size(), e.getLoc()));
  Scalars indices;
  Values arguments = {block->getArgument(0)};
  llvm::append_range(arguments, block->getArguments().drop_front(2));
  std::function<void()> addIndices = [&] {
    for (int64_t loop = 0; loop < loops; ++loop)
      indices.push_back(e.wrap(linalg::IndexOp::create(e, loop)));
  };
  if (inits.size() > 1)
    addIndices();
  linalg::YieldOp::create(e, body(indices, arguments));
  return Values(generic.getResults());
}

//===--- MaxPool
//---------------------------------------------------------------------------------------------------===//

/// The number of an element of the input, counted over the whole tensor.
Scalar flatIndex(Emitter &e, const Window &window, Scalar channels,
                 ArrayRef<Scalar> indices, bool columnMajor) {
  int64_t rank = window.rank();
  Scalar index = indices[0] * channels + indices[1], plane = e.at(0),
         scale = e.at(1);
  for (int64_t axis = 0; axis < rank; ++axis) {
    Scalar coordinate = indices[2 + axis] * window.strides[axis] +
                        indices[2 + rank + axis] * window.dilations[axis] -
                        window.low[axis];
    index = index * window.sizes[axis];
    plane = columnMajor ? plane + coordinate * scale
                        : plane * window.sizes[axis] + coordinate;
    scale = scale * window.sizes[axis];
  }
  return index + plane;
}

Lowered lowerMaxPool(onnx::MaxPoolOp op, onnx::MaxPoolOp::Adaptor in,
                     Emitter &e) {
  Value input = in.getX();
  bool isUnsignedInput = isUnsigned(op.getX().getType());
  Window window(e, input, attributesOf(op));
  RankedTensorType type = e.resultType(0);
  Scalars sizes = window.resultSizes(input);
  Scalar lowest = e.wrap(e.lowest(type.getElementType(), isUnsignedInput));
  Value padded = window.pad(input, lowest),
        init = e.allocateFilled(type, sizes, lowest);
  if (op.getNumResults() == 1)
    return foldWindows(
        e, window, padded, init, [&](ArrayRef<Scalar>, ValueRange arguments) {
          return Values{e.max(arguments[0], arguments[1], isUnsignedInput)};
        });
  Value noIndex =
      e.allocateFilled(e.resultType(1), sizes, e.integer(e.getI64Type(), 0));
  Scalar channels = e.sizeOf(input, 1);
  return foldWindows(
      e, window, padded, {init, noIndex},
      [&](ArrayRef<Scalar> indices, ValueRange arguments) {
        Scalar index =
            flatIndex(e, window, channels, indices, op.getStorageOrder() == 1)
                .to(e.getI64Type());
        Scalar larger = e.wrap(arguments[0], isUnsignedInput) >
                        e.wrap(arguments[1], isUnsignedInput);
        Scalar value =
            select(larger, e.wrap(arguments[0]), e.wrap(arguments[1]));
        return Values{value, select(larger, index, e.wrap(arguments[2]))};
      });
}

//===--- AveragePool, LpPool
//---------------------------------------------------------------------------------------===//

/// Sums `term` of the elements of each window, in f32 at least; `finish` makes
/// the result's element of the sum.
Value sumWindows(Emitter &e, const Window &window, Value input,
                 RankedTensorType type, function_ref<Scalar(Scalar)> term,
                 function_ref<Scalar(Scalar, ArrayRef<Scalar>)> finish) {
  Type element = type.getElementType(), wide = computeType(element);
  Scalars sizes = window.resultSizes(input);
  auto wideType = RankedTensorType::get(type.getShape(), wide);
  Value padded = window.pad(input, e.wrap(e.zero(element)));
  Value init = e.allocateFilled(wideType, sizes, e.zero(wide));
  Value sums = foldWindows(e, window, padded, init,
                           [&](ArrayRef<Scalar>, ValueRange arguments) {
                             return Values{e.wrap(arguments[1]) +
                                           term(e.wrap(arguments[0]).to(wide))};
                           })[0];
  return e.build(type, sizes, [&](ArrayRef<Scalar> at) {
    ArrayRef<Scalar> place = at.take_front(type.getRank());
    return finish(e.load(sums, place), place.drop_front(2)).to(element);
  });
}

Lowered lowerAveragePool(onnx::AveragePoolOp op,
                         onnx::AveragePoolOp::Adaptor in, Emitter &e) {
  Window window(e, in.getX(), attributesOf(op));
  return sumWindows(
      e, window, in.getX(), e.resultType(0), [](Scalar x) { return x; },
      [&](Scalar sum, ArrayRef<Scalar> position) {
        if (!window.reachesOutside())
          return sum / window.elements();
        Scalar count = window.countInside(position, op.getCountIncludePad());
        return sum / max(count, e.at(1)).to(sum.type());
      });
}

/// |x|^p, and the p-th root.
Scalar powerOf(Scalar x, int64_t p) {
  if (p == 2)
    return x * x;
  return p == 1 ? abs(x) : pow(abs(x), x.same(p));
}
Scalar rootOf(Scalar x, int64_t p) {
  if (p == 2)
    return sqrt(x);
  return p == 1 ? x : pow(x, x.same(1.0 / p));
}

Lowered lowerLpPool(onnx::LpPoolOp op, onnx::LpPoolOp::Adaptor in, Emitter &e) {
  Window window(e, in.getX(), attributesOf(op));
  int64_t p = op.getP();
  return sumWindows(
      e, window, in.getX(), e.resultType(0),
      [&](Scalar x) { return powerOf(x, p); },
      [&](Scalar sum, ArrayRef<Scalar>) { return rootOf(sum, p); });
}

Lowered lowerGlobalLpPool(onnx::GlobalLpPoolOp op,
                          onnx::GlobalLpPoolOp::Adaptor in, Emitter &e) {
  RankedTensorType type = e.resultType(0);
  Type element = type.getElementType(), wide = computeType(element);
  auto spatial = llvm::to_vector<4>(llvm::seq<int64_t>(2, type.getRank()));
  Value sums = e.reduce(in.getX(), spatial, true, e.zero(wide),
                        [&](TensorBuilder &b, Value x, Value sum) {
                          return Scalar(b, sum) +
                                 powerOf(Scalar(b, x).to(wide), op.getP());
                        });
  return e.map(element, sums, [&](TensorBuilder &b, ValueRange x) -> Value {
    return rootOf(Scalar(b, x[0]), op.getP()).to(element);
  });
}

} // namespace

void populateGeneralPoolPatterns(const OnnxTypeConverter &converter,
                                 RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerMaxPool, lowerAveragePool, lowerLpPool,
               lowerGlobalLpPool);
}

} // namespace ashlar
