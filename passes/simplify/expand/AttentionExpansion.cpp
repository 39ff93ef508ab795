// Attention and RotaryEmbedding of ai.onnx by their definition: products, masks
// as biases, softmax.
#include "passes/simplify/expand/AttentionCore.h"

#include "dialects/onnx/OperatorSchema.h"
#include <cmath>

using namespace mlir;
using namespace ashlar::onnx;

Value ashlar::onnx::splitHeads(GraphBuilder &g, Value x, int64_t heads) {
  auto type = cast<RankedTensorType>(x.getType());
  int64_t hidden = type.getDimSize(2);
  int64_t size = ShapedType::isDynamic(hidden) ? -1 : hidden / heads;
  return g.transpose(g.reshape(x, {0, 0, heads, size}), {0, 2, 1, 3});
}

Value ashlar::onnx::mergeHeads(GraphBuilder &g, Value x) {
  return g.reshape(g.transpose(x, {0, 2, 1, 3}), {0, 0, -1});
}

Value ashlar::onnx::repeatHeads(GraphBuilder &g, Value x, int64_t heads,
                                int64_t times) {
  if (times == 1)
    return x;
  // [B, H, L, D] -> [B, H, 1, L, D] -> [B, H, times, L, D] -> [B, H * times, L,
  // D]
  Value spread = g.make<ExpandOp>(
      g.element(x), {g.unsqueeze(x, 2), g.integers({1, 1, times, 1, 1})});
  SmallVector<Size> target{g.dim(x, 0), Size(heads * times), g.dim(x, 2),
                           g.dim(x, 3)};
  return g.reshapeTo(spread, target);
}

Value ashlar::onnx::maskToBias(GraphBuilder &g, Value allowed, Type element) {
  return g.select(allowed, g.scalar(element, 0.0),
                  g.scalar(element, -std::numeric_limits<double>::infinity()));
}

Value ashlar::onnx::softmaxGuarded(GraphBuilder &g, Value scores,
                                   bool mayBeEmpty) {
  Value probabilities = g.softmax(scores);
  if (!mayBeEmpty)
    return probabilities;
  // A row with no key at all is zero, where softmax would give NaN.
  Value highest = g.reduce<ReduceMaxOp>(scores, {-1});
  Value empty = g.compare<EqualOp>(
      highest, g.scalarLike(scores, -std::numeric_limits<double>::infinity()));
  return g.select(empty, g.scalarLike(scores, 0.0), probabilities);
}

namespace {

class AttentionExpansion {
public:
  AttentionExpansion(AttentionOp op, PatternRewriter &rewriter)
      : op(op), rewriter(rewriter), g(rewriter, op.getLoc()) {}

  LogicalResult expand();

private:
  Value bias(Value keys, Value queries);
  Value paddedMask(Value mask, Size total);
  // Positions of queries and keys as [q, 1] (or [batch, 1, q, 1]) and [1, k].
  Value queryPositions(Value queries);
  void addBias(Value more) { sum = sum ? g.add(sum, more) : more; }

