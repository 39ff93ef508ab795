// Signal processing: DFT, STFT, window functions, MelWeightMatrix.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"

using namespace mlir;

namespace ashlar {
namespace {

using Scalars = Emitter::Scalars;
using Values = Emitter::Values;

constexpr double twoPi = 6.283185307179586;

//===--- Fourier transforms
//----------------------------------------------------------------------------------------===//

struct Complex {
  Scalar re, im;
};

/// Sums that make up a transform of length `length`: roots of unity come from a
/// table. To be used in f64, since large terms cancel.
class Fourier {
public:
  Fourier(Emitter &e, Type type, Scalar length)
      : e(e), type(type), length(max(length, e.at(1))) {
    Scalar step = e.number(type, twoPi) / this->length.to(type);
    auto tableOf = [&](Scalar (*function)(Scalar)) {
      RankedTensorType tableType = e.tensorType(e.fold(this->length), type);
      return e.build(tableType, this->length, [&](ArrayRef<Scalar> at) {
        return function(at[0].to(type) * step);
      });
    };
    cosines = tableOf(cos);
    sines = tableOf(sin);
  }

  /// sum over n below `count` of x(n) e^(-+ 2 pi i k n / length).
  Complex transform(Scalar k, Scalar count, bool inverse,
                    function_ref<Complex(Scalar)> x) {
    Scalar zero = e.number(type, 0);
    Values sums =
        e.loop(e.at(0), count, {zero, zero}, [&](Scalar n, ValueRange now) {
          Scalar place = (k * n) % length, c = e.load(cosines, place),
                 s = e.load(sines, place);
          Complex value = x(n);
          if (inverse)
            s = -s;
          Scalar re = value.re * c, im = -(value.re * s);
          if (value.im) {
            re = re + value.im * s;
            im = im + value.im * c;
          }
          return Values{e.wrap(now[0]) + re, e.wrap(now[1]) + im};
        });
    return {e.wrap(sums[0]), e.wrap(sums[1])};
  }

private:
  Emitter &e;
  Type type;
  Scalar length;
  Value cosines, sines;
};

class DftLowering {
public:
  DftLowering(onnx::DFTOp op, onnx::DFTOp::Adaptor in, Emitter &e)
      : in(in), e(e), type(e.resultType(0)), wide(e.getF64Type()),
        inverse(op.getInverse() != 0), oneSided(op.getOnesided() != 0),
        sizes(e.sizesOfTensor(in.getInput())) {}

  Lowered lower() {
    int64_t rank = type.getRank();
    if (!sizes.back().constant())
      return e.unsupported(
          "on inputs that are neither known to be real nor complex");
    if (!in.getAxis())
      return along(rank - 2);
    if (std::optional<int64_t> known = constantInteger(in.getAxis()))
      return along(wrapAxis(*known, rank));
    // One transform for each axis that fits the declared result.
    Scalar axis = e.wrap(e.toScalar(in.getAxis())).toIndex();
    axis = select(axis < 0, axis + rank, axis);
    SmallVector<int64_t> candidates;
    for (int64_t i = 0; i + 1 < rank; ++i)
      if (fits(i))
        candidates.push_back(i);
    if (candidates.empty())
      return e.unsupported("with an axis that is not known while compiling");
    Scalar isKnown = e.truth(false);
    for (int64_t i : candidates)
      isKnown = isKnown | (axis == i);
    e.require(isKnown, DataError::Value,
              "the axis does not fit the declared result");
    return choose(axis, candidates);
  }

private:
  Value choose(Scalar axis, ArrayRef<int64_t> candidates) {
    if (candidates.size() == 1)
      return along(candidates.front());
    return e.branch(
        axis == candidates.front(), type,
        [&] { return Values{e.conform(along(candidates.front()), type)}; },
        [&] {
          return Values{e.conform(choose(axis, candidates.drop_front()), type)};
        })[0];
  }

  Scalar lengthAlong(int64_t axis) {
    if (in.getDftLength())
      return e.wrap(e.toScalar(in.getDftLength())).toIndex();
    return oneSided && inverse ? (sizes[axis] - 1) * 2 : sizes[axis];
  }
  Scalar resultSize(Scalar length) {
    return oneSided && !inverse ? floorDiv(length, e.at(2)) + 1 : length;
  }

  bool fits(int64_t axis) {
    for (int64_t i = 0; i + 1 < type.getRank(); ++i) {
      if (type.isDynamicDim(i))
        return false;
      if (i != axis && sizes[i].constant() != type.getDimSize(i))
        return false;
    }
    Scalar size = resultSize(lengthAlong(axis));
    return !size.constant() || *size.constant() == type.getDimSize(axis);
  }

