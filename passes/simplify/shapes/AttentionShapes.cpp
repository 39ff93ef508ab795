// Shapes of attention and its companions, ai.onnx and com.microsoft.
#include "dialects/onnx/OnnxOps.h"
#include "passes/simplify/ShapeRegistry.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

// Query, key or value as [batch, heads, length, size], whether it comes so or
// packed as [batch, length, heads * size].
struct Heads {
  DimExpr batch, heads, length, size;
};

FailureOr<Heads> headsOf(OpShapes &shapes, Value value, StringRef name,
                         std::optional<int64_t> heads) {
  auto dims = shapes.dims(value);
  if (dims.size() == 4)
    return Heads{dims[0], dims[1], dims[2], dims[3]};
  if (dims.size() != 3)
    return shapes.error() << "'" << name << "' is " << toString(dims)
                          << ", expected 3 or 4 dimensions";
  if (!heads || *heads < 1)
    return shapes.error() << "needs the number of heads for '" << name << "'";
  if (auto hidden = dims[2].constant(); hidden && *hidden % *heads)
    return shapes.error() << "'" << name << "' is " << toString(dims)
                          << ", expected a multiple of " << *heads << " heads";
  return Heads{dims[0], *heads, dims[1], shapes.floorDivide(dims[2], *heads)};
}

std::optional<int64_t> toInt(std::optional<uint64_t> value) {
  if (!value)
    return std::nullopt;
  return int64_t(*value);
}

LogicalResult inferAttention(AttentionOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getQ());
  if (!shapes.allRanked({op.getQ(), op.getK(), op.getV()})) {
    for (Value result : op->getResults())
      (void)shapes.resultUnranked(result, element);
    return success();
  }
  auto q = headsOf(shapes, op.getQ(), "Q", toInt(op.getQNumHeads()));
  auto k = headsOf(shapes, op.getK(), "K", toInt(op.getKvNumHeads()));
  auto v = headsOf(shapes, op.getV(), "V", toInt(op.getKvNumHeads()));
  if (failed(q) || failed(k) || failed(v) ||
      failed(shapes.unify(q->size, k->size, "head size of 'K'")))
    return failure();
  if (auto queries = q->heads.constant(), keys = k->heads.constant();
      queries && keys && (*keys == 0 || *queries % *keys != 0))
    return shapes.error() << "has " << *queries << " query heads, expected a "
                          << "multiple of " << *keys << " key heads";
  DimExpr total = k->length;
  if (op.getPastKey() && shapes.ranked(op.getPastKey())) {
    if (failed(shapes.expectRank(op.getPastKey(), 4, "past_key")))
      return failure();
    total = shapes.add(shapes.dims(op.getPastKey())[2], k->length);
  } else if (op.getPastKey()) {
    total = shapes.unknown();
  }
  Shape output =
      shapes.rank(op.getQ()) == 3
          ? Shape{q->batch, q->length, shapes.multiply(q->heads, v->size)}
          : Shape{q->batch, q->heads, q->length, v->size};
  if (failed(shapes.result(op.getY(), element, output)) ||
      failed(shapes.result(op.getPresentKey(), shapes.element(op.getK()),
                           {k->batch, k->heads, total, k->size})) ||
      failed(shapes.result(op.getPresentValue(), shapes.element(op.getV()),
                           {v->batch, v->heads, total, v->size})))
    return failure();
  return shapes.result(op.getQkMatmulOutput(), element,
                       {q->batch, q->heads, q->length, total});
}

LogicalResult inferFlex(PreviewFlexAttentionOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getQ());
  if (!shapes.allRanked({op.getQ(), op.getV()}))
    return shapes.result(op.getY(), element, shapes.unknownDims(4));
  if (failed(shapes.expectRank(op.getQ(), 4, "Q")) ||
      failed(shapes.expectRank(op.getV(), 4, "V")))
    return failure();
  Shape dims(shapes.dims(op.getQ()));
  dims[3] = shapes.dims(op.getV())[3];
  return shapes.result(op.getY(), element, dims);
}

