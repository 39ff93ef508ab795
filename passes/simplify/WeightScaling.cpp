#include "passes/simplify/WeightScaling.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

// f32 weights with each element scaled by the factor of its output channel.
ElementsAttr scaleWeights(ElementsAttr weights, ArrayRef<double> scale,
                          function_ref<int64_t(int64_t)> channelOf) {
  auto source = ConstantTensor::read(weights);
  if (!source)
    return {};
  ConstantBuilder builder(cast<RankedTensorType>(weights.getType()));
  for (int64_t i = 0; i < source->size(); ++i)
    builder.data<float>()[i] =
        float(source->data<float>()[i] * scale[channelOf(i)]);
  return std::move(builder).finish();
}

// The bias scaled and shifted; a missing one is zero.
Value scaleBias(PatternRewriter &rewriter, Location loc, Value bias,
                const ChannelAffine &affine) {
  std::vector<double> values(affine.scale.size(), 0.0);
  if (bias) {
    ElementsAttr attr = constantOf(bias);
    auto known = attr ? doublesOf(attr) : std::nullopt;
    if (!known || (known->size() != values.size() && known->size() != 1))
      return {};
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = (*known)[known->size() == 1 ? 0 : i];
  }
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = values[i] * affine.scale[i] + affine.shift[i];
  auto type =
      RankedTensorType::get({int64_t(values.size())}, rewriter.getF32Type());
  return makeConstant(rewriter, loc, constantOfDoubles(type, values));
}

// The channel of each weight, by its place; null for shapes that do not fit.
std::function<int64_t(int64_t)>
channelsOf(Operation *op, RankedTensorType weights, int64_t channels) {
  ArrayRef<int64_t> shape = weights.getShape();
  int64_t kernel = 1;
  for (int64_t size : shape.drop_front(std::min<size_t>(2, shape.size())))
    kernel *= size;
  if (isa<ConvOp>(op)) {
    int64_t inner = kernel * shape[1];
    if (shape[0] != channels || inner == 0)
      return nullptr;
    return [=](int64_t i) { return i / inner; };
  }
  if (auto transpose = dyn_cast<ConvTransposeOp>(op)) {
    int64_t group = transpose.getGroup(), perGroup = shape[1];
    if (perGroup * group != channels || kernel == 0 || shape[0] % group)
      return nullptr;
    int64_t inputs = shape[0] / group;
    return [=](int64_t i) {
      int64_t input = i / (perGroup * kernel);
      return input / inputs * perGroup + i / kernel % perGroup;
    };
  }
  bool transposed = cast<GemmOp>(op).getTransB();
  int64_t columns = shape[1];
  if (shape[transposed ? 0 : 1] != channels)
    return nullptr;
  return [=](int64_t i) { return transposed ? i / columns : i % columns; };
}

bool isPlainGemm(GemmOp op) {
  return op.getAlpha().convertToDouble() == 1 &&
         op.getBeta().convertToDouble() == 1 &&
         (!op.getC() || !rankedType(op.getC()) ||
          rankedType(op.getC()).getRank() <= 1 ||
          rankedType(op.getC()).getDimSize(0) == 1);
}

} // namespace

LogicalResult ashlar::onnx::scaleOutput(Value value,
                                        const ChannelAffine &affine,
                                        Operation *consumer,
                                        PatternRewriter &rewriter) {
  Operation *op = value.getDefiningOp();
  if (!isa_and_nonnull<ConvOp, ConvTransposeOp, GemmOp>(op) ||
      !value.hasOneUse())
    return failure();
  if (auto gemm = dyn_cast<GemmOp>(op); gemm && !isPlainGemm(gemm))
    return failure();
  ElementsAttr weights = constantOf(op->getOperand(1));
  if (!weights || !weights.getElementType().isF32())
    return failure();
  auto type = dyn_cast<RankedTensorType>(weights.getType());
  if (!type || type.getRank() < 2)
    return failure();
  auto channelOf = channelsOf(op, type, affine.scale.size());
  if (!channelOf)
    return failure();
  Value bias =
      scaleBias(rewriter, op->getLoc(),
                op->getNumOperands() > 2 ? op->getOperand(2) : Value(), affine);
  if (!bias)
    return failure();
  ElementsAttr scaled = weights;
  if (llvm::any_of(affine.scale, [](double s) { return s != 1; }))
    scaled = scaleWeights(weights, affine.scale, channelOf);
  if (!scaled)
    return failure();
  Value kernel = scaled == weights
                     ? op->getOperand(1)
                     : makeConstant(rewriter, op->getLoc(), scaled);
  // The optional bias is the last operand: the operation is made anew with it.
  OperationState state(rewriter.getFusedLoc({op->getLoc(), consumer->getLoc()}),
                       op->getName());
  state.addOperands({op->getOperand(0), kernel, bias});
  state.addTypes(consumer->getResult(0).getType());
  state.addAttributes(op->getAttrs());
  rewriter.replaceOp(consumer, rewriter.create(state)->getResults());
  return success();
}
