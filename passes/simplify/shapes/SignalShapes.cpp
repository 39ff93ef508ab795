// Shapes of signal processing, random numbers, text and images.
#include "dialects/onnx/OnnxOps.h"
#include "dialects/onnx/OperatorSchema.h"
#include "passes/simplify/ShapeRegistry.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

LogicalResult inferDFT(DFTOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getInput());
  if (!shapes.ranked(op.getInput()))
    return shapes.resultUnranked(op.getOutput(), element);
  Shape dims(shapes.dims(op.getInput()));
  int64_t rank = dims.size();
  if (rank < 2)
    return shapes.error() << "'input' is " << toString(dims)
                          << ", expected at least 2 dimensions";
  int64_t axisValue = -2;
  if (op.getAxis()) {
    auto given = shapes.integers(op.getAxis());
    if (!given || given->size() != 1)
      return shapes.result(op.getOutput(), element, shapes.unknownDims(rank));
    axisValue = given->front();
  }
  auto axis = shapes.axis(axisValue, rank);
  if (failed(axis))
    return failure();
  if (op.getDftLength()) {
    auto length = shapes.elements(op.getDftLength());
    dims[*axis] =
        length && length->size() == 1 ? (*length)[0] : shapes.unknown();
  }
  bool inverse = op.getInverse();
  if (op.getOnesided() && !inverse)
    dims[*axis] = shapes.add(shapes.floorDivide(dims[*axis], 2), 1);
  else if (op.getOnesided() && inverse && !op.getDftLength())
    dims[*axis] = shapes.multiply(shapes.subtract(dims[*axis], 1), 2);
  dims.back() = op.getOnesided() && inverse ? 1 : 2;
  return shapes.result(op.getOutput(), element, dims);
}

LogicalResult inferSTFT(STFTOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getSignal());
  if (!shapes.ranked(op.getSignal()))
    return shapes.result(op.getOutput(), element, shapes.unknownDims(4));
  auto signal = shapes.dims(op.getSignal());
  if (signal.size() != 2 && signal.size() != 3)
    return shapes.error() << "'signal' is " << toString(signal)
                          << ", expected 2 or 3 dimensions";
  DimExpr frame = shapes.unknown();
  if (auto length = shapes.elements(op.getFrameLength());
      length && length->size() == 1)
    frame = (*length)[0];
  else if (op.getWindow() && shapes.ranked(op.getWindow()) &&
           shapes.rank(op.getWindow()) == 1)
    frame = shapes.dims(op.getWindow())[0];
  auto step = shapes.integers(op.getFrameStep());
  DimExpr frames = shapes.unknown();
  if (step && step->size() == 1 && step->front() > 0)
    frames = shapes.add(
        shapes.floorDivide(shapes.subtract(signal[1], frame), step->front()),
        1);
  DimExpr bins =
      op.getOnesided() ? shapes.add(shapes.floorDivide(frame, 2), 1) : frame;
  return shapes.result(op.getOutput(), element, {signal[0], frames, bins, 2});
}

template <typename Op> LogicalResult inferWindow(Op op, OpShapes &shapes) {
  Type element = elementTypeFromOnnx(op.getContext(), op.getOutputDatatype());
  if (!element)
    return shapes.error() << "unknown element type "
                          << int64_t(op.getOutputDatatype());
  auto size = shapes.elements(op.getSize());
  return shapes.result(
      op.getOutput(), element,
      {size && size->size() == 1 ? (*size)[0] : shapes.unknown()});
}

LogicalResult inferMel(MelWeightMatrixOp op, OpShapes &shapes) {
  Type element = elementTypeFromOnnx(op.getContext(), op.getOutputDatatype());
  if (!element)
    return shapes.error() << "unknown element type "
                          << int64_t(op.getOutputDatatype());
  auto bins = shapes.elements(op.getNumMelBins());
  auto length = shapes.elements(op.getDftLength());
  DimExpr rows = length && length->size() == 1
                     ? shapes.add(shapes.floorDivide((*length)[0], 2), 1)
                     : shapes.unknown();
  return shapes.result(
      op.getOutput(), element,
      {rows, bins && bins->size() == 1 ? (*bins)[0] : shapes.unknown()});
}

template <typename Op> LogicalResult inferRandom(Op op, OpShapes &shapes) {
  Type element = elementTypeFromOnnx(op.getContext(), op.getDtype());
  if (!element)
    return shapes.error() << "unknown element type " << int64_t(op.getDtype());
  Shape dims(op.getShape().begin(), op.getShape().end());
  return shapes.result(op.getOutput(), element, dims);
}

template <typename Op> LogicalResult inferLike(Op op, OpShapes &shapes) {
  Type element = op.getDtype()
                     ? elementTypeFromOnnx(op.getContext(), *op.getDtype())
                     : shapes.element(op.getInput());
  if (!element)
    return shapes.error() << "unknown element type " << int64_t(*op.getDtype());
  return shapes.resultShapedLike(op.getOutput(), element, op.getInput());
}

