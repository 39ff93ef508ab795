// Operators of object detectors: NonMaxSuppression, RoiAlign, MaxRoiPool.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"
#include "passes/convert/SortKeys.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <cmath>

using namespace mlir;

namespace ashlar {
namespace {

using Scalars = Emitter::Scalars;
using Values = Emitter::Values;

//===--- NonMaxSuppression
//-----------------------------------------------------------------------------------------===//

struct Box {
  Scalar top, left, bottom, right;

  Scalar area() const { return (bottom - top) * (right - left); }
};

class Suppression {
public:
  Suppression(onnx::NonMaxSuppressionOp op,
              onnx::NonMaxSuppressionOp::Adaptor in, Emitter &e)
      : in(in), e(e), isCentre(op.getCenterPointBox() != 0),
        order(e, e.getF32Type(), /*isUnsigned=*/false, /*descending=*/false),
        batches(e.sizeOf(in.getScores(), 0)),
        classes(e.sizeOf(in.getScores(), 1)),
        boxes(e.sizeOf(in.getScores(), 2)) {}

  Lowered lower() {
    e.require((e.sizeOf(in.getBoxes(), 0) == batches) &
                  (e.sizeOf(in.getBoxes(), 1) == boxes),
              DataError::Shape, "boxes and scores differ in number");
    Scalar limit =
        in.getMaxOutputBoxesPerClass()
            ? e.wrap(e.toScalar(in.getMaxOutputBoxesPerClass())).toIndex()
            : e.at(0);
    limit = clamp(limit, e.at(0), boxes);
    if (in.getIouThreshold())
      iouThreshold = e.wrap(e.toScalar(in.getIouThreshold()));
    else
      iouThreshold = e.number(e.getF32Type(), 0);
    if (in.getScoreThreshold())
      scoreThreshold = e.wrap(e.toScalar(in.getScoreThreshold()));
    Scalar room = batches * classes * limit;
    Value all =
        e.filled({e.fold(room), e.size(3)}, e.integer(e.getI64Type(), 0));
    half = boxes + kBlock;
    SortRoom space = SortRoom::allocate(e, order, half);
    Value chosen =
        e.empty({e.size(kParts), e.fold(limit + kBlock)}, e.getF32Type());
    Values found = e.nest({batches, classes},
                          {e.at(0), all, space.items, space.digits, chosen},
                          [&](ArrayRef<Scalar> at, ValueRange now) {
                            return searchClass(at[0], at[1], limit, now);
                          });
    return cut(found[1], e.wrap(found[0]));
  }

private:
  /// Boxes or scores that are compared in one go.
  static constexpr int64_t kBlock = 32;
  /// Numbers kept of a chosen box: its corners and its area, a row of each.
  static constexpr int64_t kParts = 5;

  /// Chosen boxes of one class are appended to the result: `now` is their
  /// number, the result, space to sort and what is kept of those of one class.
  Values searchClass(Scalar batch, Scalar ofClass, Scalar limit,
                     ValueRange now) {
    Values candidates = findCandidates(batch, ofClass, now[2]);
    Scalar number = e.wrap(candidates[0]), before = e.wrap(now[0]);
    auto [start, sorted] =
        sortByKeys(e, order, {half, candidates[1], now[3]}, number);
    Scalar first = start;
    Value items = sorted.items;
    Values done = e.whileLoop(
        {e.at(0), before, now[1], now[4]},
        [&](ValueRange at) {
          return (e.wrap(at[0]) < number) & (e.wrap(at[1]) - before < limit);
        },
        [&](ValueRange at) {
          Scalar i = e.wrap(at[0]);
          Scalar candidate = clamp(order.placeIn(order.load(items, first + i)),
                                   e.at(0), boxes - 1);
          Values next = append({batch, ofClass, candidate}, before,
                               e.wrap(at[1]), at[2], at[3]);
          next.insert(next.begin(), i + 1);
          return next;
        });
    return Values{done[1], done[2], sorted.items, sorted.digits, done[3]};
  }

