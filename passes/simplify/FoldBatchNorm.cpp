#include "passes/simplify/Passes.h"

#include "passes/simplify/WeightScaling.h"

#include <cmath>

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_FOLDBATCHNORM
#include "passes/simplify/Passes.h.inc"

namespace {

// y = scale * x + shift for each channel; nothing when a parameter is no
// constant.
std::optional<ChannelAffine> affineOf(BatchNormalizationOp op) {
  std::optional<std::vector<double>> parameters[4];
  Value values[] = {op.getScale(), op.getB(), op.getInputMean(),
                    op.getInputVar()};
  for (auto [parameter, value] : llvm::zip(parameters, values)) {
    ElementsAttr attr = constantOf(value);
    parameter = attr ? doublesOf(attr) : std::nullopt;
    if (!parameter || parameter->size() != parameters[0]->size())
      return std::nullopt;
  }
  auto &[gamma, beta, mean, variance] = parameters;
  double epsilon = op.getEpsilon().convertToDouble();
  ChannelAffine affine;
  for (size_t i = 0; i < gamma->size(); ++i) {
    double scale = (*gamma)[i] / std::sqrt((*variance)[i] + epsilon);
    affine.scale.push_back(scale);
    affine.shift.push_back((*beta)[i] - (*mean)[i] * scale);
  }
  return affine;
}

// Without a contraction to take it: a product and a sum with a constant for
// each channel.
LogicalResult toMulAdd(BatchNormalizationOp op, const ChannelAffine &affine,
                       PatternRewriter &rewriter) {
  auto type = rankedType(op.getX());
  if (!type || type.getRank() < 2 || !isa<FloatType>(type.getElementType()) ||
      type.getElementType().getIntOrFloatBitWidth() < 32)
    return failure();
  SmallVector<int64_t> shape(type.getRank() - 1, 1);
  shape[0] = affine.scale.size();
  auto constantType = RankedTensorType::get(shape, type.getElementType());
  Value scale = makeConstant(rewriter, op.getLoc(),
                             constantOfDoubles(constantType, affine.scale));
  Value shift = makeConstant(rewriter, op.getLoc(),
                             constantOfDoubles(constantType, affine.shift));
  Type result = op.getY().getType();
  Value product =
      MulOp::create(rewriter, op.getLoc(), result, op.getX(), scale);
  rewriter.replaceOpWithNewOp<AddOp>(op, result, product, shift);
  return success();
}

LogicalResult foldBatchNorm(BatchNormalizationOp op,
                            PatternRewriter &rewriter) {
  if (op.getTrainingMode() || op.getRunningMean() || op.getRunningVar())
    return failure();
  auto affine = affineOf(op);
  if (!affine)
    return failure();
  if (succeeded(scaleOutput(op.getX(), *affine, op, rewriter)))
    return success();
  return toMulAdd(op, *affine, rewriter);
}

struct FoldBatchNorm : impl::FoldBatchNormBase<FoldBatchNorm> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add(foldBatchNorm);
    (void)applyRewrites(getOperation(), std::move(patterns));
  }
};

} // namespace
} // namespace ashlar
