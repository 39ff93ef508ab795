// Normalisations by statistics of the data itself.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/Elementwise.h"
#include "passes/convert/Families.h"
#include "passes/convert/Reduce.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace ashlar {

namespace {

int64_t rankOf(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getRank();
}

SmallVector<int64_t> axesFrom(int64_t first, int64_t rank) {
  return llvm::to_vector(llvm::seq<int64_t>(first, rank));
}

// Elements that make one mean, as a number.
Value countOf(TensorBuilder &b, Value x, ArrayRef<int64_t> axes, Type type) {
  auto sizes = b.dims(x);
  SmallVector<OpFoldResult> reduced =
      llvm::map_to_vector(axes, [&](int64_t axis) { return sizes[axis]; });
  OpFoldResult count = b.product(reduced);
  if (auto known = getConstantIntValue(count))
    return b.scalar(type, static_cast<double>(*known));
  return b.create<arith::UIToFPOp>(type,
                                   b.fromIndex(b.value(count), b.getI64Type()));
}

// Means with unit dims kept, in the compute type.
Value meanOf(TensorBuilder &b, Value x, ArrayRef<int64_t> axes) {
  Type compute = computeType(elementType(x));
  Value count = countOf(b, x, axes, compute);
  return b.map(
      compute, reduceAdd(b, x, axes, /*keepDims=*/true, compute),
      [&](TensorBuilder &b, ValueRange v) { return b.div(v[0], count); });
}

// Mean squares of the distance from `mean`, or of the values themselves.
Value varianceOf(TensorBuilder &b, Value x, Value mean,
                 ArrayRef<int64_t> axes) {
  Type compute = computeType(elementType(x));
  SmallVector<Value> inputs = {x};
  if (mean)
    inputs.push_back(mean);
  Value squares =
      mapComputed(b, compute, inputs, [](TensorBuilder &b, ValueRange v) {
        Value distance = v.size() > 1 ? b.sub(v[0], v[1]) : v[0];
        return b.mul(distance, distance);
      });
  return meanOf(b, squares, axes);
}

// 1 / sqrt(variance + epsilon)
Value inverseDeviation(TensorBuilder &b, Value variance, double epsilon) {
  return mapComputed(b, computeType(elementType(variance)), variance,
                     [&](TensorBuilder &b, ValueRange v) -> Value {
                       return b.create<math::RsqrtOp>(
                           b.add(v[0], b.scalar(v[0].getType(), epsilon)));
                     });
}

// (x - mean) * inverse * scale + bias; mean, scale and bias may be absent.
Value applyNormalization(TensorBuilder &b, Value x, Value mean, Value inverse,
                         Value scale, Value bias) {
  SmallVector<Value> inputs = {x, inverse};
  for (Value optional : {mean, scale, bias})
    if (optional)
      inputs.push_back(optional);
  auto sizes = b.dims(x);
  Type element = elementType(x);
  return b.mapTo(sizes, element, inputs, [&](TensorBuilder &b, ValueRange raw) {
    SmallVector<Value> wide = llvm::map_to_vector<5>(
        raw, [&](Value value) { return b.widen(value); });
    ArrayRef<Value> rest = ArrayRef(wide).drop_front(2);
    auto next = [&rest] {
      Value value = rest.front();
      rest = rest.drop_front();
      return value;
    };
    Value y = mean ? b.sub(wide[0], next()) : wide[0];
    y = b.mul(y, wide[1]);
    if (scale)
      y = b.mul(y, next());
    if (bias)
      y = b.add(y, next());
    return b.narrow(y, element);
  });
}

// A tensor of one value a channel, ready to broadcast against [N, C, ...] of
// this rank.
Value perChannel(TensorBuilder &b, Value channels, int64_t rank) {
  if (!channels || rank <= 2)
    return channels;
  return b.unsqueeze(channels, axesFrom(1, rank - 1));
}

Lowered lowerLayerNormalization(onnx::LayerNormalizationOp op,
                                onnx::LayerNormalizationOp::Adaptor in,
                                TensorBuilder &b) {
  Value x = in.getX();
  auto axis = normalizeAxes(op.getAxis(), rankOf(x));
  if (!axis)
    return b.unsupported("with an axis outside the rank of its input");
  SmallVector<int64_t> axes = axesFrom(axis->front(), rankOf(x));
  Value mean = meanOf(b, x, axes);
  Value inverse = inverseDeviation(b, varianceOf(b, x, mean, axes),
                                   op.getEpsilon().convertToDouble());
  SmallVector<Value> results = {
      applyNormalization(b, x, mean, inverse, in.getScale(), in.getB())};
  for (auto [statistic, result] :
       llvm::zip(std::array{mean, inverse}, op->getResults().drop_front()))
    results.push_back(
        mapComputed(b, elementType(result), statistic,
                    [](TensorBuilder &, ValueRange v) { return v[0]; }));
  return results;
}

template <typename OpT>
Lowered lowerRmsNormalization(OpT op, typename OpT::Adaptor in,
                              TensorBuilder &b) {
  Value x = in.getX();
  auto axis = normalizeAxes(op.getAxis(), rankOf(x));
  if (!axis)
    return b.unsupported("with an axis outside the rank of its input");
  SmallVector<int64_t> axes = axesFrom(axis->front(), rankOf(x));
  Value inverse = inverseDeviation(b, varianceOf(b, x, {}, axes),
                                   op.getEpsilon().convertToDouble());
  SmallVector<Value> results = {
      applyNormalization(b, x, {}, inverse, in.getScale(), {})};
  if (op->getNumResults() > 1)
    results.push_back(inverse);
  return results;
}

Lowered lowerInstanceNormalization(onnx::InstanceNormalizationOp op,
                                   onnx::InstanceNormalizationOp::Adaptor in,
                                   TensorBuilder &b) {
  Value x = in.getInput();
  int64_t rank = rankOf(x);
  SmallVector<int64_t> axes = axesFrom(2, rank);
  Value mean = meanOf(b, x, axes);
  Value inverse = inverseDeviation(b, varianceOf(b, x, mean, axes),
                                   op.getEpsilon().convertToDouble());
  return applyNormalization(b, x, mean, inverse,
                            perChannel(b, in.getScale(), rank),
                            perChannel(b, in.getB(), rank));
}

Lowered lowerGroupNormalization(onnx::GroupNormalizationOp op,
                                onnx::GroupNormalizationOp::Adaptor in,
                                TensorBuilder &b) {
  Value x = in.getX();
  auto sizes = b.dims(x);
  OpFoldResult groups = b.size(op.getNumGroups()),
               members = b.sizeDiv(sizes[1], groups);
  auto split = sizes;
  split[1] = groups;
  split.insert(split.begin() + 2, members);
  Value grouped = b.reshape(x, split);
  int64_t rank = rankOf(grouped);
  SmallVector<int64_t> axes = axesFrom(2, rank);
  Value mean = meanOf(b, grouped, axes);
  Value inverse = inverseDeviation(b, varianceOf(b, grouped, mean, axes),
                                   op.getEpsilon().convertToDouble());
  TensorBuilder::Sizes channels = {groups, members};
  auto spread = [&](Value values) {
    return b.unsqueeze(b.reshape(values, channels), axesFrom(2, rank - 1));
  };
  Value y = applyNormalization(b, grouped, mean, inverse, spread(in.getScale()),
                               spread(in.getBias()));
  return b.reshape(y, sizes);
}

Lowered lowerMeanVariance(onnx::MeanVarianceNormalizationOp op,
                          onnx::MeanVarianceNormalizationOp::Adaptor in,
                          TensorBuilder &b) {
  Value x = in.getX();
  auto axes = normalizeAxes(op.getAxes(), rankOf(x));
  if (!axes)
    return b.unsupported("with an axis outside the rank of its input");
  Value mean = meanOf(b, x, *axes), variance = varianceOf(b, x, mean, *axes);
  return mapComputed(b, elementType(x), {x, mean, variance},
                     [](TensorBuilder &b, ValueRange v) {
                       Value deviation = b.add(b.create<math::SqrtOp>(v[2]),
                                               b.scalar(v[2].getType(), 1e-9));
                       return b.div(b.sub(v[0], v[1]), deviation);
                     });
}

// A row of zeros stays.
Lowered lowerLpNormalization(onnx::LpNormalizationOp op,
                             onnx::LpNormalizationOp::Adaptor in,
                             TensorBuilder &b) {
  Value x = in.getInput();
  auto axes = normalizeAxes(op.getAxis(), rankOf(x));
  if (!axes)
    return b.unsupported("with an axis outside the rank of its input");
  bool euclidean = op.getP() == 2;
  Type compute = computeType(elementType(x));
  Value norms = b.reduce(
      x, *axes, /*keepDims=*/true, b.zero(compute),
      [&](TensorBuilder &b, Value x, Value sum) {
        Value wide = b.widen(x);
        return b.add(sum, euclidean ? b.mul(wide, wide)
                                    : b.create<math::AbsFOp>(wide).getResult());
      });
  return mapComputed(
      b, elementType(x), {x, norms}, [&](TensorBuilder &b, ValueRange v) {
        Value norm =
            euclidean ? b.create<math::SqrtOp>(v[1]).getResult() : v[1];
        Value isZero = b.eq(norm, b.zero(norm.getType()));
        return b.div(v[0], b.select(isZero, b.scalar(norm.getType(), 1), norm));
      });
}

// y = (x - mean) * scale / sqrt(variance + epsilon) + bias with one value a
// channel.
Value normalizeChannels(TensorBuilder &b, onnx::BatchNormalizationOp op,
                        onnx::BatchNormalizationOp::Adaptor in, Value mean,
                        Value variance) {
  double epsilon = op.getEpsilon().convertToDouble();
  int64_t rank = rankOf(in.getX());
  Type compute = computeType(elementType(mean));
  Value factors = mapComputed(b, compute, {in.getScale(), variance},
                              [&](TensorBuilder &b, ValueRange v) {
                                Value inverse = b.create<math::RsqrtOp>(b.add(
                                    v[1], b.scalar(v[1].getType(), epsilon)));
                                return b.mul(v[0], inverse);
                              });
  return applyNormalization(b, in.getX(), perChannel(b, mean, rank),
                            perChannel(b, factors, rank), {},
                            perChannel(b, in.getB(), rank));
}

Lowered lowerBatchNormalization(onnx::BatchNormalizationOp op,
                                onnx::BatchNormalizationOp::Adaptor in,
                                TensorBuilder &b) {
  Value x = in.getX();
  if (!op.getTrainingMode()) {
    SmallVector<Value> results(op->getNumResults());
    results[0] =
        normalizeChannels(b, op, in, in.getInputMean(), in.getInputVar());
    return results;
  }
  SmallVector<int64_t> axes = {0};
  axes.append(axesFrom(2, rankOf(x)));
  Value mean = meanOf(b, x, axes);
  Value variance = varianceOf(b, x, mean, axes);
  mean = b.squeeze(mean, axes), variance = b.squeeze(variance, axes);
  SmallVector<Value> results = {normalizeChannels(b, op, in, mean, variance)};
  double momentum = op.getMomentum().convertToDouble();
  auto running = [&](Value old, Value current) {
    return mapComputed(b, elementType(old), {old, current},
                       [&](TensorBuilder &b, ValueRange v) {
                         Type type = v[0].getType();
                         return b.add(
                             b.mul(v[0], b.scalar(type, momentum)),
                             b.mul(v[1], b.scalar(type, 1 - momentum)));
                       });
  };
  if (op->getNumResults() > 1)
    results.push_back(running(in.getInputMean(), mean));
  if (op->getNumResults() > 2)
    results.push_back(running(in.getInputVar(), variance));
  return results;
}

// Sums of squares over a window of channels, in the compute type.
Value windowSums(TensorBuilder &b, Value x, int64_t size) {
  Type compute = computeType(elementType(x));
  Value squares =
      mapComputed(b, compute, x, [](TensorBuilder &b, ValueRange v) {
        return b.mul(v[0], v[0]);
      });
  int64_t rank = rankOf(x);
  TensorBuilder::Sizes low(rank, b.size(0)), high(rank, b.size(0)),
      padded = b.dims(x);
  low[1] = b.size((size - 1) / 2), high[1] = b.size(size - 1 - (size - 1) / 2);
  padded[1] = b.sizeAdd(padded[1], b.size(size - 1));
  Value zero = b.zero(compute);
  Value wide = b.create<tensor::PadOp>(b.tensorType(padded, compute), squares,
                                       low, high, zero);
  SmallVector<AffineExpr> source;
  for (int64_t dim = 0; dim < rank; ++dim)
    source.push_back(b.getAffineDimExpr(dim));
  AffineMap result = AffineMap::get(rank + 1, 0, source, b.getContext());
  source[1] = source[1] + b.getAffineDimExpr(rank);
  SmallVector<AffineMap> maps = {
      AffineMap::get(rank + 1, 0, source, b.getContext()),
      AffineMap::get(rank + 1, 0, b.getAffineDimExpr(rank), b.getContext()),
      result};
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  iterators.push_back(utils::IteratorType::reduction);
  Value window = b.empty(b.sizes({size}), compute),
        init = b.filled(b.dims(x), zero);
  auto op = b.create<linalg::GenericOp>(
      TypeRange{init.getType()}, ValueRange{wide, window}, ValueRange{init},
      maps, iterators, [](OpBuilder &nested, Location loc, ValueRange v) {
        TensorBuilder inner(loc, nested);
        inner.create<linalg::YieldOp>(inner.add(v[2], v[0]));
      });
  return op.getResult(0);
}

Lowered lowerLrn(onnx::LRNOp op, onnx::LRNOp::Adaptor in, TensorBuilder &b) {
  Value x = in.getX();
  if (rankOf(x) < 2 || op.getSize() < 1)
    return b.unsupported(
        "with an input of less than two dims, or an empty window");
  double alpha =
      op.getAlpha().convertToDouble() / static_cast<double>(op.getSize());
  double beta = op.getBeta().convertToDouble(),
         bias = op.getBias().convertToDouble();
  return mapComputed(
      b, elementType(x), {x, windowSums(b, x, op.getSize())},
      [&](TensorBuilder &b, ValueRange v) {
        Type type = v[0].getType();
        Value base =
            b.add(b.scalar(type, bias), b.mul(b.scalar(type, alpha), v[1]));
        return b.div(v[0], b.create<math::PowFOp>(base, b.scalar(type, beta)));
      });
}

} // namespace

void populateNormalizationPatterns(const OnnxTypeConverter &converter,
                                   RewritePatternSet &patterns) {
  addLowering<onnx::BatchNormalizationOp>(converter, patterns,
                                          lowerBatchNormalization);
  addLowering<onnx::GroupNormalizationOp>(converter, patterns,
                                          lowerGroupNormalization);
  addLowering<onnx::InstanceNormalizationOp>(converter, patterns,
                                             lowerInstanceNormalization);
  addLowering<onnx::LayerNormalizationOp>(converter, patterns,
                                          lowerLayerNormalization);
  addLowering<onnx::LpNormalizationOp>(converter, patterns,
                                       lowerLpNormalization);
  addLowering<onnx::LRNOp>(converter, patterns, lowerLrn);
  addLowering<onnx::MeanVarianceNormalizationOp>(converter, patterns,
                                                 lowerMeanVariance);
  addLowering<onnx::MsSimplifiedLayerNormalizationOp>(
      converter, patterns,
      lowerRmsNormalization<onnx::MsSimplifiedLayerNormalizationOp>);
  addLowering<onnx::RMSNormalizationOp>(
      converter, patterns, lowerRmsNormalization<onnx::RMSNormalizationOp>);
}

} // namespace ashlar