  /// The number of boxes with a score above the threshold, and their keys.
  Values findCandidates(Scalar batch, Scalar ofClass, Value items) {
    auto score = [&](Scalar box) {
      return e.load(in.getScores(), {batch, ofClass, box});
    };
    auto isHigh = [&](Scalar box) {
      return scoreThreshold ? score(box) > scoreThreshold : e.truth(true);
    };
    return e.loop(
        e.at(0), ceilDiv(boxes, e.at(kBlock)), {e.at(0), items},
        [&](Scalar block, ValueRange now) {
          Scalar low = block * kBlock, high = min(low + kBlock, boxes);
          return e.branch(
              holdsForAny(e, low, high, isHigh), now.getTypes(),
              [&] {
                return e.loop(low, high, now, [&](Scalar box, ValueRange own) {
                  Scalar count = e.wrap(own[0]);
                  // The highest first and what is no number last. A box that
                  // is no candidate is overwritten by the next one.
                  Scalar item = order.pack(order.keyOf(-score(box)), box);
                  return Values{count + isHigh(box).toIndex(),
                                e.store(item, own[1], count)};
                });
              },
              [&] { return Values(now); });
        });
  }

  /// Appends the candidate unless it overlaps one of its class that was chosen
  /// before it; those are in `chosen`, and begin with `first` in the result.
  Values append(ArrayRef<Scalar> entries, Scalar first, Scalar count,
                Value result, Value chosen) {
    Box own = box(entries[0], entries[2]);
    Scalar place = count - first;
    Value overlaps = e.whileLoop(
        {e.at(0), e.boolean(false)},
        [&](ValueRange now) {
          return (e.wrap(now[0]) < place) & logicalNot(e.wrap(now[1]));
        },
        [&](ValueRange now) {
          Scalar low = e.wrap(now[0]), high = low + kBlock;
          Scalar any = holdsForAny(e, low, high, [&](Scalar i) {
            return isOverlap(own, chosen, i);
          });
          return Values{high, any};
        })[1];
    // There is room: a class has less than its limit here. A suppressed one is
    // overwritten.
    Value written = result;
    for (auto [column, entry] : llvm::enumerate(entries))
      written =
          e.store(entry.to(e.getI64Type()), written, {count, e.at(column)});
    return Values{count + logicalNot(e.wrap(overlaps)).toIndex(), written,
                  keep(own, e.wrap(overlaps), chosen, place)};
  }

  /// Behind the last box there are, up to a whole block, some that are no
  /// numbers and overlap nothing; so is one that is not chosen.
  Value keep(const Box &box, Scalar isSuppressed, Value chosen, Scalar place) {
    Scalar none = e.number(e.getF32Type(), std::nan(""));
    Value cleared = e.branch(
        place % kBlock == 0, chosen.getType(),
        [&] {
          return e.nest({e.at(kParts), e.at(kBlock)}, chosen,
                        [&](ArrayRef<Scalar> at, ValueRange now) {
                          return Values{
                              e.store(none, now[0], {at[0], place + at[1]})};
                        });
        },
        [&] { return Values{chosen}; })[0];
    Scalar parts[] = {select(isSuppressed, none, box.top), box.left, box.bottom,
                      box.right, box.area()};
    for (auto [row, part] : llvm::enumerate(parts))
      cleared = e.store(part, cleared, {e.at(row), place});
    return cleared;
  }

  Box box(Scalar batch, Scalar number) {
    auto part = [&](int64_t i) {
      return e.load(in.getBoxes(), {batch, number, e.at(i)});
    };
    Scalar a = part(0), b = part(1), c = part(2), d = part(3);
    if (isCentre)
      return {b - d / 2.0, a - c / 2.0, b + d / 2.0, a + c / 2.0};
    return {min(a, c), min(b, d), max(a, c), max(b, d)};
  }

