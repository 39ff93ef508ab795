// Operators that read between elements: GridSample, AffineGrid, DeformConv.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"
#include "passes/convert/Window.h"

using namespace mlir;

namespace ashlar {
namespace {

using Scalars = Emitter::Scalars;
using Values = Emitter::Values;

enum class Border { Zeros, Edge, Reflection };

/// Folds a coordinate back into [low, high] as often as needed.
Scalar reflect(Scalar x, Scalar low, Scalar high) {
  Scalar range = high - low, distance = abs(x - low);
  Scalar safeRange = select(range > 0.0, range, range.same(1.0));
  Scalar period = safeRange * 2.0;
  Scalar rest = distance - floor(distance / period) * period;
  return select(range > 0.0,
                low + select(rest <= safeRange, rest, period - rest), low);
}

/// The sum over all combinations of `count` taps an axis: sums along the last
/// axis are added up along the one before it, and so on.
Scalar sumCorners(size_t rank, size_t count,
                  function_ref<Scalar(ArrayRef<size_t>)> corner) {
  SmallVector<size_t> choice;
  std::function<Scalar()> visit = [&]() -> Scalar {
    if (choice.size() == rank)
      return corner(choice);
    Scalar sum;
    for (size_t i = 0; i < count; ++i) {
      choice.push_back(i);
      Scalar part = visit();
      sum = sum ? sum + part : part;
      choice.pop_back();
    }
    return sum;
  };
  return visit();
}

/// Interpolation at one point of the spatial axes of [batch, channel, ...].
class Sampler {
public:
  Sampler(Emitter &e, Value data, Border border, bool alignCorners)
      : e(e), border(border), sizes(e.sizesOfTensor(data)),
        type(computeType(elementType(data))) {
    sizes.erase(sizes.begin(), sizes.begin() + 2);
    for (Scalar size : sizes) {
      Scalar last = size.to(type) - 1.0;
      low.push_back(real(alignCorners ? 0 : -0.5));
      high.push_back(alignCorners ? last : last + 0.5);
    }
  }

  /// Brings coordinates into the input, where the border says how.
  Scalar confine(Scalar x, size_t axis) {
    if (border == Border::Zeros)
      return x;
    Scalar inside = (x >= low[axis]) & (x <= high[axis]);
    Scalar confined = border == Border::Edge
                          ? clamp(x, real(0), sizes[axis].to(type) - 1.0)
                          : reflect(x, low[axis], high[axis]);
    return select(inside, x, confined);
  }

  /// One element on one axis that counts, with its weight; outside of the input
  /// it may count for nothing.
  struct Tap {
    Scalar index, weight, inside;
  };
  /// Those of each axis.
  using Taps = SmallVector<SmallVector<Tap>>;

  Taps nearest(ArrayRef<Scalar> point) {
    Taps taps;
    for (auto [axis, x] : llvm::enumerate(point))
      taps.push_back({tap(axis, roundEven(x).toIndex(), Scalar())});
    return taps;
  }

  Taps linear(ArrayRef<Scalar> point) {
    Taps taps;
    for (auto [axis, x] : llvm::enumerate(point)) {
      Scalar left = floor(x), fraction = x - left, index = left.toIndex();
      taps.push_back(
          {tap(axis, index, 1.0 - fraction), tap(axis, index + 1, fraction)});
    }
    return taps;
  }

  Taps cubic(ArrayRef<Scalar> point) {
    Taps taps;
    for (auto [axis, x] : llvm::enumerate(point)) {
      Scalar left = floor(x), fraction = x - left, index = left.toIndex();
      SmallVector<Tap> &own = taps.emplace_back();
      Scalar distances[] = {fraction + 1.0, fraction, 1.0 - fraction,
                            2.0 - fraction};
      for (int64_t i = 0; i < 4; ++i)
        own.push_back(
            tap(axis, index + (i - 1),
                i == 1 || i == 2 ? inner(distances[i]) : outer(distances[i])));
    }
    return taps;
  }

