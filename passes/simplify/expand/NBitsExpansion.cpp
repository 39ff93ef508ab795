// MatMulNBits of com.microsoft: its weights are unpacked to floats while
// compiling.
#include "passes/simplify/expand/GraphBuilder.h"

#include "passes/analysis/ConstantData.h"
#include "passes/analysis/ConstantTensor.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

/// What a node says about its packed weights.
struct PackedWeights {
  int64_t k, n, bits, blockSize;
  ConstantTensor bytes, scales;
  std::optional<ConstantTensor> zeroPoints;

  int64_t blocks() const { return (k + blockSize - 1) / blockSize; }
  int64_t bytesOfBlock() const { return blockSize * bits / 8; }
  /// The zero points of a channel are packed like its weights.
  int64_t bytesOfZeroPoints() const { return (blocks() * bits + 7) / 8; }

  bool isComplete() const {
    int64_t zeros = zeroPoints ? zeroPoints->size() : n * bytesOfZeroPoints();
    return k > 0 && n > 0 && (bits == 4 || bits == 8) && blockSize >= 16 &&
           bytes.size() == n * blocks() * bytesOfBlock() &&
           scales.size() == n * blocks() && zeros == n * bytesOfZeroPoints();
  }

  static int64_t element(const ConstantTensor &tensor, int64_t bits,
                         int64_t start, int64_t index) {
    const uint8_t *data = tensor.data<uint8_t>() + start;
    if (bits == 8)
      return data[index];
    return data[index / 2] >> (index % 2 * 4) & 15;
  }

  float at(int64_t row, int64_t column) const {
    int64_t block = row / blockSize, place = column * blocks() + block;
    int64_t zero = int64_t(1) << (bits - 1);
    if (zeroPoints)
      zero = element(*zeroPoints, bits, column * bytesOfZeroPoints(), block);
    int64_t value =
        element(bytes, bits, place * bytesOfBlock(), row - block * blockSize);
    return float(value - zero) * scales.data<float>()[place];
  }
};

std::optional<ConstantTensor> constantBytes(Value value, bool isFloat) {
  ElementsAttr attr = value ? constantOf(value) : ElementsAttr();
  if (!attr || (isFloat ? !attr.getElementType().isF32()
                        : !attr.getElementType().isInteger(8)))
    return std::nullopt;
  return ConstantTensor::read(attr);
}

LogicalResult expandNBits(MsMatMulNBitsOp op, PatternRewriter &rewriter) {
  auto bytes = constantBytes(op.getB(), /*isFloat=*/false);
  auto scales = constantBytes(op.getScales(), /*isFloat=*/true);
  auto zeros = constantBytes(op.getZeroPoints(), /*isFloat=*/false);
  if (!bytes || !scales || op.getGIdx() || (op.getZeroPoints() && !zeros))
    return failure();
  PackedWeights weights{int64_t(op.getK()),    int64_t(op.getN()),
                        int64_t(op.getBits()), int64_t(op.getBlockSize()),
                        std::move(*bytes),     std::move(*scales),
                        std::move(zeros)};
  if (!weights.isComplete())
    return op.emitError() << "has weights, scales or zero points of other "
                             "sizes than K, N, bits and block_size ask for";
  auto type =
      RankedTensorType::get({weights.k, weights.n}, rewriter.getF32Type());
  ConstantBuilder builder(type);
  for (int64_t row = 0; row < weights.k; ++row)
    for (int64_t column = 0; column < weights.n; ++column)
      builder.data<float>()[row * weights.n + column] = weights.at(row, column);
  GraphBuilder g(rewriter, op.getLoc());
  Value y = g.matmul(op.getA(), makeConstant(rewriter, op.getLoc(),
                                             std::move(builder).finish()));
  replaceResult(rewriter, op, op.getBias() ? g.add(y, op.getBias()) : y);
  return success();
}

} // namespace

void ashlar::onnx::populateNBitsExpansions(RewritePatternSet &patterns) {
  patterns.add(expandNBits);
}
