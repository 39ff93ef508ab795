// Operators of object detectors: NonMaxSuppression, RoiAlign, MaxRoiPool.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"
#include "passes/convert/Sorting.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

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
    SortSpace space = SortSpace::allocate(e, boxes);
    Values found =
        e.nest({batches, classes}, {e.at(0), all, space.order, space.scratch},
               [&](ArrayRef<Scalar> at, ValueRange now) {
                 return searchClass(at[0], at[1], limit, now);
               });
    return cut(found[1], e.wrap(found[0]));
  }

private:
  /// Chosen boxes of one class are appended to the result: `now` is their
  /// number, the result and space to sort.
  Values searchClass(Scalar batch, Scalar ofClass, Scalar limit,
                     ValueRange now) {
    auto score = [&](Scalar box) {
      return e.load(in.getScores(), {batch, ofClass, box});
    };
    SortSpace sorted =
        sortIndices(e, {now[2], now[3]}, boxes,
                    [&](Scalar a, Scalar b) { return score(a) > score(b); });
    Scalar before = e.wrap(now[0]);
    Values chosen = e.loop(
        e.at(0), boxes, {before, now[1]}, [&](Scalar i, ValueRange inner) {
          Scalar count = e.wrap(inner[0]), candidate = e.load(sorted.order, i);
          Scalar isTaken = count - before < limit;
          if (scoreThreshold)
            isTaken = isTaken & (score(candidate) > scoreThreshold);
          Values next = e.branch(
              isTaken, {inner[0].getType(), inner[1].getType()},
              [&] {
                return append(batch, ofClass, candidate, before, count,
                              inner[1]);
              },
              [&] { return Values(inner); });
          return next;
        });
    return Values{chosen[0], chosen[1], sorted.order, sorted.scratch};
  }

  /// Appends the candidate unless it overlaps one that was chosen before it.
  Values append(Scalar batch, Scalar ofClass, Scalar candidate, Scalar first,
                Scalar count, Value result) {
    Box own = box(batch, candidate);
    Scalar overlaps = e.wrap(e.loop(
        first, count, e.boolean(false), [&](Scalar i, ValueRange carried) {
          Scalar other =
              clamp(e.load(result, {i, e.at(2)}).toIndex(), e.at(0), boxes - 1);
          return Values{e.wrap(carried[0]) | isOverlap(own, box(batch, other))};
        })[0]);
    // There is room: a class has less than its limit here. A suppressed one is
    // overwritten.
    Value written = result;
    Scalar entries[] = {batch, ofClass, candidate};
    for (auto [column, entry] : llvm::enumerate(entries))
      written =
          e.store(entry.to(e.getI64Type()), written, {count, e.at(column)});
    return Values{count + logicalNot(overlaps).toIndex(), written};
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

  Scalar isOverlap(const Box &x, const Box &y) {
    Scalar zero = x.top.same(0.0);
    Scalar height = max(min(x.bottom, y.bottom) - max(x.top, y.top), zero);
    Scalar width = max(min(x.right, y.right) - max(x.left, y.left), zero);
    Scalar common = height * width;
    return common > iouThreshold * (x.area() + y.area() - common);
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
  Scalar batches, classes, boxes, iouThreshold, scoreThreshold;
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
  Scalar real(double number) { return e.number(wide, number); }

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

  /// The map at a point; for the maximum the largest of the four weighted
  /// neighbours, as the standard has it.
  Scalar bilinear(Scalar batch, Scalar channel, Scalar y, Scalar x,
                  bool isMax) {
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
    auto at = [&](Scalar row, Scalar column) {
      return e.load(in.getX(), {batch, channel, row, column}).to(wide);
    };
    Scalar a = (1.0 - dy) * (1.0 - dx) * at(top, left),
           b = (1.0 - dy) * dx * at(top, right);
    Scalar c = dy * (1.0 - dx) * at(bottom, left),
           d = dy * dx * at(bottom, right);
    Scalar value = isMax ? max(max(a, b), max(c, d)) : a + b + c + d;
    return select(isOutside, real(0), value);
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
