//===- PlanLayers.cpp - which contractions can be quantized ---------------===//
#include "compiler/quantization/EinsumForm.h"
#include "compiler/quantization/QuantizationPlan.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::quantization;
using ashlar::onnx::ElementType;
using llvm::StringRef;

static StringRef typeName(ElementType type) {
  switch (type) {
  case ElementType::Float16:
    return "float16";
  case ElementType::Bfloat16:
    return "bfloat16";
  case ElementType::Double:
    return "float64";
  case ElementType::Undefined:
    return "a type that is not known";
  default:
    return "integers";
  }
}

bool quantization::isDequantized(const ModelGraph &graph, StringRef tensor) {
  int producer = graph.producerOf(tensor);
  return producer >= 0 && graph.node(producer).op_type() == "DequantizeLinear";
}

namespace {

class LayerPlanner {
public:
  LayerPlanner(const ModelGraph &graph, ModelConstants &constants, int node)
      : graph(graph), constants(constants), node(graph.node(node)) {
    layer.node = node;
  }

  PlannedLayer plan();

private:
  PlannedLayer refuse(const llvm::Twine &reason) {
    layer.reason = reason.str();
    return layer;
  }
  std::optional<std::string> checkTypes();
  /// Null if the weights at an operand can be quantized, else why not.
  std::optional<std::string> checkWeights(int operand, size_t leastRank);
  std::optional<std::string> checkTransposed();
  int64_t countTerms() const;
  bool tooManyTerms() const;
  int64_t termsOf(const EinsumForm &form) const;
  void lookForBias(int operand);

