// LinearAttention and CausalConvWithState. The recurrence over time becomes a
// Scan when there is more than one step.
#include "passes/simplify/expand/AttentionCore.h"

#include <cmath>

using namespace mlir;
using namespace ashlar::onnx;

namespace {

// What one step of the recurrence sees: key and query [B, H, K], value [B, H,
// V], decay and rate or null.
struct Step {
  Value query, key, value, decay, rate;
};

// The state after a step, and what the queries read from it. State is [B, H, K,
// V].
std::pair<Value, Value> advance(GraphBuilder &g, Value state, const Step &step,
                                bool delta, int64_t repeats, int64_t heads) {
  if (step.decay)
    state = g.mul(state, g.unsqueeze(g.unary<ExpOp>(step.decay), 3));
  Value key = g.unsqueeze(step.key, 3);     // [B, H, K, 1]
  Value value = g.unsqueeze(step.value, 2); // [B, H, 1, V]
  if (delta) {
    Value remembered =
        g.matmul(g.transpose(key, {0, 1, 3, 2}), state); // [B, H, 1, V]
    value = g.mul(g.sub(value, remembered), g.unsqueeze(step.rate, 3));
  }
  state = g.add(state, g.mul(key, value));
  Value read = repeatHeads(g, state, heads, repeats);
  Value output = g.matmul(g.unsqueeze(step.query, 2), read); // [B, Hq, 1, V]
  return {state, g.squeeze(output, 2)};
}

// [B, T, H * D] as [T, B, H, D].
Value byTime(GraphBuilder &g, Value x, int64_t heads) {
  auto type = cast<RankedTensorType>(x.getType());
  int64_t hidden = type.getDimSize(2);
  return g.transpose(g.reshape(x, {0, 0, heads, hidden / heads}), {1, 0, 2, 3});
}

LogicalResult expandLinear(LinearAttentionOp op, PatternRewriter &rewriter) {
  auto q = rankedType(op.getQuery()), k = rankedType(op.getKey()),
       v = rankedType(op.getValue());
  if (!q || !k || !v || q.isDynamicDim(2) || k.isDynamicDim(2) ||
      v.isDynamicDim(2))
    return failure();
  GraphBuilder g(rewriter, op.getLoc());
  int64_t queries = op.getQNumHeads(), heads = op.getKvNumHeads();
  int64_t keySize = k.getDimSize(2) / heads,
          valueSize = v.getDimSize(2) / heads;
  StringRef rule = op.getUpdateRule();
  bool gated = rule.starts_with("gated"), delta = rule.ends_with("delta");
  if ((gated && !op.getDecay()) || (delta && !op.getBeta()))
    return op.emitError() << "'" << rule << "' needs "
                          << (gated && !op.getDecay() ? "'decay'" : "'beta'");
  // States are kept in their own type, the sums in f32 at least.
  Type element = q.getElementType();
  Type stateType = op.getPastState() ? g.element(op.getPastState()) : element;
  Type wide = element.isF64() ? element : Type(rewriter.getF32Type());
  double scale = op.getScale().convertToDouble();
  if (scale == 0)
    scale = 1 / std::sqrt(double(q.getDimSize(2) / queries));

  SmallVector<Value> inputs;
  auto addInput = [&](Value x, int64_t count) {
    Value widened = g.cast(x, wide);
    widened.setType(cast<RankedTensorType>(x.getType()).clone(wide));
    inputs.push_back(byTime(g, widened, count));
  };
  addInput(op.getQuery(), queries);
  inputs[0] = g.mul(inputs[0], scale);
  addInput(op.getKey(), heads);
  addInput(op.getValue(), heads);
  auto perHead = [&](Value x) {
    return cast<RankedTensorType>(x.getType()).getDimSize(2) == 1 ? 1 : heads;
  };
  if (gated)
    addInput(op.getDecay(), heads);
  if (delta)
    addInput(op.getBeta(), perHead(op.getBeta()));
  Value past =
      op.getPastState()
          ? g.cast(op.getPastState(), wide)
          : g.fill({g.dim(op.getQuery(), 0), heads, keySize, valueSize}, wide,
                   0.0);

  // Scan over the first axis of all inputs, the state carried along.
  SmallVector<Value> operands{past};
  operands.append(inputs);
  SmallVector<Type> types{g.unranked(wide), g.unranked(wide)};
  auto scan =
      ScanOp::create(rewriter, op.getLoc(), types, operands,
                     {g.attr("num_scan_inputs", int64_t(inputs.size()))});
  {
    OpBuilder::InsertionGuard guard(rewriter);
    SmallVector<Type> argumentTypes(operands.size(), g.unranked(wide));
    SmallVector<Location> locations(operands.size(), op.getLoc());
    Block *body =
        rewriter.createBlock(&scan.getBody(), {}, argumentTypes, locations);
    GraphBuilder inner(rewriter, op.getLoc());
    unsigned next = 1;
    Step step;
    step.query = body->getArgument(next++);
    step.key = body->getArgument(next++);
    step.value = body->getArgument(next++);
    if (gated)
      step.decay = body->getArgument(next++);
    if (delta)
      step.rate = body->getArgument(next++);
    auto [state, output] = advance(inner, body->getArgument(0), step, delta,
                                   queries / heads, heads);
    YieldOp::create(rewriter, op.getLoc(), ValueRange{state, output});
  }
  // [T, B, H, V] back to [B, T, H * V]
  Value output =
      g.reshape(g.transpose(scan->getResult(1), {1, 0, 2, 3}), {0, 0, -1});
  replaceResult(rewriter, op,
                {g.cast(output, element),
                 stateType == wide ? g.unary<IdentityOp>(scan->getResult(0))
                                   : g.cast(scan->getResult(0), stateType)});
  return success();
}

// The past in front (zeros without one), a depthwise convolution without
// padding, the last positions as new state.
LogicalResult expandCausalConv(CausalConvWithStateOp op,
                               PatternRewriter &rewriter) {
  auto weight = rankedType(op.getWeight());
  if (!weight || weight.isDynamicDim(0) || weight.isDynamicDim(2))
    return failure();
  GraphBuilder g(rewriter, op.getLoc());
  Type element = weight.getElementType();
  int64_t channels = weight.getDimSize(0), kept = weight.getDimSize(2) - 1;
  Value past = op.getPastState();
  if (!past && kept > 0)
    past = g.fill({g.dim(op.getInput(), 0), channels, kept}, element, 0.0);
  Value whole = kept > 0 ? g.concat({past, op.getInput()}, 2) : op.getInput();
  Value y = g.make<ConvOp>(element, {whole, op.getWeight(), op.getBias()},
                           {g.attr("group", channels)});
  if (op.getActivation() == "silu" || op.getActivation() == "swish")
    y = g.unary<SwishOp>(y);
  Value present =
      kept > 0 ? g.slice(whole, 2, -kept, std::numeric_limits<int64_t>::max())
               : g.slice(whole, 2, 0, 0);
  replaceResult(rewriter, op, {y, present});
  return success();
}

} // namespace

void ashlar::onnx::populateLinearAttentionExpansions(
    RewritePatternSet &patterns) {
  patterns.add(expandLinear);
  patterns.add(expandCausalConv);
}
