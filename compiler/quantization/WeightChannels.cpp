//===- WeightChannels.cpp - channels that a weight belongs to -------------===//
#include "compiler/quantization/Migration.h"
#include "compiler/quantization/QuantizationParameters.h"

using namespace ashlar;
using namespace ashlar::quantization;
using llvm::StringRef;

namespace {

// Which axis of a matrix the sum runs over; -1: it is no matrix.
int64_t summedAxis(const proto::NodeProto &node,
                   llvm::ArrayRef<int64_t> shape) {
  if (shape.size() != 2)
    return -1;
  return node.op_type() == "Gemm" && intAttribute(node, "transB", 0) ? 1 : 0;
}

struct ConvIndex {
  int64_t inner = 1, group, first, second;
  ConvIndex(const proto::NodeProto &node, llvm::ArrayRef<int64_t> shape)
      : group(intAttribute(node, "group", 1)), first(shape[0]),
        second(shape[1]) {
    for (int64_t size : shape.drop_front(2))
      inner *= size;
  }
  int64_t row(int64_t i) const { return i / inner / second; }
  int64_t column(int64_t i) const { return i / inner % second; }
  /// Rows are divided among the groups, each of which has columns of its own.
  int64_t columnOfAll(int64_t i) const {
    return row(i) / (first / group) * second + column(i);
  }
};

std::vector<int64_t> channelsOf(const proto::NodeProto &node,
                                llvm::ArrayRef<int64_t> shape, bool ofInput) {
  StringRef op = node.op_type();
  if (op == "MatMul" || op == "Gemm") {
    int64_t axis = summedAxis(node, shape);
    if (axis < 0 || intAttribute(node, "transA", 0))
      return {};
    return channelsAlong(shape, ofInput ? axis : 1 - axis);
  }
  if ((op != "Conv" && op != "ConvTranspose") || shape.size() < 3)
    return {};
  ConvIndex index(node, shape);
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  // Rows are output channels of Conv and input channels of ConvTranspose.
  bool rows = ofInput == (op == "ConvTranspose");
  std::vector<int64_t> channels(count);
  for (int64_t i = 0; i != count; ++i)
    channels[i] = rows ? index.row(i) : index.columnOfAll(i);
  return channels;
}

} // namespace

std::vector<int64_t>
quantization::inputChannelsOf(const proto::NodeProto &node,
                              llvm::ArrayRef<int64_t> weightShape) {
  return channelsOf(node, weightShape, /*ofInput=*/true);
}

std::vector<int64_t>
quantization::outputChannelsOf(const proto::NodeProto &node,
                               llvm::ArrayRef<int64_t> weightShape) {
  return channelsOf(node, weightShape, /*ofInput=*/false);
}
