//===- OperatorRoles.cpp - what quantization makes of an operator ---------===//
#include "compiler/quantization/OperatorRoles.h"

#include "compiler/quantization/EinsumForm.h"

using namespace ashlar;
using namespace ashlar::quantization;
using llvm::StringRef;

namespace {

const llvm::StringSet<> &setOf(Role role) {
  static const llvm::StringSet<> contractions = {"Conv", "ConvTranspose",
                                                 "MatMul", "Gemm"};
  static const llvm::StringSet<> multiplying = {
      "LSTM",          "GRU",           "RNN",
      "QLinearConv",   "QLinearMatMul", "ConvInteger",
      "MatMulInteger", "DeformConv",    "Attention"};
  static const llvm::StringSet<> movement = {
      "Transpose", "Reshape",  "Flatten",        "Squeeze",
      "Unsqueeze", "Slice",    "Split",          "Gather",
      "Expand",    "Tile",     "DepthToSpace",   "SpaceToDepth",
      "Identity",  "GatherND", "GatherElements", "MaxPool"};
  static const llvm::StringSet<> elementwise = {"Add",
                                                "Sub",
                                                "Mul",
                                                "Div",
                                                "Min",
                                                "Max",
                                                "Sum",
                                                "Mean",
                                                "Relu",
                                                "LeakyRelu",
                                                "PRelu",
                                                "Clip",
                                                "Sigmoid",
                                                "Tanh",
                                                "HardSigmoid",
                                                "HardSwish",
                                                "Gelu",
                                                "Elu",
                                                "Selu",
                                                "Celu",
                                                "Softplus",
                                                "Softsign",
                                                "Erf",
                                                "Exp",
                                                "Log",
                                                "Sqrt",
                                                "Reciprocal",
                                                "Abs",
                                                "Neg",
                                                "Pow",
                                                "Mish",
                                                "Swish",
                                                "ThresholdedRelu",
                                                "BatchNormalization"};
  static const llvm::StringSet<> none;
  switch (role) {
  case Role::Contraction:
    return contractions;
  case Role::Multiplying:
    return multiplying;
  case Role::Movement:
    return movement;
  case Role::Elementwise:
    return elementwise;
  default:
    return none;
  }
}

Role roleOfContributed(StringRef op) {
  if (op == "Gelu" || op == "FastGelu" || op == "QuickGelu" || op == "BiasGelu")
    return Role::Elementwise;
  if (op == "Attention" || op == "MultiHeadAttention" ||
      op == "GroupQueryAttention" || op == "FusedConv" || op == "FusedGemm" ||
      op == "FusedMatMul" || op == "MatMulNBits" || op == "QGemm" ||
      op == "DynamicQuantizeMatMul" || op == "MatMulIntegerToFloat" ||
      op == "DynamicQuantizeLSTM")
    return Role::Multiplying;
  return Role::Other;
}

// Resizing that repeats elements.
bool repeatsElements(const proto::NodeProto &node) {
  return stringAttribute(node, "mode", "nearest") == "nearest" &&
         stringAttribute(node, "coordinate_transformation_mode", "") !=
             "tf_crop_and_resize";
}

// Padding with what every quantized tensor can say: zeros, or its elements.
bool padsExactly(const proto::NodeProto &node, ModelConstants &constants) {
  if (stringAttribute(node, "mode", "constant") != "constant")
    return true;
  if (node.input_size() > 2 && !node.input(2).empty())
    return constants.scalar(node.input(2)) == 0.0f;
  return floatAttribute(node, "value", 0) == 0;
}

// Averages over the picture: the last two axes of four.
bool averagesPictures(const proto::NodeProto &node, ModelConstants &constants) {
  std::vector<int64_t> axes = intsAttribute(node, "axes");
  if (node.input_size() > 1)
    axes = constants.integers(node.input(1)).value_or(std::vector<int64_t>());
  llvm::sort(axes);
  return axes == std::vector<int64_t>{2, 3} ||
         axes == std::vector<int64_t>{-2, -1};
}

} // namespace

Role quantization::roleOf(const ModelGraph &graph, ModelConstants &constants,
                          int index) {
  const proto::NodeProto &node = graph.node(index);
  StringRef op = node.op_type();
  if (node.output().empty() || node.input().empty())
    return Role::Other;
  if (!graph.isStandard(index))
    return node.domain() == "com.microsoft" ? roleOfContributed(op)
                                            : Role::Other;
  for (Role role : {Role::Contraction, Role::Multiplying, Role::Elementwise})
    if (setOf(role).contains(op))
      return role;
  if (op == "Einsum")
    return readEinsum(node) ? Role::Contraction : Role::Multiplying;
  if (op == "Concat")
    return Role::Concat;
  if (op == "AveragePool" || op == "GlobalAveragePool" ||
      (op == "ReduceMean" && averagesPictures(node, constants)))
    return Role::Average;
  if (op == "MaxPool" && node.output_size() > 1)
    return Role::Other;
  if (op == "Dropout")
    return graph.opset() < 12 || node.input_size() < 3 ? Role::Movement
                                                       : Role::Other;
  if ((op == "Resize" || op == "Upsample") && repeatsElements(node))
    return Role::Movement;
  if (op == "Pad" && padsExactly(node, constants))
    return Role::Movement;
  return setOf(Role::Movement).contains(op) ? Role::Movement : Role::Other;
}

bool quantization::isDearFunction(const ModelGraph &graph, int index) {
  static const llvm::StringSet<> dear = {
      "Sigmoid", "Tanh",       "Gelu",     "Elu",      "Selu",
      "Celu",    "Softplus",   "Erf",      "Exp",      "Log",
      "Sqrt",    "Swish",      "Softsign", "Mish",     "Pow",
      "Div",     "Reciprocal", "FastGelu", "QuickGelu"};
  return dear.contains(graph.node(index).op_type());
}
