// Shapes of normalizations and losses.
#include "dialects/onnx/OnnxOps.h"
#include "passes/simplify/ShapeRegistry.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

LogicalResult inferFirst(Operation *op, OpShapes &shapes) {
  return shapes.resultShapedLike(
      op->getResult(0), shapes.element(op->getOperand(0)), op->getOperand(0));
}

// A parameter with an entry for each channel.
LogicalResult checkPerChannel(OpShapes &shapes, Value input, Value parameter,
                              StringRef name) {
  if (!parameter || !shapes.ranked(input) || !shapes.ranked(parameter) ||
      shapes.rank(input) < 2)
    return success();
  if (failed(shapes.expectRank(parameter, 1, name)))
    return failure();
  auto channels = shapes.dims(input)[1], length = shapes.dims(parameter)[0];
  if (channels.isConstant() && length.isConstant() && channels != length)
    return shapes.error() << "'" << name << "' has " << *length.constant()
                          << " entries, expected " << *channels.constant();
  return success();
}

LogicalResult inferBatchNormalization(BatchNormalizationOp op,
                                      OpShapes &shapes) {
  if (failed(checkPerChannel(shapes, op.getX(), op.getScale(), "scale")) ||
      failed(checkPerChannel(shapes, op.getX(), op.getB(), "B")) ||
      failed(checkPerChannel(shapes, op.getX(), op.getInputMean(),
                             "input_mean")) ||
      failed(checkPerChannel(shapes, op.getX(), op.getInputVar(), "input_var")))
    return failure();
  for (auto [result, input] :
       {std::pair<Value, Value>{op.getRunningMean(), op.getInputMean()},
        {op.getRunningVar(), op.getInputVar()}})
    if (failed(shapes.resultShapedLike(result, shapes.element(input), input)))
      return failure();
  return shapes.resultShapedLike(op.getY(), shapes.element(op.getX()),
                                 op.getX());
}

LogicalResult inferInstanceNormalization(InstanceNormalizationOp op,
                                         OpShapes &shapes) {
  if (failed(checkPerChannel(shapes, op.getInput(), op.getScale(), "scale")) ||
      failed(checkPerChannel(shapes, op.getInput(), op.getB(), "B")))
    return failure();
  return inferFirst(op, shapes);
}

LogicalResult inferGroupNormalization(GroupNormalizationOp op,
                                      OpShapes &shapes) {
  if (shapes.ranked(op.getX()) && shapes.rank(op.getX()) >= 2) {
    int64_t groups = op.getNumGroups();
    auto channels = shapes.dims(op.getX())[1].constant();
    if (groups < 1 || (channels && *channels % groups))
      return shapes.error() << "'num_groups' is " << groups
                            << ", expected a divisor of the channels";
  }
  return inferFirst(op, shapes);
}

// Mean and inverse deviation keep the axes before `axis` and have 1 after it.
LogicalResult inferStatistics(OpShapes &shapes, Value input, int64_t axisAttr,
                              ValueRange statistics, Type element) {
  if (!shapes.ranked(input)) {
    for (Value value : statistics)
      (void)shapes.resultUnranked(value, element);
    return success();
  }
  Shape dims(shapes.dims(input));
  auto axis = shapes.axis(axisAttr, dims.size());
  if (failed(axis))
    return failure();
  for (size_t i = *axis; i < dims.size(); ++i)
    dims[i] = 1;
  for (Value value : statistics)
    if (failed(shapes.result(value, element, dims)))
      return failure();
  return success();
}

LogicalResult inferLayerNormalization(LayerNormalizationOp op,
                                      OpShapes &shapes) {
  if (failed(inferStatistics(shapes, op.getX(), op.getAxis(),
                             {op.getMean(), op.getInvStdDev()},
                             Float32Type::get(op.getContext()))))
    return failure();
  return inferFirst(op, shapes);
}

