// Operators of ai.onnx.ml that are arithmetic of ai.onnx under another name:
// what prepares features, and linear models.
#include "passes/simplify/expand/GraphBuilder.h"

using namespace mlir;
using namespace ashlar;
using namespace ashlar::onnx;

namespace {

Value floats(GraphBuilder &g, ArrayRef<float> values, ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, g.builder.getF32Type());
  return makeConstant(g.builder, g.loc, DenseElementsAttr::get(type, values));
}

Value floats(GraphBuilder &g, ArrayRef<float> values) {
  return floats(g, values, {int64_t(values.size())});
}

Value toFloat(GraphBuilder &g, Value x) {
  Type f32 = g.builder.getF32Type();
  return g.element(x) == f32 ? x : g.cast(x, f32);
}

LogicalResult expandScaler(MlScalerOp op, PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  Value y = toFloat(g, op.getX());
  if (op.getOffset())
    y = g.sub(y, floats(g, *op.getOffset()));
  if (op.getScale())
    y = g.mul(y, floats(g, *op.getScale()));
  if (y == op.getX())
    y = g.unary<IdentityOp>(y);
  replaceResult(rewriter, op, y);
  return success();
}

LogicalResult expandBinarizer(MlBinarizerOp op, PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  Value x = op.getX();
  Value isAbove = g.compare<GreaterOp>(
      x, g.scalarLike(x, op.getThreshold().convertToDouble()));
  replaceResult(rewriter, op, g.cast(isAbove, g.element(x)));
  return success();
}

// Rows of zeros stay.
LogicalResult expandNormalizer(MlNormalizerOp op, PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  Value x = toFloat(g, op.getX()), size;
  if (op.getNorm() == "MAX")
    size = g.reduce<ReduceMaxOp>(x, {-1});
  else if (op.getNorm() == "L1")
    size = g.reduce<ReduceL1Op>(x, {-1});
  else if (op.getNorm() == "L2")
    size = g.reduce<ReduceL2Op>(x, {-1});
  else
    return failure();
  Value isZero = g.compare<EqualOp>(size, g.scalarLike(size, 0));
  size = g.select(isZero, g.scalarLike(size, 1), size);
  replaceResult(rewriter, op, g.div(x, size));
  return success();
}

LogicalResult expandImputer(MlImputerOp op, PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  Value x = op.getX(), isMissing, imputed;
  if (g.element(x).isF32() && op.getImputedValueFloats()) {
    APFloat missing = op.getReplacedValueFloat();
    isMissing =
        missing.isNaN()
            ? g.make<IsNaNOp>(g.builder.getI1Type(), {x})
            : g.compare<EqualOp>(x, g.scalarLike(x, missing.convertToDouble()));
    imputed = floats(g, *op.getImputedValueFloats());
  } else if (g.element(x).isInteger(64) && op.getImputedValueInt64s()) {
    isMissing = g.compare<EqualOp>(
        x, g.integers(ArrayRef<int64_t>(op.getReplacedValueInt64())));
    imputed = g.integers(*op.getImputedValueInt64s());
  } else {
    return failure();
  }
  replaceResult(rewriter, op, g.select(isMissing, imputed, x));
  return success();
}

// Scores of all rows: coefficients lie target by target. Null where their
// numbers do not fit.
Value score(GraphBuilder &g, Value x, int64_t targets,
            ArrayRef<float> coefficients,
            std::optional<ArrayRef<float>> intercepts) {
  bool hasBias = intercepts && !intercepts->empty();
  if (targets < 1 || coefficients.size() % targets ||
      (hasBias && int64_t(intercepts->size()) != targets))
    return {};
  int64_t features = int64_t(coefficients.size()) / targets;
  Value rows = g.reshape(toFloat(g, x), {-1, features});
  Value weights =
      g.transpose(floats(g, coefficients, {targets, features}), {1, 0});
  Value sums = g.matmul(rows, weights);
  return hasBias ? g.add(sums, floats(g, *intercepts)) : sums;
}

bool isKnownTransform(StringRef how) {
  return how == "NONE" || how == "LOGISTIC" || how == "SOFTMAX";
}

Value transformed(GraphBuilder &g, Value scores, StringRef how) {
  if (how == "LOGISTIC")
    return g.unary<SigmoidOp>(scores);
  return how == "SOFTMAX" ? g.softmax(scores) : scores;
}

LogicalResult expandRegressor(MlLinearRegressorOp op,
                              PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  if (!op.getCoefficients() || !isKnownTransform(op.getPostTransform()))
    return failure();
  Value y = score(g, op.getX(), op.getTargets(), *op.getCoefficients(),
                  op.getIntercepts());
  if (!y)
    return failure();
  replaceResult(rewriter, op, transformed(g, y, op.getPostTransform()));
  return success();
}

// One score a class; that one score stands for two classes is left out.
LogicalResult expandClassifier(MlLinearClassifierOp op,
                               PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  if (!op.getClasslabelsInts() || !isKnownTransform(op.getPostTransform()))
    return failure();
  ArrayRef<int64_t> labels = *op.getClasslabelsInts();
  ArrayRef<float> coefficients = op.getCoefficients();
  size_t targets = op.getIntercepts() ? op.getIntercepts()->size() : 0;
  if (labels.size() < 2 || targets != labels.size())
    return failure();
  Value scores =
      score(g, op.getX(), labels.size(), coefficients, op.getIntercepts());
  if (!scores)
    return failure();
  Value best = g.make<ArgMaxOp>(
      g.builder.getI64Type(), {scores},
      {g.attr("axis", int64_t(1)), g.attr("keepdims", int64_t(0))});
  replaceResult(rewriter, op,
                {g.gather(g.integers(labels), best, 0),
                 transformed(g, scores, op.getPostTransform())});
  return success();
}

} // namespace

void ashlar::onnx::populateMachineLearningExpansions(
    RewritePatternSet &patterns) {
  patterns.add(expandScaler);
  patterns.add(expandBinarizer);
  patterns.add(expandNormalizer);
  patterns.add(expandImputer);
  patterns.add(expandRegressor);
  patterns.add(expandClassifier);
}
