// TfIdfVectorizer over integers: how often each n-gram of a pool occurs.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"

using namespace mlir;

namespace ashlar {
namespace {

using Scalars = Emitter::Scalars;
using Values = Emitter::Values;

/// The n-grams that count, as constant tables.
struct Pool {
  SmallVector<int64_t> tokens; // of each n-gram, filled up to the longest one
  SmallVector<int64_t> lengths, places;
  SmallVector<double> weights;
  int64_t longest = 1;
};

Pool readPool(onnx::TfIdfVectorizerOp op) {
  Pool pool;
  ArrayRef<int64_t> starts = op.getNgramCounts(), tokens = *op.getPoolInt64s(),
                    indexes = op.getNgramIndexes();
  int64_t minLength = op.getMinGramLength(), maxLength = op.getMaxGramLength();
  pool.longest = std::max<int64_t>(starts.size(), 1);
  size_t number = 0;
  for (size_t i = 0; i < starts.size(); ++i) {
    int64_t length = i + 1, all = tokens.size();
    int64_t end = i + 1 < starts.size() ? std::min(starts[i + 1], all) : all;
    for (int64_t at = std::max<int64_t>(starts[i], 0);
         at + length <= end && number < indexes.size();
         at += length, ++number) {
      if (length < minLength || length > maxLength)
        continue;
      for (int64_t k = 0; k < pool.longest; ++k)
        pool.tokens.push_back(k < length ? tokens[at + k] : 0);
      pool.lengths.push_back(length);
      pool.places.push_back(indexes[number]);
      ArrayRef<float> weights = op.getWeights().value_or(ArrayRef<float>());
      pool.weights.push_back(number < weights.size() ? weights[number] : 1);
    }
  }
  return pool;
}

Lowered lowerTfIdfVectorizer(onnx::TfIdfVectorizerOp op,
                             onnx::TfIdfVectorizerOp::Adaptor in, Emitter &e) {
  if (!op.getPoolInt64s() || !isa<IntegerType>(elementType(in.getX())))
    return e.unsupported("on strings");
  Pool pool = readPool(op);
  Value input = in.getX();
  bool isBatched = cast<RankedTensorType>(input.getType()).getRank() == 2;
  if (!isBatched)
    input = e.unsqueeze(input, {0});
  Type i64 = e.getI64Type(), f32 = e.getF32Type();
  int64_t largest = -1;
  for (int64_t index : op.getNgramIndexes())
    largest = std::max(largest, index);
  if (llvm::any_of(op.getNgramIndexes(),
                   [](int64_t index) { return index < 0; }))
    return e.invalid("an index of an n-gram is negative");
  Scalar rows = e.sizeOf(input, 0), words = e.sizeOf(input, 1);
  Value counts =
      e.filled({e.fold(rows), e.size(largest + 1)}, e.scalar(f32, 0));
  for (size_t number = 0; number < pool.lengths.size(); ++number) {
    int64_t length = pool.lengths[number];
    // Single words have no distance.
    Scalar distances = e.at(length == 1 ? 1 : op.getMaxSkipCount() + 1);
    counts = e.loop(e.at(0), rows, counts, [&](Scalar row, ValueRange now) {
      Scalar found = e.accumulate(
          {distances, words}, e.wrap(e.integer(i64, 0)),
          [&](ArrayRef<Scalar> at, Scalar soFar) {
            Scalar distance = at[0] + 1, last = at[1] + distance * (length - 1),
                   matches = last < words;
            for (int64_t k = 0; k < length; ++k) {
              Scalar place = min(at[1] + distance * k, words - 1);
              Scalar token = e.load(input, {row, place}).to(i64);
              matches =
                  matches & (token == pool.tokens[number * pool.longest + k]);
            }
            return soFar + matches.to(i64);
          });
      Scalar share =
          op.getMode() == "IDF" ? (found > 0).to(i64).to(f32) : found.to(f32);
      if (op.getMode() != "TF")
        share = share * pool.weights[number];
      Scalars place = {row, e.at(pool.places[number])};
      return Values{e.store(e.load(now[0], place) + share, now[0], place)};
    })[0];
  }
  return isBatched ? counts : e.squeeze(counts, {0});
}

} // namespace

void populateNGramPatterns(const OnnxTypeConverter &converter,
                           RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerTfIdfVectorizer);
}

} // namespace ashlar