  Scalar isOverlap(const Box &x, Value chosen, Scalar i) {
    auto part = [&](int64_t row) { return e.load(chosen, {e.at(row), i}); };
    Scalar zero = x.top.same(0.0);
    Scalar height = max(min(x.bottom, part(2)) - max(x.top, part(0)), zero);
    Scalar width = max(min(x.right, part(3)) - max(x.left, part(1)), zero);
    Scalar common = height * width;
    return common > iouThreshold * (x.area() + part(4) - common);
  }

  Lowered cut(Value all, Scalar count) {
    RankedTensorType type = e.resultType(0);
    if (!type.isDynamicDim(0)) {
      e.require(count == type.getDimSize(0), DataError::Shape,
                "another number of boxes is chosen than declared");
      Scalar room = e.sizeOf(all, 0);
      if (room.constant() && *room.constant() < type.getDimSize(0))
        return e.invalid("more boxes are declared than there are");
      count = e.at(type.getDimSize(0));
    }
    return tensor::ExtractSliceOp::create(
               e, all, TensorBuilder::Sizes{e.size(0), e.size(0)},
               TensorBuilder::Sizes{e.fold(count), e.size(3)},
               TensorBuilder::Sizes{e.size(1), e.size(1)})
        .getResult();
  }

  onnx::NonMaxSuppressionOp::Adaptor in;
  Emitter &e;
  bool isCentre;
  SortKeys order;
  Scalar batches, classes, boxes, half, iouThreshold, scoreThreshold;
};

Lowered lowerNonMaxSuppression(onnx::NonMaxSuppressionOp op,
                               onnx::NonMaxSuppressionOp::Adaptor in,
                               Emitter &e) {
  return Suppression(op, in, e).lower();
}

//===--- RoiAlign
//--------------------------------------------------------------------------------------------------===//

/// One region on the feature map.
struct Region2D {
  Scalar top, left, binHeight, binWidth, rows,
      columns; // rows and columns of samples in a bin
};

class RoiAligner {
public:
  RoiAligner(onnx::RoiAlignOp op, onnx::RoiAlignOp::Adaptor in, Emitter &e)
      : op(op), in(in), e(e), type(e.resultType(0)),
        wide(computeType(type.getElementType())),
        sizes(e.sizesOfTensor(in.getX())) {}

  Lowered lower() {
    if (failed(e.requireIndices(in.getBatchIndices(), sizes[0])))
      return failure();
    e.require(e.sizeOf(in.getBatchIndices(), 0) == e.sizeOf(in.getRois(), 0),
              DataError::Shape, "there is not one batch index for each region");
    Scalars resultSizes = {e.sizeOf(in.getRois(), 0), sizes[1],
                           e.at(op.getOutputHeight()),
                           e.at(op.getOutputWidth())};
    int64_t ratio = op.getSamplingRatio();
    if (ratio > 0 && ratio <= kMostTabulated)
      return lowerByTables(resultSizes, ratio);
    return e.build(type, resultSizes, [&](ArrayRef<Scalar> at) {
      Region2D region = readRegion(at[0]);
      Scalar batch = e.wrapIndex(e.load(in.getBatchIndices(), at[0]), sizes[0]);
      bool isMax = op.getMode() == "max";
      Scalar start = isMax ? e.wrap(e.lowest(wide, false)) : real(0);
      Scalar total =
          e.accumulate({region.rows, region.columns}, start,
                       [&](ArrayRef<Scalar> sample, Scalar soFar) {
                         Scalar y = place(region.top, region.binHeight, at[2],
                                          sample[0], region.rows);
                         Scalar x = place(region.left, region.binWidth, at[3],
                                          sample[1], region.columns);
                         Scalar value = bilinear(batch, at[1], y, x, isMax);
                         return isMax ? max(soFar, value) : soFar + value;
                       });
      if (!isMax)
        total = total / max(region.rows * region.columns, e.at(1)).to(wide);
      return total.to(type.getElementType());
    });
  }

private:
  /// Samples a bin and axis up to which tables are made.
  static constexpr int64_t kMostTabulated = 4;