LogicalResult inferRMSNormalization(RMSNormalizationOp op, OpShapes &shapes) {
  if (shapes.ranked(op.getX()) &&
      failed(shapes.axis(op.getAxis(), shapes.rank(op.getX()))))
    return failure();
  return inferFirst(op, shapes);
}

LogicalResult inferSimplified(MsSimplifiedLayerNormalizationOp op,
                              OpShapes &shapes) {
  if (failed(inferStatistics(shapes, op.getX(), op.getAxis(), op.getInvStdVar(),
                             Float32Type::get(op.getContext()))))
    return failure();
  return inferFirst(op, shapes);
}

template <typename Op> LogicalResult inferSkip(Op op, OpShapes &shapes) {
  if (failed(inferStatistics(shapes, op.getInput(), -1,
                             {op.getMean(), op.getInvStdVar()},
                             Float32Type::get(op.getContext()))) ||
      failed(shapes.resultShapedLike(op.getInputSkipBiasSum(),
                                     shapes.element(op.getInput()),
                                     op.getInput())))
    return failure();
  return inferFirst(op, shapes);
}

LogicalResult inferEmbed(MsEmbedLayerNormalizationOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getWordEmbedding());
  if (!shapes.ranked(op.getInputIds()) || !shapes.ranked(op.getWordEmbedding()))
    return shapes.result(op.getOutput(), element, shapes.unknownDims(3));
  if (failed(shapes.expectRank(op.getInputIds(), 2, "input_ids")) ||
      failed(shapes.expectRank(op.getWordEmbedding(), 2, "word_embedding")))
    return failure();
  Shape dims(shapes.dims(op.getInputIds()));
  dims.push_back(shapes.dims(op.getWordEmbedding())[1]);
  if (failed(shapes.result(op.getMaskIndex(),
                           IntegerType::get(op.getContext(), 32), dims[0])) ||
      failed(shapes.result(op.getEmbeddingSum(), element, dims)))
    return failure();
  return shapes.result(op.getOutput(), element, dims);
}

// The loss has the shape of the labels, or none when it is reduced.
LogicalResult inferLoss(OpShapes &shapes, Value labels, StringRef reduction,
                        Value result, Type element) {
  if (reduction != "none")
    return shapes.result(result, element, {});
  return shapes.resultShapedLike(result, element, labels);
}

LogicalResult inferSoftmaxLoss(SoftmaxCrossEntropyLossOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getScores());
  if (failed(shapes.resultShapedLike(op.getLogProb(), element, op.getScores())))
    return failure();
  return inferLoss(shapes, op.getLabels(), op.getReduction(), op.getOutput(),
                   element);
}

LogicalResult inferLikelihoodLoss(NegativeLogLikelihoodLossOp op,
                                  OpShapes &shapes) {
  return inferLoss(shapes, op.getTarget(), op.getReduction(), op.getLoss(),
                   shapes.element(op.getInput()));
}

} // namespace

void ashlar::onnx::registerNormalizationShapes(ShapeRegistry &registry) {
  registry.add<BatchNormalizationOp, inferBatchNormalization>();
  registry.add<InstanceNormalizationOp, inferInstanceNormalization>();
  registry.add<GroupNormalizationOp, inferGroupNormalization>();
  registry.add<LayerNormalizationOp, inferLayerNormalization>();
  registry.add<RMSNormalizationOp, inferRMSNormalization>();
  registry.add<MsSimplifiedLayerNormalizationOp, inferSimplified>();
  registry.add<MsSkipLayerNormalizationOp, inferSkip>();
  registry.add<MsSkipSimplifiedLayerNormalizationOp, inferSkip>();
  registry.add<MsEmbedLayerNormalizationOp, inferEmbed>();
  registry.add<SoftmaxCrossEntropyLossOp, inferSoftmaxLoss>();
  registry.add<NegativeLogLikelihoodLossOp, inferLikelihoodLoss>();
  registry.add<LRNOp, MeanVarianceNormalizationOp>(inferFirst);
}