LogicalResult inferMultiHead(MsMultiHeadAttentionOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getQuery());
  int64_t heads = op.getNumHeads();
  if (heads < 1)
    return shapes.error() << "'num_heads' is " << heads
                          << ", expected at least 1";
  if (!shapes.ranked(op.getQuery())) {
    for (Value result : op->getResults())
      (void)shapes.resultUnranked(result, element);
    return success();
  }
  auto q = shapes.dims(op.getQuery());
  // Packed forms: query alone as [batch, length, heads, 3, size].
  bool packed = q.size() == 5;
  if (!packed && failed(shapes.expectRank(op.getQuery(), 3, "query")))
    return failure();
  DimExpr length = q[1], keys = q[1];
  DimExpr hidden = packed ? shapes.multiply(q[2], q[4]) : q[2];
  DimExpr headSize = packed ? q[4] : shapes.floorDivide(q[2], heads);
  DimExpr valueSize = headSize;
  if (op.getKey() && shapes.ranked(op.getKey())) {
    auto k = shapes.dims(op.getKey());
    keys = k.size() == 4 ? k[2] : k[1];
  }
  if (op.getValue() && shapes.ranked(op.getValue())) {
    auto v = shapes.dims(op.getValue());
    valueSize = v.size() == 4 ? v[3] : shapes.floorDivide(v[2], heads);
    hidden = v.size() == 4 ? shapes.multiply(v[1], v[3]) : v[2];
  }
  DimExpr total = keys;
  if (op.getPastKey())
    total = shapes.ranked(op.getPastKey()) && shapes.rank(op.getPastKey()) == 4
                ? shapes.add(shapes.dims(op.getPastKey())[2], keys)
                : shapes.unknown();
  if (failed(shapes.result(op.getOutput(), element, {q[0], length, hidden})) ||
      failed(shapes.result(op.getPresentKey(), element,
                           {q[0], heads, total, headSize})) ||
      failed(shapes.result(op.getPresentValue(), element,
                           {q[0], heads, total, valueSize})))
    return failure();
  return shapes.result(op.getQk(), element, {q[0], heads, length, total});
}

LogicalResult inferGroupQuery(MsGroupQueryAttentionOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getQuery());
  int64_t heads = op.getNumHeads(), groups = op.getKvNumHeads();
  if (heads < 1 || groups < 1 || heads % groups)
    return shapes.error() << "has " << heads << " heads, expected a multiple "
                          << "of " << groups << " key heads";
  if (failed(shapes.expectRank(op.getQuery(), 3, "query")))
    return failure();
  if (!shapes.ranked(op.getQuery())) {
    for (Value result : op->getResults())
      (void)shapes.resultUnranked(result, element);
    return success();
  }
  auto q = shapes.dims(op.getQuery());
  bool packed = !op.getKey();
  DimExpr size = shapes.floorDivide(q[2], packed ? heads + 2 * groups : heads);
  // The cache has room for `total_sequence_length`; a cache that comes in
  // larger stays as large.
  DimExpr total = shapes.unknown();
  if (auto given = shapes.elements(op.getTotalSequenceLength());
      given && given->size() == 1)
    total = (*given)[0];
  if (op.getPastKey() && shapes.ranked(op.getPastKey()) &&
      shapes.rank(op.getPastKey()) == 4) {
    DimExpr past = shapes.dims(op.getPastKey())[2];
    auto room = past.constant(), want = total.constant();
    total = room && want ? DimExpr(std::max(*room, *want)) : shapes.unknown();
  }
  Shape cache{q[0], groups, total, size};
  if (failed(shapes.result(op.getOutput(), element,
                           {q[0], q[1], shapes.multiply(size, heads)})) ||
      failed(shapes.result(op.getPresentKey(), element, cache)) ||
      failed(shapes.result(op.getPresentValue(), element, cache)))
    return failure();
  return shapes.result(op.getOutputQk(), element, {q[0], heads, q[1], total});
}

