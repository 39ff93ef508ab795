// Resize: axis by axis, from tables of source indices and weights. Coordinates
// are computed in f64, weights and sums in the type that the elements are
// computed in.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace ashlar {
namespace {

using Scalars = Emitter::Scalars;

/// How one axis is resized.
struct ResizedAxis {
  Scalar in, out; // sizes
  Scalar scale;   // f64
  Scalar roiStart, roiEnd;
  bool changes = false;
};

std::optional<double> constantFloat(Scalar x) {
  APFloat number(0.0);
  if (!matchPattern(x.value(), m_ConstantFloat(&number)))
    return std::nullopt;
  return number.convertToDouble();
}

class Resizer {
public:
  Resizer(onnx::ResizeOp op, onnx::ResizeOp::Adaptor in, Emitter &e)
      : op(op), in(in), e(e), type(e.resultType(0)), f64(e.getF64Type()),
        mode(op.getMode()), coordinates(op.getCoordinateTransformationMode()) {}

  Lowered lower() {
    if (mode != "nearest" && mode != "linear" && mode != "cubic")
      return e.unsupported("with mode '" + mode + "'");
    if (failed(readAxes()))
      return failure();
    Value current = in.getX();
    Type element = elementType(current);
    Type wide = isa<FloatType>(element) ? computeType(element) : e.getF32Type();
    bool isUnsignedData = isUnsigned(op.getX().getType());
    bool interpolates =
        mode != "nearest" || coordinates == "tf_crop_and_resize";
    for (auto [axis, resized] : llvm::enumerate(axes)) {
      if (!resized.changes)
        continue;
      if (!resized.in.constant())
        e.require((resized.in > 0) | (resized.out == 0), DataError::Shape,
                  "there is nothing to interpolate");
      if (interpolates && elementType(current) != wide)
        current =
            e.map(wide, current, [&](TensorBuilder &b, ValueRange x) -> Value {
              return Scalar(b, x[0], isUnsignedData).to(wide);
            });
      current = mode == "nearest" ? pickNearest(current, axis)
                                  : interpolate(current, axis);
    }
    if (elementType(current) == element)
      return current;
    return e.map(element, current,
                 [&](TensorBuilder &b, ValueRange x) -> Value {
                   return Scalar(b, x[0]).to(element, isUnsignedData);
                 });
  }

private:
  Scalar real(double number) { return e.number(f64, number); }

  //===--- Sizes and scales
  //----------------------------------------------------------------------------------------===//

  LogicalResult readAxes() {
    Scalars sizes = e.sizesOfTensor(in.getX());
    for (Scalar size : sizes)
      axes.push_back({size, size, real(1), Scalar(), Scalar(), false});
    SmallVector<int64_t> named =
        llvm::to_vector<6>(llvm::seq<int64_t>(0, sizes.size()));
    if (op.getAxes())
      named = SmallVector<int64_t>(*op.getAxes());
    for (int64_t &axis : named)
      axis = wrapAxis(axis, sizes.size());
    readRoi(named);
    auto isGiven = [](Value tensor) {
      return tensor && cast<RankedTensorType>(tensor.getType()).getShape() !=
                           ArrayRef<int64_t>{0};
    };
    Value given = isGiven(in.getSizes()) ? in.getSizes() : in.getScales();
    if (!isGiven(given) ||
        !cast<RankedTensorType>(given.getType()).hasStaticShape())
      return e.unsupported("without scales or sizes of known length");
    Scalars numbers = e.scalarsOf(given);
    if (numbers.size() != named.size())
      return e.invalid("there are " + Twine(numbers.size()) +
                       " scales or sizes, expected " + Twine(named.size()));
    if (given == in.getScales())
      readScales(named, numbers);
    else
      readSizes(named, numbers);
    return success();
  }

  void readRoi(ArrayRef<int64_t> named) {
    if (coordinates != "tf_crop_and_resize" || !in.getRoi())
      return;
    Scalars roi = e.scalarsOf(in.getRoi());
    for (auto [i, axis] : llvm::enumerate(named)) {
      if (roi.size() < 2 * named.size())
        return;
      axes[axis].roiStart = roi[i].to(f64);
      axes[axis].roiEnd = roi[named.size() + i].to(f64);
    }
  }

  /// The declared size wins where it is known; what the data says must agree.
  void setSize(int64_t axis, Scalar size) {
    if (!type.isDynamicDim(axis)) {
      if (!size.constant())
        e.require(size == type.getDimSize(axis), DataError::Shape,
                  "the result has another size than declared");
      size = e.at(type.getDimSize(axis));
    } else if (!size.constant()) {
      e.require(size >= 0, DataError::Value, "a size is negative");
    }
    ResizedAxis &resized = axes[axis];
    resized.out = size;
    bool sameSize = TensorBuilder::sameSize(e.fold(resized.in), e.fold(size));
    bool sameScale = constantFloat(resized.scale) == 1.0 ||
                     (resized.in.constant() == 1 && !op.getExcludeOutside());
    resized.changes = !sameSize || !sameScale || resized.roiStart;
  }