  Complex element(ArrayRef<Scalar> at, int64_t axis, Scalar n) {
    Scalars place(at.take_front(sizes.size()));
    place[axis] = n;
    place.back() = e.at(0);
    Scalar re = e.load(in.getInput(), place).to(wide), im;
    if (*sizes.back().constant() == 2) {
      place.back() = e.at(1);
      im = e.load(in.getInput(), place).to(wide);
    }
    return {re, im};
  }

  Value along(int64_t axis) {
    Scalar length = lengthAlong(axis), count = min(length, sizes[axis]);
    Scalars resultSizes = sizes;
    resultSizes[axis] = resultSize(length);
    resultSizes.back() = e.at(oneSided && inverse ? 1 : 2);
    Fourier fourier(e, wide, length);
    Scalar scale = inverse ? 1.0 / length.to(wide) : e.number(wide, 1);
    if (oneSided && inverse)
      count = min(count, floorDiv(length, e.at(2)) + 1);
    return e.build(type, resultSizes, [&](ArrayRef<Scalar> at) {
      Complex sum = fourier.transform(at[axis], count, inverse, [&](Scalar n) {
        Complex value = element(at, axis, n);
        if (oneSided && inverse) {
          // The other half is conjugate: all but the first and the middle one
          // count twice.
          Scalar weight = select((n == 0) | (n * 2 == length),
                                 e.number(wide, 1), e.number(wide, 2));
          value.re = value.re * weight;
          if (value.im)
            value.im = value.im * weight;
        }
        return value;
      });
      Scalar part = select(at[type.getRank() - 1] == 0, sum.re, sum.im);
      return (part * scale).to(type.getElementType());
    });
  }