LogicalResult inferMsAttention(MsAttentionOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getInput());
  int64_t heads = op.getNumHeads();
  if (heads < 1)
    return shapes.error() << "'num_heads' is " << heads
                          << ", expected at least 1";
  if (!shapes.ranked(op.getInput()) || !shapes.ranked(op.getWeights())) {
    for (Value result : op->getResults())
      (void)shapes.resultUnranked(result, element);
    return success();
  }
  if (failed(shapes.expectRank(op.getInput(), 3, "input")) ||
      failed(shapes.expectRank(op.getWeights(), 2, "weights")))
    return failure();
  auto x = shapes.dims(op.getInput());
  DimExpr hidden = shapes.floorDivide(shapes.dims(op.getWeights())[1], 3);
  if (auto sizes = op.getQkvHiddenSizes(); sizes && sizes->size() == 3)
    hidden = (*sizes)[2];
  DimExpr total = x[1];
  if (op.getPast())
    total = shapes.ranked(op.getPast()) && shapes.rank(op.getPast()) == 5
                ? shapes.add(shapes.dims(op.getPast())[3], x[1])
                : shapes.unknown();
  if (failed(shapes.result(
          op.getPresent(), element,
          {2, x[0], heads, total, shapes.floorDivide(hidden, heads)})))
    return failure();
  return shapes.result(op.getOutput(), element, {x[0], x[1], hidden});
}

LogicalResult inferLinear(LinearAttentionOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getQuery());
  for (auto [value, name] :
       {std::pair<Value, StringRef>{op.getQuery(), "query"},
        {op.getKey(), "key"},
        {op.getValue(), "value"}})
    if (failed(shapes.expectRank(value, 3, name)))
      return failure();
  Type state = op.getPastState() ? shapes.element(op.getPastState()) : element;
  int64_t heads = op.getQNumHeads(), groups = op.getKvNumHeads();
  if (heads < 1 || groups < 1 || heads % groups)
    return shapes.error() << "has " << heads << " heads, expected a multiple "
                          << "of " << groups << " key heads";
  if (!shapes.allRanked({op.getQuery(), op.getKey(), op.getValue()})) {
    (void)shapes.result(op.getOutput(), element, shapes.unknownDims(3));
    return shapes.result(op.getPresentState(), state, shapes.unknownDims(4));
  }
  auto q = shapes.dims(op.getQuery());
  DimExpr keySize = shapes.floorDivide(shapes.dims(op.getKey())[2], groups);
  DimExpr valueSize = shapes.floorDivide(shapes.dims(op.getValue())[2], groups);
  if (failed(shapes.result(op.getPresentState(), state,
                           {q[0], groups, keySize, valueSize})))
    return failure();
  return shapes.result(op.getOutput(), element,
                       {q[0], q[1], shapes.multiply(valueSize, heads)});
}

LogicalResult inferCausalConv(CausalConvWithStateOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getInput());
  if (failed(shapes.expectRank(op.getInput(), 3, "input")) ||
      failed(shapes.expectRank(op.getWeight(), 3, "weight")))
    return failure();
  Shape state = shapes.ranked(op.getInput()) ? Shape(shapes.dims(op.getInput()))
                                             : shapes.unknownDims(3);
  state[2] = shapes.ranked(op.getWeight())
                 ? shapes.subtract(shapes.dims(op.getWeight())[2], 1)
                 : shapes.unknown();
  if (failed(shapes.result(op.getPresentState(), element, state)))
    return failure();
  return shapes.resultShapedLike(op.getOutput(), element, op.getInput());
}

LogicalResult inferFirst(Operation *op, OpShapes &shapes) {
  return shapes.resultShapedLike(
      op->getResult(0), shapes.element(op->getOperand(0)), op->getOperand(0));
}

} // namespace

void ashlar::onnx::registerAttentionShapes(ShapeRegistry &registry) {
  registry.add<AttentionOp, inferAttention>();
  registry.add<PreviewFlexAttentionOp, inferFlex>();
  registry.add<MsMultiHeadAttentionOp, inferMultiHead>();
  registry.add<MsGroupQueryAttentionOp, inferGroupQuery>();
  registry.add<MsAttentionOp, inferMsAttention>();
  registry.add<LinearAttentionOp, inferLinear>();
  registry.add<CausalConvWithStateOp, inferCausalConv>();
  registry.add<RotaryEmbeddingOp, MsRotaryEmbeddingOp>(inferFirst);
}
