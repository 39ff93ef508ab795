//===- FoldIntoConv.cpp - scales and shifts behind convolutions -----------===//
#include "compiler/quantization/FoldIntoConv.h"

#include "compiler/quantization/Migration.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::quantization;
using llvm::StringRef;

namespace {

/// y = scale * x + shift, one of each for every channel.
struct Affine {
  std::vector<double> scale, shift;
  explicit Affine(int64_t channels)
      : scale(channels, 1.0), shift(channels, 0.0) {}
};

class Folder {
public:
  explicit Folder(ModelGraph &graph) : graph(graph), constants(graph) {}

  /// Folds one node into each convolution that has one behind it.
  llvm::Expected<bool> round();

private:
  llvm::Expected<bool> foldBehind(int conv);
  llvm::Expected<std::optional<Affine>>
  affineOf(int node, StringRef x, int64_t channels, int64_t rank);
  llvm::Expected<std::optional<Affine>> normalization(int node,
                                                      int64_t channels);
  void apply(int conv, const FloatTensor &weights, const Affine &affine,
             const std::optional<FloatTensor> &bias);
  void replaceInput(int conv, int operand, FloatTensor tensor, StringRef what);

  ModelGraph &graph;
  ModelConstants constants;
  std::vector<char> dead;
};

// A constant with one value for each channel of a tensor of `rank` axes, or one
// for all.
std::optional<std::vector<double>> perChannel(const FloatTensor &tensor,
                                              int64_t channels, int64_t rank) {
  int64_t lead = rank - int64_t(tensor.shape.size());
  if (lead < 0)
    return std::nullopt;
  for (auto [axis, dim] : llvm::enumerate(tensor.shape))
    if (dim != 1 && (int64_t(axis) + lead != 1 || dim != channels))
      return std::nullopt;
  if (tensor.size() == 1)
    return std::vector<double>(channels, tensor.values.front());
  return std::vector<double>(tensor.values.begin(), tensor.values.end());
}

llvm::Expected<std::optional<Affine>> Folder::normalization(int node,
                                                            int64_t channels) {
  const proto::NodeProto &norm = graph.node(node);
  if (norm.input_size() != 5 || intAttribute(norm, "training_mode", 0) != 0 ||
      intAttribute(norm, "spatial", 1) != 1 ||
      (graph.opset() < 7 && intAttribute(norm, "is_test", 0) == 0))
    return std::nullopt;
  for (const std::string &more : llvm::drop_begin(
           llvm::make_range(norm.output().begin(), norm.output().end())))
    if (graph.isUsed(more))
      return std::nullopt;
  std::vector<FloatTensor> parts;
  for (int i = 1; i != 5; ++i) {
    auto part = constants.floats(norm.input(i));
    if (!part)
      return part.takeError();
    if (!*part || (*part)->size() != channels)
      return std::nullopt;
    parts.push_back(std::move(**part));
  }
  Affine affine(channels);
  double epsilon = floatAttribute(norm, "epsilon", 1e-5f);
  for (int64_t c = 0; c != channels; ++c) {
    affine.scale[c] =
        parts[0].values[c] / std::sqrt(double(parts[3].values[c]) + epsilon);
    affine.shift[c] = parts[1].values[c] - parts[2].values[c] * affine.scale[c];
  }
  return affine;
}

// What a node computes of `x`, if that is one scale and shift for each channel.
llvm::Expected<std::optional<Affine>>
Folder::affineOf(int node, StringRef x, int64_t channels, int64_t rank) {
  if (graph.is(node, "BatchNormalization"))
    return normalization(node, channels);
  bool isAdd = graph.is(node, "Add"), isSub = graph.is(node, "Sub"),
       isMul = graph.is(node, "Mul"), isDiv = graph.is(node, "Div");
  const proto::NodeProto &binary = graph.node(node);
  if (!(isAdd || isSub || isMul || isDiv) || binary.input_size() != 2 ||
      findAttribute(binary, "broadcast"))
    return std::nullopt;
  bool left = binary.input(0) == x;
  if (!left && (isSub || isDiv))
    return std::nullopt;
  auto other = constants.floats(binary.input(left ? 1 : 0));
  if (!other)
    return other.takeError();
  auto values = *other ? perChannel(**other, channels, rank) : std::nullopt;
  if (!values)
    return std::nullopt;
  Affine affine(channels);
  for (int64_t c = 0; c != channels; ++c) {
    if (isAdd || isSub)
      affine.shift[c] = isAdd ? (*values)[c] : -(*values)[c];
    else
      affine.scale[c] = isMul ? (*values)[c] : 1 / (*values)[c];
  }
  return affine;
}

void Folder::replaceInput(int conv, int operand, FloatTensor tensor,
                          StringRef what) {
  proto::NodeProto &node = graph.node(conv);
  std::string name = graph.uniqueName(node.output(0) + what.str());
  addInitializer(graph, makeFloats(name, tensor.shape, tensor.values));
  while (node.input_size() <= operand)
    node.add_input();
  node.set_input(operand, name);
}

void Folder::apply(int conv, const FloatTensor &weights, const Affine &affine,
                   const std::optional<FloatTensor> &bias) {
  const proto::NodeProto &node = graph.node(conv);
  bool scales = llvm::any_of(affine.scale, [](double s) { return s != 1; });
  if (scales) {
    FloatTensor scaled = weights;
    std::vector<int64_t> channels = outputChannelsOf(node, weights.shape);
    for (int64_t i = 0; i != weights.size(); ++i)
      scaled.values[i] = float(weights.values[i] * affine.scale[channels[i]]);
    replaceInput(conv, 1, std::move(scaled), "_weight");
  }
  FloatTensor shifted;
  shifted.shape = {int64_t(affine.shift.size())};
  for (size_t c = 0; c != affine.shift.size(); ++c)
    shifted.values.push_back(float(
        (bias ? bias->values[c] : 0.0) * affine.scale[c] + affine.shift[c]));
  replaceInput(conv, 2, std::move(shifted), "_bias");
}

llvm::Expected<bool> Folder::foldBehind(int conv) {
  proto::NodeProto &node = graph.node(conv);
  int behind = graph.onlyConsumerOf(node.output(0));
  if (behind < 0 || dead[behind] || node.input_size() < 2)
    return false;
  auto weights = constants.floats(node.input(1));
  if (!weights)
    return weights.takeError();
  if (!*weights || (*weights)->shape.size() < 3)
    return false;
  llvm::ArrayRef<int64_t> shape = (*weights)->shape;
  int64_t channels = node.op_type() == "Conv"
                         ? shape[0]
                         : shape[1] * intAttribute(node, "group", 1);
  std::optional<FloatTensor> bias;
  if (node.input_size() > 2 && !node.input(2).empty()) {
    auto found = constants.floats(node.input(2));
    if (!found)
      return found.takeError();
    if (!*found || (*found)->size() != channels)
      return false;
    bias = std::move(*found);
  }
  auto affine =
      affineOf(behind, node.output(0), channels, int64_t(shape.size()));
  if (!affine)
    return affine.takeError();
  if (!*affine)
    return false;
  for (double value : llvm::concat<double>((*affine)->scale, (*affine)->shift))
    if (!std::isfinite(value))
      return false;
  // The name of the result in between goes with the node.
  std::string result = graph.node(behind).output(0);
  node.set_output(0, result);
  apply(conv, **weights, **affine, bias);
  dead[behind] = 1;
  return true;
}

llvm::Expected<bool> Folder::round() {
  dead.assign(graph.nodeCount(), 0);
  bool any = false;
  for (int index : graph.order()) {
    if (!graph.is(index, "Conv") && !graph.is(index, "ConvTranspose"))
      continue;
    auto folded = foldBehind(index);
    if (!folded)
      return folded.takeError();
    any |= *folded;
  }
  if (any)
    removeNodes(graph, dead);
  return any;
}

} // namespace