  const ModelGraph &graph;
  ModelConstants &constants;
  const proto::NodeProto &node;
  PlannedLayer layer;
  std::vector<int64_t> weightShape;
};

std::optional<std::string> LayerPlanner::checkTypes() {
  for (int i = 0; i != std::min(2, node.input_size()); ++i) {
    ElementType type = graph.elementType(node.input(i));
    if (type != ElementType::Float)
      return ("computes in " + typeName(type)).str();
  }
  return std::nullopt;
}

std::optional<std::string> LayerPlanner::checkWeights(int operand,
                                                      size_t leastRank) {
  StringRef name = node.input(operand);
  auto values = constants.floats(name);
  if (!values)
    return "its weights cannot be read: " + llvm::toString(values.takeError());
  if (!*values) {
    int producer = graph.producerOf(name);
    return producer < 0 || !graph.isConstant(name)
               ? std::string("its weights are not constant")
               : "its weights are computed by " +
                     graph.node(producer).op_type();
  }
  if ((*values)->shape.size() < leastRank)
    return std::string("its weights have too few axes");
  if ((*values)->values.empty())
    return std::string("its weights are empty");
  if (!llvm::all_of((*values)->values,
                    [](float x) { return std::isfinite(x); }))
    return std::string("its weights hold NaN or infinity");
  weightShape = (*values)->shape;
  return std::nullopt;
}

int64_t LayerPlanner::termsOf(const EinsumForm &form) const {
  int64_t terms = 1;
  for (size_t axis = 0; axis != weightShape.size(); ++axis)
    if (form.isContracted(form.right[axis]))
      terms *= weightShape[axis];
  return terms;
}

// How many products are summed to one element.
int64_t LayerPlanner::countTerms() const {
  StringRef op = node.op_type();
  size_t rank = weightShape.size();
  if (op == "Einsum")
    return termsOf(*readEinsum(node));
  if (op == "ConvTranspose") {
    // One output has every stride-th tap of a window.
    std::vector<int64_t> strides = intsAttribute(node, "strides");
    strides.resize(rank - 2, 1);
    int64_t terms = weightShape[0];
    for (size_t axis = 2; axis != rank; ++axis)
      terms *= llvm::divideCeil(weightShape[axis],
                                std::max<int64_t>(strides[axis - 2], 1));
    return terms;
  }
  if (op == "MatMul")
    return weightShape[rank - 2];
  if (op == "Gemm")
    return weightShape[intAttribute(node, "transB", 0) ? 1 : 0];
  int64_t terms = 1;
  for (int64_t size : llvm::drop_begin(weightShape))
    terms *= size;
  return terms;
}

// Sums of products of two bytes, with as much again for bias and zero points.
bool LayerPlanner::tooManyTerms() const {
  return layer.terms > (int64_t(1) << 30) / (255 * 127);
}

// Others have no integer kernel (ashlar-expand-transposed-convolutions).
std::optional<std::string> LayerPlanner::checkTransposed() {
  auto notOne = [](int64_t x) { return x != 1; };
  std::vector<int64_t> window(weightShape.begin() + 2, weightShape.end()),
      strides = intsAttribute(node, "strides"),
      pads = intsAttribute(node, "pads");
  strides.resize(window.size(), 1);
  pads.resize(2 * window.size(), 0);
  bool reachesAll = true;
  for (size_t axis = 0; axis != window.size(); ++axis)
    reachesAll &= strides[axis] <= window[axis] && pads[axis] < window[axis];
  if (window.size() <= 2 && reachesAll && intAttribute(node, "group", 1) == 1 &&
      llvm::none_of(intsAttribute(node, "dilations"), notOne) &&
      !findAttribute(node, "output_shape"))
    return std::nullopt;
  return std::string(
      "transposed convolutions multiply integers only on one or two axes, "
      "without groups, dilation, a given output shape, or strides or padding "
      "beyond their window");
}

void LayerPlanner::lookForBias(int operand) {
  if (node.input_size() <= operand || node.input(operand).empty() ||
      isDequantized(graph, node.input(operand)))
    return;
  int64_t channels = weightShape[layer.channelAxis];
  auto values = constants.floats(node.input(operand));
  if (!values) {
    llvm::consumeError(values.takeError());
    return;
  }
  // One for each channel, or one for all; a column is one for each row.
  bool fits = *values &&
              ((*values)->size() == 1 || ((*values)->size() == channels &&
                                          (*values)->shape.back() == channels));
  if (fits &&
      llvm::all_of((*values)->values, [](float x) { return std::isfinite(x); }))
    layer.bias = operand;
}

PlannedLayer LayerPlanner::plan() {
  if (node.input_size() < 2)
    return refuse("it has too few inputs");
  if (auto reason = checkTypes())
    return refuse(*reason);
  StringRef op = node.op_type(), x = node.input(0), w = node.input(1);
  if (graph.isConstant(x) && !isDequantized(graph, x))
    return refuse(graph.isConstant(w) ? "both of its inputs are constants"
                                      : "its left side is a constant");
  bool activationDone = isDequantized(graph, x),
       weightsDone = isDequantized(graph, w);
  if (activationDone && weightsDone)
    return refuse(kAlreadyQuantized);
  layer.activations.push_back(0);
  layer.quantized = true;
  if (weightsDone)
    return layer;
  std::optional<std::string> problem;
  if ((op == "MatMul" || op == "Einsum") && !graph.isConstant(w)) {
    layer.activations.push_back(1);
    return layer;
  }
  bool isConv = op == "Conv" || op == "ConvTranspose";
  problem = checkWeights(1, isConv ? 3 : 2);
  auto form = op == "Einsum" ? readEinsum(node) : std::nullopt;
  if (!problem && form && form->right.size() != weightShape.size())
    problem = "its equation does not fit its weights";
  if (!problem)
    layer.terms = countTerms();
  if (!problem && tooManyTerms())
    problem = "its sums have so many terms that they could overflow 32 bits";
  if (!problem && op == "ConvTranspose")
    problem = checkTransposed();
  if (problem) {
    layer.quantized = false;
    layer.activations.clear();
    return refuse(*problem);
  }
  layer.weights = 1;
  if (op == "Conv")
    for (int64_t size : llvm::drop_begin(weightShape, 2))
      layer.window *= size;
  int64_t rank = int64_t(weightShape.size());
  if (op == "Gemm")
    layer.channelAxis = intAttribute(node, "transB", 0) ? 0 : 1;
  else if (op == "MatMul")
    layer.channelAxis = int(rank - 1);
  else if (form)
    layer.channelAxis = form->columnAxes().empty() ? 0 : form->columnAxes()[0];
  else
    layer.channelAxis = op == "Conv" ? 0 : 1;
  // A batch of matrices has one scale, and so have columns along several axes:
  // the product has them along one.
  layer.oneScale =
      (op == "MatMul" && rank > 2) || (form && form->columnAxes().size() != 1);
  if (op != "MatMul" && !form)
    lookForBias(2);
  return layer;
}

} // namespace

PlannedLayer quantization::planLayer(const ModelGraph &graph,
                                     ModelConstants &constants, int node,
                                     Role role) {
  if (role == Role::Contraction)
    return LayerPlanner(graph, constants, node).plan();
  PlannedLayer layer;
  layer.node = node;
  const proto::NodeProto &proto = graph.node(node);
  StringRef op = proto.op_type();
  bool isInteger = op.starts_with("QLinear") || op.contains("Integer") ||
                   op == "QGemm" || op.starts_with("DynamicQuantize") ||
                   op == "MatMulNBits";
  layer.reason = isInteger ? kAlreadyQuantized.str()
                           : (op + " has no form with quantized inputs").str();
  return layer;
}