  void readScales(ArrayRef<int64_t> named, ArrayRef<Scalar> numbers) {
    for (auto [axis, number] : llvm::zip(named, numbers)) {
      axes[axis].scale = number.to(f64);
      if (!constantFloat(axes[axis].scale))
        e.require(axes[axis].scale > 0.0, DataError::Value,
                  "a scale is not positive");
      setSize(axis, floor(axes[axis].in.to(f64) * axes[axis].scale).toIndex());
    }
  }

  void readSizes(ArrayRef<int64_t> named, ArrayRef<Scalar> numbers) {
    StringRef policy = op.getKeepAspectRatioPolicy();
    if (policy == "stretch") {
      for (auto [axis, number] : llvm::zip(named, numbers)) {
        Scalar size = type.isDynamicDim(axis) ? number.toIndex()
                                              : e.at(type.getDimSize(axis));
        bool isSame =
            TensorBuilder::sameSize(e.fold(axes[axis].in), e.fold(size));
        axes[axis].scale =
            isSame ? real(1) : size.to(f64) / axes[axis].in.to(f64);
        setSize(axis, number.toIndex());
      }
      return;
    }
    // One scale for all axes, the smallest or largest of those asked for.
    Scalar common;
    for (auto [axis, number] : llvm::zip(named, numbers)) {
      Scalar scale = number.to(f64) / axes[axis].in.to(f64);
      common = !common                  ? scale
               : policy == "not_larger" ? min(common, scale)
                                        : max(common, scale);
    }
    for (int64_t axis : named) {
      axes[axis].scale = common;
      setSize(axis, floor(axes[axis].in.to(f64) * common + 0.5).toIndex());
    }
  }

  //===--- Coordinates
  //---------------------------------------------------------------------------------------------===//

  /// Where in the input the centre of an element of the output lies.
  Scalar source(const ResizedAxis &axis, Scalar position) {
    Scalar x = position.to(f64), in = axis.in.to(f64), width = axis.scale * in;
    if (coordinates == "asymmetric")
      return x / axis.scale;
    if (coordinates == "align_corners")
      return select(width == 1.0, real(0),
                    x * (in - 1.0) /
                        select(width == 1.0, real(1), width - 1.0));
    if (coordinates == "tf_crop_and_resize") {
      Scalar start = axis.roiStart ? axis.roiStart : real(0),
             end = axis.roiEnd ? axis.roiEnd : real(1);
      Scalar extent = (end - start) * (in - 1.0);
      Scalar inside =
          select(width == 1.0, extent / 2.0,
                 x * extent / select(width == 1.0, real(1), width - 1.0));
      return inside + start * (in - 1.0);
    }
    Scalar centre = (x + 0.5) / axis.scale - 0.5;
    if (coordinates == "pytorch_half_pixel")
      return select(width == 1.0, real(-0.5), centre);
    if (coordinates == "half_pixel_symmetric")
      return in / 2.0 * (1.0 - axis.out.to(f64) / width) + centre;
    return centre;
  }

  Scalar clampIndex(const ResizedAxis &axis, Scalar x) {
    return clamp(x.toIndex(), e.at(0), axis.in - 1);
  }

  Scalar nearest(Scalar x) {
    StringRef rounding = op.getNearestMode();
    if (rounding == "floor")
      return floor(x);
    if (rounding == "ceil")
      return ceil(x);
    return rounding == "round_prefer_ceil" ? floor(x + 0.5) : ceil(x - 0.5);
  }

  bool isOutsideChecked() const { return coordinates == "tf_crop_and_resize"; }
  Scalar isOutside(const ResizedAxis &axis, Scalar x) {
    return (x < 0.0) | (x > axis.in.to(f64) - 1.0);
  }

  /// A table with one row for each element of the output along the axis.
  Value table(Type element, ArrayRef<Scalar> sizes, Emitter::Element entry) {
    return e.build(e.tensorType(e.fold(sizes), element), sizes, entry);
  }

  /// The result's shape where one axis has its new size, and the tensor's
  /// element where that axis is at `index`.
  Scalars sizesWith(Value tensor, size_t axis) {
    Scalars sizes = e.sizesOfTensor(tensor);
    sizes[axis] = axes[axis].out;
    return sizes;
  }
  Scalar loadAt(Value tensor, ArrayRef<Scalar> at, size_t axis, Scalar index) {
    Scalars place(at.take_front(axes.size()));
    place[axis] = index;
    return e.load(tensor, place);
  }

  Value pickNearest(Value tensor, size_t axis) {
    const ResizedAxis &resized = axes[axis];
    Value indices =
        table(e.getIndexType(), resized.out, [&](ArrayRef<Scalar> at) {
          return clampIndex(resized, nearest(source(resized, at[0])));
        });
    Value outside;
    if (isOutsideChecked())
      outside = table(e.getI1Type(), resized.out, [&](ArrayRef<Scalar> at) {
        return isOutside(resized, source(resized, at[0]));
      });
    Scalars sizes = sizesWith(tensor, axis);
    return e.build(e.tensorType(e.fold(sizes), elementType(tensor)), sizes,
                   [&](ArrayRef<Scalar> at) {
                     Scalar element =
                         loadAt(tensor, at, axis, e.load(indices, at[axis]));
                     return outside ? select(e.load(outside, at[axis]),
                                             extrapolation(element), element)
                                    : element;
                   });
  }