  AttentionOp op;
  PatternRewriter &rewriter;
  GraphBuilder g;
  Value sum;
};

// A mask may be shorter than the keys: what it lacks is masked.
Value AttentionExpansion::paddedMask(Value mask, Size total) {
  auto type = rankedType(mask);
  Size have = g.dim(mask, -1);
  if (type && !type.isDynamicDim(type.getRank() - 1) && total.isStatic() &&
      have.value >= total.value)
    return mask;
  bool boolean = type.getElementType().isInteger(1);
  Size missing = g.minus(total, have);
  SmallVector<Size> pads(2 * type.getRank(), Size(0));
  pads.back() = missing;
  if (!boolean)
    return g.make<PadOp>(
        g.element(mask),
        {mask, g.vector(pads),
         g.scalarLike(mask, -std::numeric_limits<double>::infinity())});
  Value bytes = g.cast(mask, g.builder.getI32Type());
  Value padded = g.make<PadOp>(g.element(bytes), {bytes, g.vector(pads)});
  return g.cast(padded, g.builder.getI1Type());
}

// Absolute positions: the index in the block plus the number of keys that
// precede it.
Value AttentionExpansion::queryPositions(Value queries) {
  Size length = g.dim(queries, 2);
  Value index = g.unsqueeze(g.range(length), 1);
  if (op.getPastKey())
    return g.add(index, g.toScalar(g.dim(op.getPastKey(), 2)));
  if (!op.getNonpadKvSeqlen())
    return index;
  Value offsets = g.sub(op.getNonpadKvSeqlen(), g.toScalar(length));
  return g.add(index, g.reshape(offsets, {-1, 1, 1, 1}));
}

Value AttentionExpansion::bias(Value keys, Value queries) {
  Type element = g.element(op.getQ());
  Size total = g.dim(op.getK(), rankedType(op.getK()).getRank() == 3 ? 1 : 2);
  if (op.getPastKey())
    total = g.plus(g.dim(op.getPastKey(), 2), total);
  if (Value mask = op.getAttnMask()) {
    Value padded = paddedMask(mask, total);
    addBias(g.element(mask).isInteger(1) ? maskToBias(g, padded, element)
                                         : g.cast(padded, element));
  }
  int64_t left = op.getLeftWindowSize(), right = op.getRightWindowSize();
  if (op.getIsCausal() || left >= 0 || right >= 0) {
    Value query = queryPositions(queries), key = g.unsqueeze(g.range(total), 0);
    Value allowed;
    auto require = [&](Value condition) {
      allowed = allowed ? g.both(allowed, condition) : condition;
    };
    if (op.getIsCausal())
      require(g.compare<LessOrEqualOp>(key, query));
    if (left >= 0)
      require(g.compare<LessOrEqualOp>(g.sub(query, key), g.integer(left)));
    if (right >= 0)
      require(g.compare<LessOrEqualOp>(g.sub(key, query), g.integer(right)));
    addBias(maskToBias(g, allowed, element));
  }
  if (Value lengths = op.getNonpadKvSeqlen()) {
    Value valid =
        g.compare<LessOp>(g.range(total), g.reshape(lengths, {-1, 1, 1, 1}));
    addBias(maskToBias(g, valid, element));
  }
  return sum;
}

LogicalResult AttentionExpansion::expand() {
  auto qType = rankedType(op.getQ()), kType = rankedType(op.getK()),
       vType = rankedType(op.getV());
  if (!qType || !kType || !vType)
    return failure();
  if (op.getAttnMask() && !rankedType(op.getAttnMask()))
    return failure();
  bool packed = qType.getRank() == 3;
  if (packed && (!op.getQNumHeads() || !op.getKvNumHeads()))
    return failure();
  int64_t queryHeads =
      packed ? int64_t(*op.getQNumHeads()) : qType.getDimSize(1);
  int64_t keyHeads =
      packed ? int64_t(*op.getKvNumHeads()) : kType.getDimSize(1);
  int64_t hidden = qType.getDimSize(packed ? 2 : 3);
  if (ShapedType::isDynamic(queryHeads) || ShapedType::isDynamic(keyHeads) ||
      ShapedType::isDynamic(hidden) || keyHeads == 0)
    return failure();
  int64_t headSize = packed ? hidden / queryHeads : hidden;

  Value q = op.getQ(), k = op.getK(), v = op.getV();
  if (packed) {
    q = splitHeads(g, q, queryHeads);
    k = splitHeads(g, k, keyHeads);
    v = splitHeads(g, v, keyHeads);
  }
  if (op.getPastKey()) {
    k = g.concat({op.getPastKey(), k}, 2);
    v = g.concat({op.getPastValue(), v}, 2);
  }
  Value presentKey = k, presentValue = v;
  v = repeatHeads(g, v, keyHeads, queryHeads / keyHeads);

  double scale = op.getScale() ? op.getScale()->convertToDouble()
                               : 1 / std::sqrt(headSize);
  double root = std::sqrt(scale);
  Value transposed = g.mul(g.transpose(k, {0, 1, 3, 2}), root);
  Value scores = g.matmul(g.mul(q, root), repeatHeads(g, transposed, keyHeads,
                                                      queryHeads / keyHeads));
  Value raw = scores;
  double cap = op.getSoftcap().convertToDouble();
  if (cap > 0)
    scores =
        g.mul(g.unary<TanhOp>(g.div(scores, g.scalarLike(scores, cap))), cap);
  Value capped = scores;
  if (Value mask = bias(k, q))
    scores = g.add(scores, mask);
  Value biased = scores;
  Type element = g.element(op.getQ());
  Type precise =
      op.getSoftmaxPrecision()
          ? elementTypeFromOnnx(op.getContext(), *op.getSoftmaxPrecision())
          : element;
  if (!precise)
    return failure();
  Value probabilities = g.cast(
      softmaxGuarded(g, g.cast(scores, precise), sum != nullptr), element);
  Value output = g.matmul(g.cast(probabilities, g.element(v)), v);
  if (packed)
    output = mergeHeads(g, output);

  SmallVector<Value> results{output};
  if (op.getPresentKey())
    results.push_back(presentKey == op.getK() ? g.unary<IdentityOp>(presentKey)
                                              : presentKey);
  if (op.getPresentValue())
    results.push_back(presentValue == op.getV()
                          ? g.unary<IdentityOp>(presentValue)
                          : presentValue);
  if (op.getQkMatmulOutput()) {
    Value stages[] = {raw, capped, biased, probabilities};
    results.push_back(g.unary<IdentityOp>(
        stages[std::min<int64_t>(op.getQkMatmulOutputMode(), 3)]));
  }
  replaceResult(rewriter, op, results);
  return success();
}

LogicalResult expandAttention(AttentionOp op, PatternRewriter &rewriter) {
  return AttentionExpansion(op, rewriter).expand();
}

LogicalResult expandRotary(RotaryEmbeddingOp op, PatternRewriter &rewriter) {
  auto type = rankedType(op.getX());
  auto cacheType = rankedType(op.getCosCache());
  if (!type || !cacheType)
    return failure();
  GraphBuilder g(rewriter, op.getLoc());
  bool packed = type.getRank() == 3;
  if (packed && !op.getNumHeads())
    return failure();
  int64_t heads = packed ? int64_t(*op.getNumHeads()) : type.getDimSize(1);
  int64_t hidden = type.getDimSize(type.getRank() - 1);
  if (ShapedType::isDynamic(hidden) || heads <= 0)
    return failure();
  int64_t size = packed ? hidden / heads : hidden;
  Value x = packed ? splitHeads(g, op.getX(), heads) : op.getX();
  Value cos = op.getCosCache(), sin = op.getSinCache();
  if (Value positions = op.getPositionIds()) {
    cos = g.gather(cos, positions, 0);
    sin = g.gather(sin, positions, 0);
  }
  int64_t rotated = op.getRotaryEmbeddingDim();
  // [batch, length, rotated / 2] with an axis for the heads.
  Value y = rotate(g, x, g.unsqueeze(cos, 1), g.unsqueeze(sin, 1),
                   rotated == 0 ? size : rotated, size, op.getInterleaved());
  replaceResult(rewriter, op, packed ? mergeHeads(g, y) : y);
  return success();
}

} // namespace

