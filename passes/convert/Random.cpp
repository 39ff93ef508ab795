// Operators that draw random numbers: each is a function of the seed and of the
// element's number, so that a model gives the same numbers in every run and for
// any number of threads.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"

#include "llvm/ADT/bit.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace ashlar {
namespace {

using Scalars = Emitter::Scalars;

/// The seed given, or one made of the node's name.
uint64_t seedOf(Operation *op, std::optional<APFloat> given) {
  if (given)
    return llvm::bit_cast<uint32_t>(given->convertToFloat());
  std::string name;
  if (auto named = dyn_cast<NameLoc>(op->getLoc()))
    name = named.getName().str();
  return llvm::xxh3_64bits(name);
}

/// 64 bits from a counter: the finalizer of splitmix64.
Scalar randomBits(Emitter &e, uint64_t seed, Scalar counter) {
  auto shifted = [&](Scalar x, int64_t bits) {
    return e.wrap(
        e.createOrFold<arith::ShRUIOp>(x.value(), x.same(bits).value()));
  };
  auto mixed = [&](Scalar x, int64_t bits) {
    return e.wrap(
        e.createOrFold<arith::XOrIOp>(x.value(), shifted(x, bits).value()));
  };
  Scalar x =
      counter.to(e.getI64Type()) * static_cast<int64_t>(0x9E3779B97F4A7C15ull);
  x = x + static_cast<int64_t>(seed * 0xD1B54A32D192ED03ull +
                               0x9E3779B97F4A7C15ull);
  x = mixed(x, 30) * static_cast<int64_t>(0xBF58476D1CE4E5B9ull);
  x = mixed(x, 27) * static_cast<int64_t>(0x94D049BB133111EBull);
  return mixed(x, 31);
}

/// Evenly in [0, 1), a multiple of 2^-24.
Scalar uniform(Emitter &e, uint64_t seed, Scalar counter) {
  Scalar bits = randomBits(e, seed, counter);
  Value top = e.createOrFold<arith::ShRUIOp>(bits.value(),
                                             bits.same(int64_t(40)).value());
  return e.wrap(top).to(e.getF32Type()) * 0x1p-24;
}

/// Normally distributed, by Box and Muller.
Scalar normal(Emitter &e, uint64_t seed, Scalar counter) {
  Scalar radius = sqrt(log(1.0 - uniform(e, seed, counter * 2)) * -2.0);
  return radius * cos(uniform(e, seed, counter * 2 + 1) * 6.283185307179586);
}

/// The number of an element in row-major order.
Scalar elementNumber(Emitter &e, ArrayRef<Scalar> sizes, ArrayRef<Scalar> at) {
  Scalar number = e.at(0);
  for (auto [size, index] : llvm::zip(sizes, at))
    number = number * size + index;
  return number;
}

using Draw = function_ref<Scalar(Scalar number)>;

Value fill(Emitter &e, Scalars sizes, Draw draw) {
  RankedTensorType type = e.resultType(0);
  return e.build(type, sizes, [&](ArrayRef<Scalar> at) {
    return draw(elementNumber(e, sizes, at)).to(type.getElementType());
  });
}

Scalars constantSizes(Emitter &e, ArrayRef<int64_t> shape) {
  return llvm::map_to_vector<6>(shape,
                                [&](int64_t size) { return e.at(size); });
}

template <typename OpT> Value fillUniform(OpT op, Emitter &e, Scalars sizes) {
  double low = op.getLow().convertToDouble(),
         high = op.getHigh().convertToDouble();
  uint64_t seed = seedOf(op, op.getSeed());
  return fill(e, sizes, [&](Scalar number) {
    return uniform(e, seed, number) * (high - low) + low;
  });
}

template <typename OpT> Value fillNormal(OpT op, Emitter &e, Scalars sizes) {
  double mean = op.getMean().convertToDouble(),
         scale = op.getScale().convertToDouble();
  uint64_t seed = seedOf(op, op.getSeed());
  return fill(e, sizes, [&](Scalar number) {
    return normal(e, seed, number) * scale + mean;
  });
}

Lowered lowerRandomUniform(onnx::RandomUniformOp op,
                           onnx::RandomUniformOp::Adaptor, Emitter &e) {
  return fillUniform(op, e, constantSizes(e, op.getShape()));
}
Lowered lowerRandomUniformLike(onnx::RandomUniformLikeOp op,
                               onnx::RandomUniformLikeOp::Adaptor in,
                               Emitter &e) {
  return fillUniform(op, e, e.sizesOfTensor(in.getInput()));
}
Lowered lowerRandomNormal(onnx::RandomNormalOp op,
                          onnx::RandomNormalOp::Adaptor, Emitter &e) {
  return fillNormal(op, e, constantSizes(e, op.getShape()));
}
Lowered lowerRandomNormalLike(onnx::RandomNormalLikeOp op,
                              onnx::RandomNormalLikeOp::Adaptor in,
                              Emitter &e) {
  return fillNormal(op, e, e.sizesOfTensor(in.getInput()));
}

Lowered lowerBernoulli(onnx::BernoulliOp op, onnx::BernoulliOp::Adaptor in,
                       Emitter &e) {
  RankedTensorType type = e.resultType(0);
  Scalars sizes = e.sizesOfTensor(in.getInput());
  uint64_t seed = seedOf(op, op.getSeed());
  Scalar one = e.wrap(e.integer(type.getElementType(), 1)),
         zero = e.wrap(e.zero(type.getElementType()));
  return e.build(type, sizes, [&](ArrayRef<Scalar> at) {
    Scalar probability =
        e.load(in.getInput(), at.take_front(type.getRank())).to(e.getF32Type());
    return select(uniform(e, seed, elementNumber(e, sizes, at)) < probability,
                  one, zero);
  });
}

/// Draws classes of which the logarithms of the (not normalised) probabilities
/// are given.
Lowered lowerMultinomial(onnx::MultinomialOp op,
                         onnx::MultinomialOp::Adaptor in, Emitter &e) {
  RankedTensorType type = e.resultType(0);
  Scalar classes = e.sizeOf(in.getInput(), 1);
  Scalars sizes = {e.sizeOf(in.getInput(), 0), e.at(op.getSampleSize())};
  uint64_t seed = seedOf(op, op.getSeed());
  Type f32 = e.getF32Type();
  return e.build(type, sizes, [&](ArrayRef<Scalar> at) {
    auto logit = [&](Scalar i) {
      return e.load(in.getInput(), {at[0], i}).to(f32);
    };
    Scalar largest = e.accumulate(classes, e.wrap(e.lowest(f32, false)),
                                  [&](ArrayRef<Scalar> i, Scalar soFar) {
                                    return max(soFar, logit(i[0]));
                                  });
    auto weight = [&](Scalar i) { return exp(logit(i) - largest); };
    Scalar total = e.accumulate(
        classes, e.number(f32, 0),
        [&](ArrayRef<Scalar> i, Scalar soFar) { return soFar + weight(i[0]); });
    Scalar drawn = uniform(e, seed, elementNumber(e, sizes, at)) * total;
    // The class is the number of partial sums that the drawn number reaches.
    Emitter::Values counted =
        e.loop(e.at(0), classes - 1, {e.number(f32, 0), e.at(0)},
               [&](Scalar i, ValueRange now) {
                 Scalar sum = e.wrap(now[0]) + weight(i);
                 return Emitter::Values{sum, e.wrap(now[1]) +
                                                 (drawn >= sum).toIndex()};
               });
    return e.wrap(counted[1]).to(type.getElementType());
  });
}

/// While training some elements are dropped and the others scaled; else the
/// input comes through.
Lowered lowerDropout(onnx::DropoutOp op, onnx::DropoutOp::Adaptor in,
                     Emitter &e) {
  Value data = in.getData();
  std::optional<int64_t> training =
      in.getTrainingMode() ? constantInteger(in.getTrainingMode()) : 0;
  Scalars sizes = e.sizesOfTensor(data);
  Emitter::Values results;
  if (training == 0) {
    results.push_back(data);
    if (op.getMask())
      results.push_back(e.filled(e.fold(sizes), e.boolean(true)));
    return results;
  }
  std::optional<APFloat> given;
  if (op.getSeed())
    given = APFloat(static_cast<float>(*op.getSeed()));
  uint64_t seed = seedOf(op, given);
  Type f32 = e.getF32Type(), element = elementType(data),
       wide = computeType(element);
  Scalar isTraining = e.wrap(e.toScalar(in.getTrainingMode()));
  Scalar ratio = in.getRatio() ? e.wrap(e.toScalar(in.getRatio())).to(f32)
                               : e.number(f32, 0.5);
  auto isKept = [&](ArrayRef<Scalar> at) {
    return logicalNot(isTraining) |
           (uniform(e, seed, elementNumber(e, sizes, at)) >= ratio);
  };
  Scalar scale =
      select(isTraining, 1.0 / (1.0 - ratio), ratio.same(1.0)).to(wide);
  results.push_back(e.build(e.resultType(0), sizes, [&](ArrayRef<Scalar> at) {
    Scalar scaled = e.load(data, at.take_front(sizes.size())).to(wide) * scale;
    return select(isKept(at), scaled, scaled.same(0.0)).to(element);
  }));
  if (op.getMask())
    results.push_back(e.build(e.resultType(1), sizes, isKept));
  return results;
}

} // namespace

void populateRandomPatterns(const OnnxTypeConverter &converter,
                            RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerRandomUniform, lowerRandomUniformLike,
               lowerRandomNormal, lowerRandomNormalLike, lowerBernoulli,
               lowerMultinomial, lowerDropout);
}

} // namespace ashlar
