// The ten reductions. What is reduced over may be a constant or, in
// ReduceAxes.cpp, known only when running.
#include "passes/convert/Reduce.h"

#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/Elementwise.h"
#include "passes/convert/Families.h"
#include "passes/convert/ScalarCast.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace ashlar {

std::optional<SmallVector<int64_t>> normalizeAxes(ArrayRef<int64_t> axes,
                                                  int64_t rank) {
  SmallVector<int64_t> result;
  for (int64_t axis : axes) {
    axis += axis < 0 ? rank : 0;
    if (axis < 0 || axis >= rank)
      return std::nullopt;
    if (!llvm::is_contained(result, axis))
      result.push_back(axis);
  }
  llvm::sort(result);
  return result;
}

Value reduceAdd(TensorBuilder &b, Value tensor, ArrayRef<int64_t> axes,
                bool keepDims, Type accumulator) {
  return b.reduce(tensor, axes, keepDims, b.zero(accumulator),
                  [](TensorBuilder &b, Value x, Value sum) {
                    return b.add(sum, b.widen(x));
                  });
}

Value reduceMax(TensorBuilder &b, Value tensor, ArrayRef<int64_t> axes,
                bool keepDims) {
  Type type = computeType(elementType(tensor));
  return b.reduce(tensor, axes, keepDims, b.lowest(type, false),
                  [](TensorBuilder &b, Value x, Value best) {
                    return b.max(best, b.widen(x));
                  });
}

namespace {

enum class Kind {
  L1,
  L2,
  LogSum,
  LogSumExp,
  Max,
  Mean,
  Min,
  Prod,
  Sum,
  SumSquare
};

// One reduction: element by element into an accumulator, and what is done with
// the final value.
class Reduction {
public:
  Reduction(Kind kind, Type element, bool isUnsigned)
      : kind(kind), element(element), isUnsigned(isUnsigned) {
    bool roots =
        kind == Kind::L2 || kind == Kind::LogSum || kind == Kind::LogSumExp;
    accumulator = computeType(element);
    if (roots && isa<IntegerType>(element))
      accumulator = Float64Type::get(element.getContext());
  }

  Type getAccumulatorType() const { return accumulator; }

  Value init(TensorBuilder &b) const {
    switch (kind) {
    case Kind::Max:
      return b.lowest(accumulator, isUnsigned);
    case Kind::Min:
      return b.highest(accumulator, isUnsigned);
    case Kind::Prod:
      return b.scalar(accumulator, 1);
    default:
      return b.zero(accumulator);
    }
  }

  // Not for LogSumExp, which takes several steps.
  Value combine(TensorBuilder &b, Value x, Value sum) const {
    x = toAccumulator(b, x);
    switch (kind) {
    case Kind::L1:
      return b.add(sum, magnitude(b, x));
    case Kind::L2:
    case Kind::SumSquare:
      return b.add(sum, b.mul(x, x));
    case Kind::Max:
      return b.max(sum, x, isUnsigned);
    case Kind::Min:
      return b.min(sum, x, isUnsigned);
    case Kind::Prod:
      return b.mul(sum, x);
    default:
      return b.add(sum, x);
    }
  }

  Value finish(TensorBuilder &b, Value sum, Value shift,
               OpFoldResult count) const {
    switch (kind) {
    case Kind::L2:
      sum = b.create<math::SqrtOp>(sum);
      break;
    case Kind::LogSum:
    case Kind::LogSumExp:
      sum = b.create<math::LogOp>(sum);
      if (shift)
        sum = b.add(sum, shift);
      break;
    case Kind::Mean: {
      Value divisor = b.fromIndex(b.value(count), b.getI64Type());
      sum = b.div(sum, castScalar(b, divisor, b.getI64Type(), accumulator),
                  isUnsigned);
      break;
    }
    default:
      break;
    }
    return castScalar(b, sum, accumulator, element);
  }

  bool finishes() const {
    return accumulator != element || kind == Kind::L2 || kind == Kind::LogSum ||
           kind == Kind::LogSumExp || kind == Kind::Mean;
  }
  Kind getKind() const { return kind; }

  Value toAccumulator(TensorBuilder &b, Value x) const {
    Type from = element;
    if (auto integer = dyn_cast<IntegerType>(from);
        integer && isUnsigned && integer.getWidth() > 1)
      from = b.getIntegerType(integer.getWidth(), /*isSigned=*/false);
    if (from == accumulator || element == accumulator)
      return x;
    return castScalar(b, x, from, accumulator);
  }

private:
  Value magnitude(TensorBuilder &b, Value x) const {
    if (isa<FloatType>(x.getType()))
      return b.create<math::AbsFOp>(x);
    return isUnsigned ? x : b.max(x, b.neg(x));
  }

