#include "compiler/report/MacCount.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringSwitch.h"

using namespace ashlar;
using namespace mlir;

static std::optional<int64_t> product(std::optional<int64_t> a,
                                      std::optional<int64_t> b) {
  int64_t result;
  if (!a || !b || __builtin_mul_overflow(*a, *b, &result))
    return std::nullopt;
  return result;
}

static RankedTensorType shapeOf(ValueRange values, unsigned index) {
  return index < values.size()
             ? dyn_cast<RankedTensorType>(values[index].getType())
             : RankedTensorType();
}

static std::optional<int64_t> elements(RankedTensorType type) {
  if (!type || !type.hasStaticShape())
    return std::nullopt;
  int64_t count = 1;
  for (int64_t dim : type.getShape())
    if (__builtin_mul_overflow(count, dim, &count))
      return std::nullopt;
  return count;
}

// Elements of `type` without its dimension `axis`, counted from the end where
// negative.
static std::optional<int64_t> elementsBeside(RankedTensorType type, int axis) {
  auto count = elements(type);
  if (!count || type.getRank() == 0)
    return std::nullopt;
  int64_t dim = type.getDimSize(axis < 0 ? type.getRank() + axis : axis);
  return dim ? *count / dim : 0;
}

static std::optional<int64_t> lastDim(RankedTensorType type) {
  if (!type || type.getRank() == 0 || type.isDynamicDim(type.getRank() - 1))
    return std::nullopt;
  return type.getDimSize(type.getRank() - 1);
}

static std::optional<int64_t> gemmMacs(Operation *op) {
  RankedTensorType a = shapeOf(op->getOperands(), 0);
  RankedTensorType y = shapeOf(op->getResults(), 0);
  auto out = elements(y), in = elements(a);
  if (!out || !in || y.getRank() != 2 || !y.getDimSize(0))
    return std::nullopt;
  return product(out, *in / y.getDimSize(0));
}

// Every weight is used once for each row of the sequence.
static std::optional<int64_t> recurrentMacs(Operation *op) {
  auto rows = elementsBeside(shapeOf(op->getOperands(), 0), -1);
  auto w = elements(shapeOf(op->getOperands(), 1));
  auto r = elements(shapeOf(op->getOperands(), 2));
  if (!w || !r)
    return std::nullopt;
  return product(rows, *w + *r);
}

std::optional<int64_t> ashlar::countMacs(Operation *op) {
  StringRef name = op->getName().getStringRef();
  if (!name.consume_front("onnx.") || op->getNumResults() == 0)
    return std::nullopt;
  ValueRange operands = op->getOperands();
  auto out = elements(shapeOf(op->getResults(), 0));
  // Operand of the weights, for those that have one: [outputs, inputs, ...].
  int weights = llvm::StringSwitch<int>(name)
                    .Cases({"Conv", "ConvInteger", "DeformConv"}, 1)
                    .Case("QLinearConv", 3)
                    .Default(-1);
  if (weights >= 0)
    return product(out, elementsBeside(shapeOf(operands, weights), 0));
  if (name == "ConvTranspose")
    return product(elements(shapeOf(operands, 0)),
                   elementsBeside(shapeOf(operands, 1), 0));
  if (name == "MatMul" || name == "MatMulInteger" || name == "QLinearMatMul")
    return product(out, lastDim(shapeOf(operands, 0)));
  if (name == "Gemm")
    return gemmMacs(op);
  if (name == "LSTM" || name == "GRU" || name == "RNN" ||
      name == "ms.DynamicQuantizeLSTM")
    return recurrentMacs(op);
  return std::nullopt;
}