  Scalar real(double number) { return e.number(wide, number); }

  /// Four elements with their weights.
  struct Corners {
    Scalar top, bottom, left, right;
    std::array<Scalar, 4> weights;
    Scalar isOutside;
  };

  /// Where the samples of all bins stand in a channel and how their neighbours
  /// count is the same for all channels: offsets and weights of
  /// [region, sample, neighbour, bin], an offset below zero where the sample
  /// lies outside.
  Values makeTables(Scalar regions, int64_t ratio) {
    int64_t height = op.getOutputHeight(), width = op.getOutputWidth();
    TensorBuilder::Sizes tableSizes = {e.fold(regions), e.size(ratio * ratio),
                                       e.size(4), e.size(height * width)};
    Values tables = {e.empty(tableSizes, e.getIndexType()),
                     e.empty(tableSizes, wide)};
    Scalars bounds = {regions, e.at(height), e.at(width), e.at(ratio),
                      e.at(ratio)};
    return e.nest(bounds, tables, [&](ArrayRef<Scalar> at, ValueRange now) {
      Region2D region = readRegion(at[0]);
      Corners corners = cornersAt(
          place(region.top, region.binHeight, at[1], at[3], region.rows),
          place(region.left, region.binWidth, at[2], at[4], region.columns));
      Values next(now);
      int64_t number = 0;
      for (Scalar row : {corners.top, corners.bottom})
        for (Scalar column : {corners.left, corners.right}) {
          Scalars entry = {at[0], at[3] * ratio + at[4], e.at(number),
                           at[1] * width + at[2]};
          Scalar offset =
              select(corners.isOutside, e.at(-1), row * sizes[3] + column);
          next[0] = e.store(offset, next[0], entry);
          next[1] = e.store(corners.weights[number++], next[1], entry);
        }
      return next;
    });
  }

  Value lowerByTables(ArrayRef<Scalar> resultSizes, int64_t ratio) {
    Values tables = makeTables(resultSizes[0], ratio);
    Value planes =
        e.reshape(in.getX(), e.fold({sizes[0], sizes[1], sizes[2] * sizes[3]}));
    Scalars flat = {resultSizes[0], resultSizes[1],
                    e.at(op.getOutputHeight() * op.getOutputWidth())};
    bool isMax = op.getMode() == "max";
    Value result = e.build(
        e.tensorType(e.fold(flat), type.getElementType()), flat,
        [&](ArrayRef<Scalar> at) {
          Scalar batch =
              e.wrapIndex(e.load(in.getBatchIndices(), at[0]), sizes[0]);
          Scalar total = isMax ? e.wrap(e.lowest(wide, false)) : real(0);
          for (int64_t sample = 0; sample < ratio * ratio; ++sample) {
            std::array<Scalar, 4> terms;
            Scalar offset;
            for (int64_t i = 0; i < 4; ++i) {
              Scalar entry[] = {at[0], e.at(sample), e.at(i), at[2]};
              offset = e.load(tables[0], entry);
              Scalar element =
                  e.load(planes, {batch, at[1], max(offset, e.at(0))});
              terms[i] = e.load(tables[1], entry) * element.to(wide);
            }
            Scalar value = select(offset < 0, real(0), joined(terms, isMax));
            total = isMax ? max(total, value) : total + value;
          }
          if (!isMax)
            total = total / real(ratio * ratio);
          return total.to(type.getElementType());
        });
    return e.conform(e.reshape(result, e.fold(resultSizes)), type);
  }