llvm::Error quantization::foldIntoConvolutions(ModelGraph &graph) {
  llvm::StringSet<> unused = unusedConstants(graph);
  while (true) {
    auto again = Folder(graph).round();
    if (!again)
      return again.takeError();
    if (!*again)
      break;
  }
  removeUnusedConstants(graph, unused);
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Changing the file
//===----------------------------------------------------------------------===//

void quantization::removeNodes(ModelGraph &graph,
                               const std::vector<char> &dead) {
  auto &nodes = *graph.graph().mutable_node();
  int kept = 0;
  for (int index = 0; index != nodes.size(); ++index)
    if (!dead[index])
      nodes.SwapElements(kept++, index);
  nodes.DeleteSubrange(kept, nodes.size() - kept);
  graph.index();
  // What nothing makes any more has no type.
  auto &infos = *graph.graph().mutable_value_info();
  for (int i = infos.size(); i-- > 0;) {
    StringRef name = infos[i].name();
    if (graph.producerOf(name) < 0 && !graph.isConstant(name) &&
        !graph.isInput(name) && !graph.isUsed(name))
      infos.DeleteSubrange(i, 1);
  }
}

void quantization::addInitializer(ModelGraph &graph,
                                  proto::TensorProto tensor) {
  proto::ModelProto &model = graph.modelFile().model;
  if (model.ir_version() < 4 && !graph.isBody()) {
    // Before version 4 every initialiser is the default value of an input.
    proto::ValueInfoProto *info = graph.graph().add_input();
    info->set_name(tensor.name());
    auto *type = info->mutable_type()->mutable_tensor_type();
    type->set_elem_type(tensor.data_type());
    type->mutable_shape();
    for (int64_t dim : tensor.dims())
      type->mutable_shape()->add_dim()->set_dim_value(dim);
  }
  *graph.graph().add_initializer() = std::move(tensor);
}

llvm::StringSet<> quantization::unusedConstants(const ModelGraph &graph) {
  llvm::StringSet<> unused;
  for (const proto::TensorProto &tensor : graph.graph().initializer())
    if (!graph.isUsed(tensor.name()))
      unused.insert(tensor.name());
  for (const proto::NodeProto &node : graph.graph().node())
    for (const std::string &output : node.output())
      if (!graph.isUsed(output))
        unused.insert(output);
  return unused;
}

std::vector<std::string>
quantization::removeUnusedConstants(ModelGraph &graph,
                                    const llvm::StringSet<> &unused) {
  auto goes = [&](const std::string &name) {
    return !graph.isUsed(name) && !unused.contains(name) &&
           graph.isConstant(name);
  };
  bool again = true;
  while (again) {
    again = false;
    graph.index();
    std::vector<char> dead(graph.nodeCount(), 0);
    for (int index = 0; index != graph.nodeCount(); ++index) {
      const auto &outputs = graph.node(index).output();
      dead[index] = !outputs.empty() && llvm::all_of(outputs, goes);
      again |= bool(dead[index]);
    }
    if (again)
      removeNodes(graph, dead);
  }
  std::vector<std::string> inputs;
  auto &tensors = *graph.graph().mutable_initializer();
  llvm::StringSet<> gone;
  int kept = 0;
  for (int i = 0; i != tensors.size(); ++i) {
    if (goes(tensors[i].name()))
      gone.insert(tensors[i].name());
    else
      tensors.SwapElements(kept++, i);
  }
  tensors.DeleteSubrange(kept, tensors.size() - kept);
  auto &declared = *graph.graph().mutable_input();
  kept = 0;
  for (int i = 0; i != declared.size(); ++i) {
    if (gone.contains(declared[i].name()))
      inputs.push_back(declared[i].name());
    else
      declared.SwapElements(kept++, i);
  }
  declared.DeleteSubrange(kept, declared.size() - kept);
  graph.index();
  return inputs;
}