Value ashlar::onnx::rotate(GraphBuilder &g, Value x, Value cos, Value sin,
                           int64_t rotated, int64_t size, bool interleaved) {
  Value rest;
  Value part = x;
  if (rotated < size) {
    part = g.slice(x, 3, 0, rotated);
    rest = g.slice(x, 3, rotated, size);
  }
  int64_t half = rotated / 2;
  Value first =
      interleaved ? g.slice(part, 3, 0, rotated, 2) : g.slice(part, 3, 0, half);
  Value second = interleaved ? g.slice(part, 3, 1, rotated, 2)
                             : g.slice(part, 3, half, rotated);
  Value real = g.sub(g.mul(cos, first), g.mul(sin, second));
  Value imaginary = g.add(g.mul(sin, first), g.mul(cos, second));
  Value turned;
  if (interleaved)
    turned = g.reshape(
        g.concat({g.unsqueeze(real, 4), g.unsqueeze(imaginary, 4)}, 4),
        {0, 0, 0, rotated});
  else
    turned = g.concat({real, imaginary}, 3);
  return rest ? g.concat({turned, rest}, 3) : turned;
}

void ashlar::onnx::populateAttentionExpansions(RewritePatternSet &patterns) {
  patterns.add(expandAttention);
  patterns.add(expandRotary);
}