  /// One of the combinations of the axes' taps.
  struct Corner {
    Scalars place;
    Scalar weight, inside; // missing where all weigh the same, or count
  };
  static Corner corner(const Taps &taps, ArrayRef<size_t> choice) {
    Corner corner;
    auto both = [](Scalar a, Scalar b, function_ref<Scalar(Scalar, Scalar)> f) {
      return a && b ? f(a, b) : b ? b : a;
    };
    for (auto [axis, number] : llvm::enumerate(choice)) {
      const Tap &own = taps[axis][number];
      corner.place.push_back(own.index);
      corner.weight = both(corner.weight, own.weight,
                           [](Scalar a, Scalar b) { return a * b; });
      corner.inside = both(corner.inside, own.inside,
                           [](Scalar a, Scalar b) { return a & b; });
    }
    return corner;
  }

private:
  static constexpr double sharpness = -0.75;

  Scalar real(double number) { return e.number(type, number); }
  Scalar inner(Scalar d) {
    return ((sharpness + 2) * d - (sharpness + 3)) * d * d + 1.0;
  }
  Scalar outer(Scalar d) {
    return ((sharpness * d - 5 * sharpness) * d + 8 * sharpness) * d -
           4 * sharpness;
  }

  Tap tap(size_t axis, Scalar index, Scalar weight) {
    Scalar inside;
    if (border == Border::Zeros)
      inside = (index >= 0) & (index < sizes[axis]);
    if (border == Border::Reflection)
      index = trunc(reflect(index.to(type), low[axis], high[axis])).toIndex();
    return {clamp(index, e.at(0), sizes[axis] - 1), weight, inside};
  }

  Emitter &e;
  Border border;
  Scalars sizes, low, high;
  Type type;
};

/// Where the corners of each point stand in a channel, and their weights:
/// computed once for all channels. [batch, corner, ...].
struct CornerTables {
  size_t rank, perAxis;
  Type wide;
  Value offsets, weights; // an offset below zero counts for nothing