  Kind kind;
  Type element, accumulator;
  bool isUnsigned;
};

// Folds a tensor over the axes in question, keeping them as unit dims.
using Fold = llvm::function_ref<Value(Value tensor, Value init,
                                      TensorBuilder::Combiner)>;

// What LogSumExp subtracts to keep exp in range: the greatest element, or 0
// where that is not finite.
Value makeShift(TensorBuilder &b, Value data, const Reduction &reduction,
                Fold fold) {
  Type type = reduction.getAccumulatorType();
  Value greatest = fold(data, b.lowest(type, false),
                        [&](TensorBuilder &b, Value x, Value best) {
                          return b.max(best, reduction.toAccumulator(b, x));
                        });
  return b.map(type, greatest, [&](TensorBuilder &b, ValueRange v) {
    Value finite = b.lt(b.create<math::AbsFOp>(v[0]), b.highest(type, false));
    return b.select(finite, v[0], b.zero(type));
  });
}

// The result with unit dims; `count` elements make one.
Value reduceBy(TensorBuilder &b, Value data, const Reduction &reduction,
               OpFoldResult count, Fold fold) {
  Type element = elementType(data);
  if (reduction.getKind() == Kind::LogSumExp) {
    Type type = reduction.getAccumulatorType();
    Value shift = makeShift(b, data, reduction, fold);
    Value powers = b.map(type, {data, shift},
                         [&](TensorBuilder &b, ValueRange v) -> Value {
                           return b.create<math::ExpOp>(
                               b.sub(reduction.toAccumulator(b, v[0]), v[1]));
                         });
    Value sums =
        fold(powers, b.zero(type), [](TensorBuilder &b, Value x, Value sum) {
          return b.add(sum, x);
        });
    return b.map(element, {sums, shift}, [&](TensorBuilder &b, ValueRange v) {
      return reduction.finish(b, v[0], v[1], count);
    });
  }
  Value sums =
      fold(data, reduction.init(b), [&](TensorBuilder &b, Value x, Value sum) {
        return reduction.combine(b, x, sum);
      });
  if (!reduction.finishes())
    return sums;
  return b.map(element, sums, [&](TensorBuilder &b, ValueRange v) {
    return reduction.finish(b, v[0], {}, count);
  });
}

Value reduceStatically(TensorBuilder &b, Value data, ArrayRef<int64_t> axes,
                       bool keepDims, const Reduction &reduction) {
  auto sizes = b.dims(data);
  SmallVector<OpFoldResult> reduced =
      llvm::map_to_vector(axes, [&](int64_t axis) { return sizes[axis]; });
  Value result = reduceBy(
      b, data, reduction, b.product(reduced),
      [&](Value tensor, Value init, TensorBuilder::Combiner combiner) -> Value {
        if (!axes.empty())
          return b.reduce(tensor, axes, /*keepDims=*/true, init, combiner);
        return b.map(init.getType(), tensor,
                     [&](TensorBuilder &b, ValueRange v) {
                       return combiner(b, v[0], init);
                     });
      });
  return keepDims || axes.empty() ? result : b.squeeze(result, axes);
}

Value reduceDynamically(TensorBuilder &b, Value data, Value axes, bool keepDims,
                        bool noopWithEmptyAxes, RankedTensorType type,
                        const Reduction &reduction) {
  AxisMask mask = makeAxisMask(b, data, axes, noopWithEmptyAxes);
  Value result =
      reduceBy(b, data, reduction, mask.count,
               [&](Value tensor, Value init, TensorBuilder::Combiner combiner) {
                 return reduceMasked(b, tensor, mask, init, combiner);
               });
  return shapeMasked(b, result, mask, keepDims, type);
}

template <typename OpT, Kind kind>
Lowered lowerReduce(OpT op, typename OpT::Adaptor in, TensorBuilder &b) {
  Value data = in.getData();
  if (failed(requireNumbers(b, data.getType())))
    return failure();
  int64_t rank = cast<RankedTensorType>(data.getType()).getRank();
  bool keepDims = op.getKeepdims() != 0, noop = op.getNoopWithEmptyAxes() != 0;
  Reduction reduction(kind, elementType(data),
                      isUnsigned(op.getData().getType()));
  SmallVector<int64_t> given;
  if (Value axes = in.getAxes()) {
    auto constant = constantIntegers(axes);
    if (!constant)
      return reduceDynamically(
          b, data, axes, keepDims, noop,
          cast<RankedTensorType>(op.getReduced().getType()), reduction);
    given = *constant;
  }
  if (given.empty() && !noop)
    given = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  auto axes = normalizeAxes(given, rank);
  if (!axes)
    return b.unsupported("with an axis outside the rank of its input");
  return reduceStatically(b, data, *axes, keepDims, reduction);
}

} // namespace

void populateReducePatterns(const OnnxTypeConverter &converter,
                            RewritePatternSet &patterns) {
#define REDUCTION(NAME)                                                        \
  addLowering<onnx::Reduce##NAME##Op>(                                         \
      converter, patterns, lowerReduce<onnx::Reduce##NAME##Op, Kind::NAME>);
  REDUCTION(L1)
  REDUCTION(L2)
  REDUCTION(LogSum)
  REDUCTION(LogSumExp)
  REDUCTION(Max)
  REDUCTION(Mean)
  REDUCTION(Min)
  REDUCTION(Prod)
  REDUCTION(Sum)
  REDUCTION(SumSquare)
#undef REDUCTION
}

} // namespace ashlar