  Scalar extrapolation(Scalar like) {
    return like.same(op.getExtrapolationValue().convertToDouble());
  }

  //===--- Weights
  //-------------------------------------------------------------------------------------------------===//

  bool isAntialiased() { return op.getAntialias() != 0; }

  /// The kernel at a distance, already scaled.
  Scalar kernel(Scalar distance) {
    Scalar d = abs(distance);
    if (mode == "linear")
      return max(1.0 - d, real(0));
    double a = op.getCubicCoeffA().convertToDouble();
    Scalar inner = ((a + 2) * d - (a + 3)) * d * d + 1.0;
    Scalar outer = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
    return select(d <= 1.0, inner, select(d < 2.0, outer, real(0)));
  }

  /// The scale by which the kernel widens when downsampling with antialiasing.
  Scalar kernelScale(const ResizedAxis &axis) {
    return isAntialiased() ? min(axis.scale, real(1)) : real(1);
  }

  /// The first tap, counted from the element left of the centre.
  Scalar firstTap(const ResizedAxis &axis) {
    return (floor(-(mode == "linear" ? real(1) : real(2)) / kernelScale(axis)) +
            1.0)
        .toIndex();
  }

  Value interpolate(Value tensor, size_t axis) {
    const ResizedAxis &resized = axes[axis];
    Type wide = elementType(tensor);
    Scalar first = firstTap(resized), taps = e.at(2) - first * 2,
           scale = kernelScale(resized);
    auto left = [&](Scalar x) { return ceil(x) - 1.0; };
    Value indices =
        table(e.getIndexType(), {resized.out, taps}, [&](ArrayRef<Scalar> at) {
          return clampIndex(resized, left(source(resized, at[0])) +
                                         (first + at[1]).to(f64));
        });
    Value raw = table(f64, {resized.out, taps}, [&](ArrayRef<Scalar> at) {
      Scalar x = source(resized, at[0]),
             place = left(x) + (first + at[1]).to(f64);
      Scalar weight = kernel((place - x) * scale);
      if (!op.getExcludeOutside())
        return weight;
      return select((place < 0.0) | (place >= resized.in.to(f64)), real(0),
                    weight);
    });
    bool isNormalized = isAntialiased() || op.getExcludeOutside();
    Value weights = table(wide, {resized.out, taps}, [&](ArrayRef<Scalar> at) {
      Scalar weight = e.load(raw, {at[0], at[1]});
      if (!isNormalized)
        return weight.to(wide);
      Scalar sum =
          e.accumulate(taps, real(0), [&](ArrayRef<Scalar> tap, Scalar soFar) {
            return soFar + e.load(raw, {at[0], tap[0]});
          });
      return (weight / select(sum == 0.0, real(1), sum)).to(wide);
    });
    return weighTaps(tensor, axis, taps, indices, weights);
  }

  Value weighTaps(Value tensor, size_t axis, Scalar taps, Value indices,
                  Value weights) {
    const ResizedAxis &resized = axes[axis];
    Type wide = elementType(tensor);
    Value outside;
    if (isOutsideChecked())
      outside = table(e.getI1Type(), resized.out, [&](ArrayRef<Scalar> at) {
        return isOutside(resized, source(resized, at[0]));
      });
    Scalars sizes = sizesWith(tensor, axis);
    return e.build(
        e.tensorType(e.fold(sizes), wide), sizes, [&](ArrayRef<Scalar> at) {
          Scalar o = at[axis];
          auto term = [&](Scalar tap) {
            return e.load(weights, {o, tap}) *
                   loadAt(tensor, at, axis, e.load(indices, {o, tap}));
          };
          Scalar sum;
          if (taps.constant() && *taps.constant() <= 4) {
            for (int64_t tap = 0; tap < *taps.constant(); ++tap)
              sum = sum ? sum + term(e.at(tap)) : term(e.at(tap));
          } else {
            sum = e.accumulate(taps, e.wrap(e.zero(wide)),
                               [&](ArrayRef<Scalar> tap, Scalar soFar) {
                                 return soFar + term(tap[0]);
                               });
          }
          return outside ? select(e.load(outside, o), extrapolation(sum), sum)
                         : sum;
        });
  }

  onnx::ResizeOp op;
  onnx::ResizeOp::Adaptor in;
  Emitter &e;
  RankedTensorType type;
  Type f64;
  StringRef mode, coordinates;
  SmallVector<ResizedAxis> axes;
};

Lowered lowerResize(onnx::ResizeOp op, onnx::ResizeOp::Adaptor in, Emitter &e) {
  return Resizer(op, in, e).lower();
}

} // namespace

void populateResizePatterns(const OnnxTypeConverter &converter,
                            RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerResize);
}

} // namespace ashlar