  CornerTables(Emitter &e, ArrayRef<Scalar> sizes, ArrayRef<Scalar> resultSizes,
               size_t perAxis, Type wide,
               function_ref<Sampler::Taps(ArrayRef<Scalar>)> tapsAt)
      : rank(sizes.size() - 2), perAxis(perAxis), wide(wide) {
    size_t corners = 1;
    for (size_t axis = 0; axis < rank; ++axis)
      corners *= perAxis;
    Scalars points(resultSizes);
    points.erase(points.begin() + 1);
    Scalars tableSizes(resultSizes);
    tableSizes[1] = e.at(corners);
    Values tables = {e.empty(e.fold(tableSizes), e.getIndexType()),
                     e.empty(e.fold(tableSizes), wide)};
    Values filled =
        e.nest(points, tables, [&](ArrayRef<Scalar> at, ValueRange now) {
          Sampler::Taps taps = tapsAt(at);
          Values next(now);
          Scalars entry(at);
          entry.insert(entry.begin() + 1, Scalar());
          int64_t number = 0;
          sumCorners(rank, perAxis, [&](ArrayRef<size_t> choice) {
            Sampler::Corner corner = Sampler::corner(taps, choice);
            Scalar offset = corner.place[0];
            for (size_t axis = 1; axis < rank; ++axis)
              offset = offset * sizes[2 + axis] + corner.place[axis];
            if (corner.inside)
              offset = select(corner.inside, offset, e.at(-1));
            entry[1] = e.at(number++);
            next[0] = e.store(offset, next[0], entry);
            if (corner.weight)
              next[1] = e.store(corner.weight, next[1], entry);
            return Scalar();
          });
          return next;
        });
    offsets = filled[0];
    weights = filled[1];
  }
};

/// Every channel at the points of the tables.
Value samplePlanes(Emitter &e, Value data, RankedTensorType type,
                   ArrayRef<Scalar> resultSizes, const CornerTables &tables) {
  Scalars sizes = e.sizesOfTensor(data);
  Scalar plane = e.at(1);
  for (Scalar size : ArrayRef(sizes).drop_front(2))
    plane = plane * size;
  Value planes = e.reshape(data, e.fold({sizes[0], sizes[1], plane}));
  return e.build(type, resultSizes, [&](ArrayRef<Scalar> at) {
    Scalars entry(at.take_front(resultSizes.size()));
    int64_t number = 0;
    Scalar sum = sumCorners(
        tables.rank, tables.perAxis, [&](ArrayRef<size_t>) -> Scalar {
          entry[1] = e.at(number++);
          Scalar offset = e.load(tables.offsets, entry);
          Scalar element = e.load(planes, {at[0], at[1], max(offset, e.at(0))})
                               .to(tables.wide);
          element = select(offset >= 0, element, element.same(0.0));
          return tables.perAxis == 1 ? element
                                     : element * e.load(tables.weights, entry);
        });
    return sum.to(type.getElementType());
  });
}

Lowered lowerGridSample(onnx::GridSampleOp op, onnx::GridSampleOp::Adaptor in,
                        Emitter &e) {
  RankedTensorType type = e.resultType(0);
  StringRef mode = op.getMode(), padding = op.getPaddingMode();
  if (!isa<FloatType>(type.getElementType()))
    return e.unsupported("on elements that are not floats");
  Border border = padding == "border"       ? Border::Edge
                  : padding == "reflection" ? Border::Reflection
                                            : Border::Zeros;
  bool alignCorners = op.getAlignCorners() != 0;
  Scalars sizes = e.sizesOfTensor(in.getX()),
          gridSizes = e.sizesOfTensor(in.getGrid()), resultSizes;
  size_t rank = sizes.size() - 2;
  Type wide = computeType(type.getElementType());
  resultSizes.assign(sizes.begin(), sizes.begin() + 2);
  resultSizes.append(gridSizes.begin() + 1, gridSizes.end() - 1);
  e.require((gridSizes[0] == sizes[0]) & (gridSizes.back() == e.at(rank)),
            DataError::Shape, "the grid does not fit the input");
  Sampler sampler(e, in.getX(), border, alignCorners);
  auto tapsAt = [&](ArrayRef<Scalar> at) {
    Scalars place(at), point;
    place.emplace_back();
    for (size_t axis = 0; axis < rank; ++axis) {
      // The grid gives the last axis first.
      place.back() = e.at(rank - 1 - axis);
      Scalar normalized = e.load(in.getGrid(), place).to(wide),
             size = sizes[axis + 2].to(wide);
      Scalar x = alignCorners ? (normalized + 1.0) / 2.0 * (size - 1.0)
                              : ((normalized + 1.0) * size - 1.0) / 2.0;
      if (mode == "nearest")
        x = roundEven(x);
      point.push_back(sampler.confine(x, axis));
    }
    return mode == "nearest" ? sampler.nearest(point)
           : mode == "cubic" ? sampler.cubic(point)
                             : sampler.linear(point);
  };
  size_t perAxis = mode == "nearest" ? 1 : mode == "cubic" ? 4 : 2;
  return samplePlanes(
      e, in.getX(), type, resultSizes,
      CornerTables(e, sizes, resultSizes, perAxis, wide, tapsAt));
}

/// Coordinates of a grid, evenly spaced, under an affine map each batch.
Lowered lowerAffineGrid(onnx::AffineGridOp op, onnx::AffineGridOp::Adaptor in,
                        Emitter &e) {
  RankedTensorType type = e.resultType(0);
  Type wide = computeType(type.getElementType());
  int64_t rank = type.getRank() - 2;
  Scalars asked = e.scalarsOf(in.getSize()),
          sizes = {e.sizeOf(in.getTheta(), 0)};
  if (static_cast<int64_t>(asked.size()) != rank + 2)
    return e.invalid("the size has " + Twine(asked.size()) +
                     " elements, expected " + Twine(rank + 2));
  e.require((e.sizeOf(in.getTheta(), 1) == rank) &
                (e.sizeOf(in.getTheta(), 2) == rank + 1),
            DataError::Shape, "theta does not fit the size");
  for (Scalar size : ArrayRef(asked).drop_front(2))
    sizes.push_back(size.toIndex());
  Scalars spatial(ArrayRef(sizes).drop_front());
  sizes.push_back(e.at(rank));
  bool alignCorners = op.getAlignCorners() != 0;
  return e.build(type, sizes, [&](ArrayRef<Scalar> at) {
    Scalar batch = at[0], row = at[rank + 1];
    Scalar sum = e.load(in.getTheta(), {batch, row, e.at(rank)}).to(wide);
    for (int64_t axis = 0; axis < rank; ++axis) {
      Scalar place = at[1 + axis].to(wide), size = spatial[axis].to(wide);
      Scalar x = alignCorners
                     ? place * 2.0 / max(size - 1.0, size.same(1.0)) - 1.0
                     : (place * 2.0 + 1.0) / size - 1.0;
      // The map speaks of the last axis first.
      sum =
          sum +
          e.load(in.getTheta(), {batch, row, e.at(rank - 1 - axis)}).to(wide) *
              x;
    }
    return sum.to(type.getElementType());
  });
}

//===--- DeformConv
//------------------------------------------------------------------------------------------------===//

Lowered lowerDeformConv(onnx::DeformConvOp op, onnx::DeformConvOp::Adaptor in,
                        Emitter &e) {
  RankedTensorType type = e.resultType(0);
  auto weightType = cast<RankedTensorType>(in.getW().getType());
  if (!weightType.hasStaticShape())
    return e.unsupported("with weights of unknown shape");
  WindowAttributes attributes;
  attributes.kernel = weightType.getShape().drop_front(2);
  attributes.strides = op.getStrides().value_or(ArrayRef<int64_t>{});
  attributes.dilations = op.getDilations().value_or(ArrayRef<int64_t>{});
  attributes.pads = op.getPads().value_or(ArrayRef<int64_t>{});
  Window window(e, in.getX(), attributes);
  size_t rank = window.rank();
  int64_t offsetGroups = op.getOffsetGroup();
  int64_t channels = weightType.getDimSize(1),
          filters = weightType.getDimSize(0) / op.getGroup();
  Type wide = computeType(type.getElementType());

  // The axes of the window and of the coordinates come apart.
  auto unfold = [&](Value tensor, bool perAxis) {
    TensorBuilder::Sizes sizes = {e.dim(in.getX(), 0), e.size(offsetGroups)};
    for (int64_t size : window.kernel)
      sizes.push_back(e.size(size));
    if (perAxis)
      sizes.push_back(e.size(rank));
    for (Scalar size : window.positions)
      sizes.push_back(e.fold(size));
    OpFoldResult count = e.product(sizes);
    e.require(e.wrap(count) == e.wrap(e.elementCount(tensor)), DataError::Shape,
              "offsets or mask do not fit the result");
    return e.reshape(tensor, sizes);
  };
  Value offsets = unfold(in.getOffset(), true),
        mask = in.getMask() ? unfold(in.getMask(), false) : Value();
  Scalar perOffsetGroup = floorDiv(e.sizeOf(in.getX(), 1), e.at(offsetGroups));
  Scalars taps = {e.at(channels)};
  for (int64_t size : window.kernel)
    taps.push_back(e.at(size));
  Scalars resultSizes = window.resultSizes(in.getX());
  resultSizes[1] = e.at(weightType.getDimSize(0));
  Sampler sampler(e, in.getX(), Border::Zeros, true);

  return e.build(type, resultSizes, [&](ArrayRef<Scalar> at) {
    ArrayRef<Scalar> position = at.slice(2, rank);
    Scalar start =
        in.getB() ? e.load(in.getB(), at[1]).to(wide) : e.number(wide, 0);
    Scalar sum =
        e.accumulate(taps, start, [&](ArrayRef<Scalar> tap, Scalar soFar) {
          Scalar channel = at[1] / filters * channels + tap[0],
                 group = channel / perOffsetGroup;
          Scalars place = {at[0], group}, point;
          llvm::append_range(place, tap.drop_front());
          Scalars maskPlace(place);
          place.emplace_back();
          llvm::append_range(place, position);
          llvm::append_range(maskPlace, position);
          for (size_t axis = 0; axis < rank; ++axis) {
            place[2 + rank] = e.at(axis);
            Scalar whole = position[axis] * window.strides[axis] +
                           tap[1 + axis] * window.dilations[axis] -
                           window.low[axis];
            point.push_back(whole.to(wide) + e.load(offsets, place).to(wide));
          }
          Scalars weightPlace = {at[1], tap[0]};
          llvm::append_range(weightPlace, tap.drop_front());
          Sampler::Taps taps = sampler.linear(point);
          Scalar sample = sumCorners(rank, 2, [&](ArrayRef<size_t> choice) {
            Sampler::Corner corner = Sampler::corner(taps, choice);
            Scalars place = {at[0], channel};
            place.append(corner.place);
            Scalar element = e.load(in.getX(), place).to(wide);
            return select(corner.inside, element, element.same(0.0)) *
                   corner.weight;
          });
          Scalar term = sample * e.load(in.getW(), weightPlace).to(wide);
          return soFar +
                 (mask ? term * e.load(mask, maskPlace).to(wide) : term);
        });
    return sum.to(type.getElementType());
  });
}

} // namespace

void populateSamplingPatterns(const OnnxTypeConverter &converter,
                              RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerGridSample, lowerAffineGrid,
               lowerDeformConv);
}

} // namespace ashlar