  onnx::DFTOp::Adaptor in;
  Emitter &e;
  RankedTensorType type;
  Type wide;
  bool inverse, oneSided;
  Scalars sizes;
};

Lowered lowerDFT(onnx::DFTOp op, onnx::DFTOp::Adaptor in, Emitter &e) {
  return DftLowering(op, in, e).lower();
}

Lowered lowerSTFT(onnx::STFTOp op, onnx::STFTOp::Adaptor in, Emitter &e) {
  RankedTensorType type = e.resultType(0);
  Type wide = e.getF64Type();
  Scalars sizes = e.sizesOfTensor(in.getSignal());
  bool isComplex = sizes.size() == 3 && sizes.back().constant() == 2;
  if (!in.getFrameLength() && !in.getWindow())
    return e.invalid("neither a window nor a frame length is given");
  Scalar step = e.wrap(e.toScalar(in.getFrameStep())).toIndex();
  Scalar length = in.getFrameLength()
                      ? e.wrap(e.toScalar(in.getFrameLength())).toIndex()
                      : e.sizeOf(in.getWindow(), 0);
  e.require((step > 0) & (length > 0) & (length <= sizes[1]), DataError::Value,
            "frame step or length is not possible");
  if (in.getWindow())
    e.require(e.sizeOf(in.getWindow(), 0) == length, DataError::Shape,
              "the window is not as long as a frame");
  Scalar frames = e.wrap(e.div(sizes[1] - length, step)) + 1;
  Scalar bins = op.getOnesided() ? floorDiv(length, e.at(2)) + 1 : length;
  Fourier fourier(e, wide, length);
  return e.build(
      type, {sizes[0], frames, bins, e.at(2)}, [&](ArrayRef<Scalar> at) {
        Complex sum = fourier.transform(at[2], length, false, [&](Scalar n) {
          Scalars place = {at[0],
                           clamp(at[1] * step + n, e.at(0), sizes[1] - 1)};
          if (sizes.size() == 3)
            place.push_back(e.at(0));
          Complex value = {e.load(in.getSignal(), place).to(wide), Scalar()};
          if (isComplex) {
            place.back() = e.at(1);
            value.im = e.load(in.getSignal(), place).to(wide);
          }
          if (in.getWindow()) {
            Scalar weight = e.load(in.getWindow(), n).to(wide);
            value.re = value.re * weight;
            if (value.im)
              value.im = value.im * weight;
          }
          return value;
        });
        return select(at[3] == 0, sum.re, sum.im).to(type.getElementType());
      });
}

//===--- Windows
//---------------------------------------------------------------------------------------------------===//

/// a0 - a1 cos(2 pi n / N) + a2 cos(4 pi n / N), N being one less for symmetric
/// windows.
Value cosineWindow(Emitter &e, Value size, bool isPeriodic, double a0,
                   double a1, double a2) {
  RankedTensorType type = e.resultType(0);
  Type element = type.getElementType(),
       wide = isa<FloatType>(element) ? computeType(element) : e.getF32Type();
  Scalar length = e.wrap(e.toScalar(size)).toIndex();
  if (!length.constant())
    e.require(length >= 0, DataError::Value,
              "the size of the window is negative");
  Scalar period = max(isPeriodic ? length : length - 1, e.at(1)).to(wide);
  return e.build(type, length, [&](ArrayRef<Scalar> at) {
    Scalar angle = at[0].to(wide) * twoPi / period,
           value = a0 - cos(angle) * a1;
    if (a2 != 0)
      value = value + cos(angle * 2.0) * a2;
    return value.to(element);
  });
}

Lowered lowerHann(onnx::HannWindowOp op, onnx::HannWindowOp::Adaptor in,
                  Emitter &e) {
  return cosineWindow(e, in.getSize(), op.getPeriodic(), 0.5, 0.5, 0);
}
Lowered lowerHamming(onnx::HammingWindowOp op,
                     onnx::HammingWindowOp::Adaptor in, Emitter &e) {
  return cosineWindow(e, in.getSize(), op.getPeriodic(), 25.0 / 46, 21.0 / 46,
                      0);
}
Lowered lowerBlackman(onnx::BlackmanWindowOp op,
                      onnx::BlackmanWindowOp::Adaptor in, Emitter &e) {
  return cosineWindow(e, in.getSize(), op.getPeriodic(), 0.42, 0.5, 0.08);
}

//===--- MelWeightMatrix
//-------------------------------------------------------------------------------------------===//

/// Triangles over the bins of a spectrum, evenly spaced on the mel scale.
Lowered lowerMelWeightMatrix(onnx::MelWeightMatrixOp op,
                             onnx::MelWeightMatrixOp::Adaptor in, Emitter &e) {
  RankedTensorType type = e.resultType(0);
  Type f64 = e.getF64Type();
  auto scalarOf = [&](Value tensor) { return e.wrap(e.toScalar(tensor)); };
  Scalar bands = scalarOf(in.getNumMelBins()).toIndex(),
         length = scalarOf(in.getDftLength()).toIndex();
  Scalar rate = scalarOf(in.getSampleRate()).toIndex();
  e.require((bands >= 0) & (length >= 0) & (rate > 0), DataError::Value,
            "a size or the sample rate is not positive");
  constexpr double perDecade = 2595, corner = 700, ln10 = 2.302585092994046;
  // The edges are rounded to f32 on the way, as in the standard's definition:
  // bins are cut off, so that a bit can make a difference of one.
  Type f32 = e.getF32Type();
  auto toMel = [&](Scalar hertz) {
    Scalar ratio = (hertz.to(f32) / corner + 1.0).to(f64);
    return (log(ratio) / ln10).to(f32) * perDecade;
  };
  Scalar low = toMel(scalarOf(in.getLowerEdgeHertz())),
         high = toMel(scalarOf(in.getUpperEdgeHertz()));
  Scalar melStep = ((high - low) / (bands + 2).to(f32)).to(f64);
  low = low.to(f64);
  Scalars edges = {bands + 2};
  Value bins = e.build(
      e.tensorType(e.fold(edges), e.getIndexType()), edges,
      [&](ArrayRef<Scalar> at) {
        Scalar mel = at[0].to(f64) * melStep + low;
        Scalar hertz = (exp(mel * (ln10 / perDecade)) - 1.0) * corner;
        return floor((length + 1).to(f64) * hertz / rate.to(f64)).toIndex();
      });
  return e.build(
      type, {floorDiv(length, e.at(2)) + 1, bands}, [&](ArrayRef<Scalar> at) {
        Scalar left = e.load(bins, at[1]), centre = e.load(bins, at[1] + 1),
               right = e.load(bins, at[1] + 2), bin = at[0];
        auto share = [&](Scalar part, Scalar whole) {
          return part.to(f64) / whole.to(f64);
        };
        Scalar zero = e.number(f64, 0), one = e.number(f64, 1);
        Scalar rising =
            select((bin >= left) & (bin <= centre),
                   share(bin - left, max(centre - left, e.at(1))), zero);
        Scalar value =
            select(left == centre, select(bin == centre, one, zero), rising);
        value = select((bin >= centre) & (bin < right),
                       share(right - bin, max(right - centre, e.at(1))), value);
        return value.to(type.getElementType());
      });
}

} // namespace

void populateSignalPatterns(const OnnxTypeConverter &converter,
                            RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerDFT, lowerSTFT, lowerHann,
               lowerHamming, lowerBlackman, lowerMelWeightMatrix);
}

} // namespace ashlar