LogicalResult inferMultinomial(MultinomialOp op, OpShapes &shapes) {
  Type element = elementTypeFromOnnx(op.getContext(), op.getDtype());
  if (!element)
    return shapes.error() << "unknown element type " << int64_t(op.getDtype());
  DimExpr batch = shapes.ranked(op.getInput()) && shapes.rank(op.getInput()) > 0
                      ? shapes.dims(op.getInput())[0]
                      : shapes.unknown();
  return shapes.result(op.getOutput(), element,
                       {batch, int64_t(op.getSampleSize())});
}

LogicalResult inferImageDecoder(ImageDecoderOp op, OpShapes &shapes) {
  int64_t channels = op.getPixelFormat() == "Grayscale" ? 1 : 3;
  return shapes.result(
      op.getImage(),
      IntegerType::get(op.getContext(), 8, IntegerType::Unsigned),
      {shapes.unknown(), shapes.unknown(), channels});
}

LogicalResult inferRegex(RegexFullMatchOp op, OpShapes &shapes) {
  return shapes.resultShapedLike(
      op.getY(), IntegerType::get(op.getContext(), 1), op.getX());
}

LogicalResult inferStringSplit(StringSplitOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getX());
  if (!shapes.ranked(op.getX())) {
    (void)shapes.resultUnranked(op.getY(), element);
  } else {
    Shape dims(shapes.dims(op.getX()));
    dims.push_back(shapes.unknown());
    (void)shapes.result(op.getY(), element, dims);
  }
  return shapes.resultShapedLike(
      op.getZ(), IntegerType::get(op.getContext(), 64), op.getX());
}

LogicalResult inferStringNormalizer(StringNormalizerOp op, OpShapes &shapes) {
  if (!shapes.ranked(op.getX()))
    return shapes.resultUnranked(op.getY(), shapes.element(op.getX()));
  Shape dims(shapes.dims(op.getX()));
  if (op.getStopwords() && !dims.empty())
    dims.back() = shapes.unknown();
  return shapes.result(op.getY(), shapes.element(op.getX()), dims);
}

LogicalResult inferTfIdf(TfIdfVectorizerOp op, OpShapes &shapes) {
  Type element = Float32Type::get(op.getContext());
  int64_t width = 0;
  for (int64_t index : op.getNgramIndexes())
    width = std::max(width, index + 1);
  if (!shapes.ranked(op.getX()))
    return shapes.resultUnranked(op.getY(), element);
  Shape dims;
  if (shapes.rank(op.getX()) > 1)
    dims.push_back(shapes.dims(op.getX())[0]);
  dims.push_back(width);
  return shapes.result(op.getY(), element, dims);
}

// Optimizers give, after the first inputs' groups, updated tensors of the same
// shapes.
LogicalResult inferOptimizer(Operation *op, OpShapes &shapes) {
  unsigned results = op->getNumResults();
  unsigned inputs = op->getNumOperands() - 2;
  // Inputs come as X, gradients, then the state; results are X and the state.
  if (results == 0 || inputs % (results + 1) != 0) {
    unsigned tensors = isa<TrainingAdamOp>(op) ? inputs / 4 : inputs / 3;
    if (tensors == 0)
      return shapes.error() << "has " << inputs << " tensors";
    for (unsigned i = 0; i < results; ++i) {
      unsigned from = i < tensors ? i : i + tensors;
      if (2 + from >= op->getNumOperands() ||
          failed(shapes.resultLike(op->getResult(i), op->getOperand(2 + from))))
        return failure();
    }
    return success();
  }
  unsigned tensors = inputs / (results + 1);
  for (unsigned i = 0; i < results; ++i) {
    unsigned from = i < tensors ? i : i + tensors;
    (void)shapes.resultLike(op->getResult(i),
                            op->getOperand(2 + std::min(from, inputs - 1)));
  }
  return success();
}

} // namespace

void ashlar::onnx::registerSignalShapes(ShapeRegistry &registry) {
  registry.add<DFTOp, inferDFT>();
  registry.add<STFTOp, inferSTFT>();
  registry.add<HannWindowOp, inferWindow>();
  registry.add<HammingWindowOp, inferWindow>();
  registry.add<BlackmanWindowOp, inferWindow>();
  registry.add<MelWeightMatrixOp, inferMel>();
  registry.add<RandomNormalOp, inferRandom>();
  registry.add<RandomUniformOp, inferRandom>();
  registry.add<RandomNormalLikeOp, inferLike>();
  registry.add<RandomUniformLikeOp, inferLike>();
  registry.add<BernoulliOp, inferLike>();
  registry.add<MultinomialOp, inferMultinomial>();
  registry.add<ImageDecoderOp, inferImageDecoder>();
  registry.add<RegexFullMatchOp, inferRegex>();
  registry.add<StringSplitOp, inferStringSplit>();
  registry.add<StringNormalizerOp, inferStringNormalizer>();
  registry.add<TfIdfVectorizerOp, inferTfIdf>();
  registry.add<TrainingAdagradOp, TrainingAdamOp, TrainingMomentumOp>(
      inferOptimizer);
}