  /// For the maximum the largest of the four weighted neighbours, as the
  /// standard has it.
  Scalar joined(const std::array<Scalar, 4> &x, bool isMax) {
    return isMax ? max(max(x[0], x[1]), max(x[2], x[3]))
                 : x[0] + x[1] + x[2] + x[3];
  }

  Region2D readRegion(Scalar number) {
    double scale = op.getSpatialScale().convertToDouble();
    bool isHalfPixel = op.getCoordinateTransformationMode() == "half_pixel";
    double offset = isHalfPixel ? 0.5 : 0;
    auto corner = [&](int64_t i) {
      return e.load(in.getRois(), {number, e.at(i)}).to(wide) * scale - offset;
    };
    Scalar left = corner(0), top = corner(1), right = corner(2),
           bottom = corner(3);
    Scalar width = right - left, height = bottom - top;
    if (!isHalfPixel) {
      // Malformed regions are at least one element large.
      width = max(width, real(1));
      height = max(height, real(1));
    }
    Scalar binHeight = height / static_cast<double>(op.getOutputHeight());
    Scalar binWidth = width / static_cast<double>(op.getOutputWidth());
    int64_t ratio = op.getSamplingRatio();
    // Adaptive: about one sample an element; never so many that a wrong region
    // takes forever.
    auto samples = [&](Scalar bin, Scalar size) {
      return ratio > 0 ? e.at(ratio)
                       : clamp(ceil(bin).toIndex(), e.at(0), size + 1);
    };
    return {top,
            left,
            binHeight,
            binWidth,
            samples(binHeight, sizes[2]),
            samples(binWidth, sizes[3])};
  }

  Scalar place(Scalar start, Scalar bin, Scalar number, Scalar sample,
               Scalar count) {
    return start + number.to(wide) * bin +
           (sample.to(wide) + 0.5) * bin / count.to(wide);
  }

  Corners cornersAt(Scalar y, Scalar x) {
    Scalar height = sizes[2], width = sizes[3];
    Scalar isOutside =
        (y < -1.0) | (y > height.to(wide)) | (x < -1.0) | (x > width.to(wide));
    auto split = [&](Scalar v, Scalar size) {
      v = max(v, real(0));
      Scalar low = clamp(floor(v).toIndex(), e.at(0), size - 1),
             high = min(low + 1, size - 1);
      // At the last element there is nothing to go towards.
      Scalar fraction = select(low >= size - 1, real(0), v - low.to(wide));
      return std::make_tuple(low, high, fraction);
    };
    auto [top, bottom, dy] = split(y, height);
    auto [left, right, dx] = split(x, width);
    return {
        top,
        bottom,
        left,
        right,
        {(1.0 - dy) * (1.0 - dx), (1.0 - dy) * dx, dy * (1.0 - dx), dy * dx},
        isOutside};
  }

  /// The map at a point.
  Scalar bilinear(Scalar batch, Scalar channel, Scalar y, Scalar x,
                  bool isMax) {
    Corners corners = cornersAt(y, x);
    std::array<Scalar, 4> terms = corners.weights;
    size_t number = 0;
    for (Scalar row : {corners.top, corners.bottom})
      for (Scalar column : {corners.left, corners.right}) {
        Scalar element = e.load(in.getX(), {batch, channel, row, column});
        terms[number] = terms[number] * element.to(wide);
        ++number;
      }
    return select(corners.isOutside, real(0), joined(terms, isMax));
  }

  onnx::RoiAlignOp op;
  onnx::RoiAlignOp::Adaptor in;
  Emitter &e;
  RankedTensorType type;
  Type wide;
  Scalars sizes;
};

Lowered lowerRoiAlign(onnx::RoiAlignOp op, onnx::RoiAlignOp::Adaptor in,
                      Emitter &e) {
  return RoiAligner(op, in, e).lower();
}

} // namespace

void populateDetectionPatterns(const OnnxTypeConverter &converter,
                               RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerNonMaxSuppression, lowerRoiAlign);
}

} // namespace ashlar
