//===- Migration.cpp - scales between activations and weights -------------===//
#include "compiler/quantization/Migration.h"

#include "compiler/quantization/FoldIntoConv.h"
#include "compiler/quantization/QuantizationPlan.h"

#include <algorithm>
#include <cmath>

using namespace ashlar;
using namespace ashlar::quantization;
using llvm::StringRef;

namespace {

/// A change of constants that has been found possible.
struct Replacement {
  proto::NodeProto *node;
  int operand;
  FloatTensor tensor;
};

class Migrator {
public:
  Migrator(ModelGraph &graph, CalibrationTable &table,
           const QuantizeOptions &options)
      : graph(graph), table(table), options(options), constants(graph) {}

  llvm::Expected<std::vector<std::string>> run();

private:
  struct Activation {
    std::string name;
    std::vector<proto::NodeProto *> layers;
    bool isImage = false; // read by convolutions
  };

  llvm::Expected<std::vector<Activation>> activations();
  llvm::Expected<bool> migrate(const Activation &activation);
  llvm::Error findScales(const Activation &activation,
                         const TensorStatistics &seen);
  bool multiplyWeights(proto::NodeProto &node);
  bool divide(StringRef tensor, int64_t axis);
  bool divideLayer(proto::NodeProto &node);
  bool divideConstant(proto::NodeProto &node, int operand);
  bool divideBehind(proto::NodeProto &node, int64_t axis);
  void insertDivision(const Activation &activation);
  void apply();
  int indexOf(const proto::NodeProto *node) const;

  ModelGraph &graph;
  CalibrationTable &table;
  const QuantizeOptions &options;
  ModelConstants constants;
  std::vector<double> scales; // channels are divided by them
  std::vector<Replacement> changes;
};

int Migrator::indexOf(const proto::NodeProto *node) const {
  for (int index = 0; index != graph.nodeCount(); ++index)
    if (&graph.node(index) == node)
      return index;
  return -1;
}

llvm::Expected<std::vector<Migrator::Activation>> Migrator::activations() {
  auto plan = planQuantization(graph, options);
  if (!plan)
    return plan.takeError();
  std::vector<Activation> result;
  llvm::StringMap<size_t> known;
  for (const PlannedLayer &layer : plan->layers) {
    if (!layer.quantized || layer.weights < 0)
      continue;
    proto::NodeProto &node = graph.node(layer.node);
    auto [entry, isNew] = known.try_emplace(node.input(0), result.size());
    if (isNew)
      result.push_back({node.input(0), {}, false});
    result[entry->second].layers.push_back(&node);
  }
  llvm::erase_if(result, [&](Activation &activation) {
    auto isConv = [](const proto::NodeProto *node) {
      return node->op_type() == "Conv" || node->op_type() == "ConvTranspose";
    };
    activation.isImage = llvm::all_of(activation.layers, isConv);
    if (!activation.isImage && llvm::any_of(activation.layers, isConv))
      return true;
    return activation.isImage ? !options.equalize : !options.migrate;
  });
  return result;
}

// s = a^alpha / w^(1 - alpha), a and w being the greatest of each channel in
// activations and weights, relative to their geometric means.
llvm::Error Migrator::findScales(const Activation &activation,
                                 const TensorStatistics &seen) {
  size_t channels = seen.channelMaxima.size();
  std::vector<double> weights(channels, 0);
  scales.clear();
  for (proto::NodeProto *node : activation.layers) {
    auto tensor = constants.floats(node->input(1));
    if (!tensor)
      return tensor.takeError();
    std::vector<int64_t> of = inputChannelsOf(*node, (*tensor)->shape);
    if (of.empty() || *llvm::max_element(of) + 1 != int64_t(channels))
      return llvm::Error::success();
    for (size_t i = 0; i != of.size(); ++i)
      weights[of[i]] =
          std::max(weights[of[i]], double(std::fabs((*tensor)->values[i])));
  }
  double alpha = activation.isImage ? 0.5 : *options.migrate, mean = 0;
  std::vector<double> exponents(channels, NAN);
  int64_t count = 0;
  for (size_t c = 0; c != channels; ++c) {
    double a = seen.channelMaxima[c], w = weights[c];
    if (!(a > 0) || !(w > 0) || !std::isfinite(a))
      continue;
    exponents[c] = alpha * std::log2(a) - (1 - alpha) * std::log2(w);
    mean += exponents[c];
    ++count;
  }
  if (!count)
    return llvm::Error::success();
  mean /= double(count);
  scales.assign(channels, 1.0);
  for (size_t c = 0; c != channels; ++c)
    if (!std::isnan(exponents[c]))
      scales[c] = std::ldexp(
          1.0, int(std::clamp(std::nearbyint(exponents[c] - mean), -12., 12.)));
  if (llvm::all_of(scales, [](double s) { return s == 1; }))
    scales.clear();
  return llvm::Error::success();
}

static std::optional<FloatTensor>
take(llvm::Expected<std::optional<FloatTensor>> tensor) {
  if (!tensor) {
    llvm::consumeError(tensor.takeError());
    return std::nullopt;
  }
  return std::move(*tensor);
}

bool Migrator::multiplyWeights(proto::NodeProto &node) {
  auto tensor = take(constants.floats(node.input(1)));
  if (!tensor)
    return false;
  std::vector<int64_t> of = inputChannelsOf(node, tensor->shape);
  for (size_t i = 0; i != of.size(); ++i)
    tensor->values[i] = float(tensor->values[i] * scales[of[i]]);
  changes.push_back({&node, 1, std::move(*tensor)});
  return true;
}

// A constant with one value for each channel.
bool Migrator::divideConstant(proto::NodeProto &node, int operand) {
  auto tensor = take(constants.floats(node.input(operand)));
  if (!tensor || tensor->size() != int64_t(scales.size()) ||
      (!tensor->shape.empty() && tensor->shape.back() != tensor->size()))
    return false;
  for (size_t c = 0; c != scales.size(); ++c)
    tensor->values[c] = float(tensor->values[c] / scales[c]);
  changes.push_back({&node, operand, std::move(*tensor)});
  return true;
}

// The output channels of a contraction with constant weights and bias.
bool Migrator::divideLayer(proto::NodeProto &node) {
  auto weights = take(constants.floats(node.input(1)));
  if (!weights)
    return false;
  std::vector<int64_t> of = outputChannelsOf(node, weights->shape);
  if (of.empty() || *llvm::max_element(of) + 1 != int64_t(scales.size()))
    return false;
  for (size_t i = 0; i != of.size(); ++i)
    weights->values[i] = float(weights->values[i] / scales[of[i]]);
  changes.push_back({&node, 1, std::move(*weights)});
  return node.input_size() < 3 || node.input(2).empty() ||
         divideConstant(node, 2);
}

// Through what commutes with positive factors.
bool Migrator::divideBehind(proto::NodeProto &node, int64_t axis) {
  StringRef op = node.op_type();
  bool pool = op == "MaxPool" || op == "AveragePool" ||
              op == "GlobalAveragePool" || op == "GlobalMaxPool";
  bool commutes = op == "Relu" || op == "LeakyRelu" || op == "Identity" ||
                  (pool && axis == 1 && node.output_size() == 1);
  return commutes && divide(node.input(0), axis);
}

// Whether what makes a tensor can give it with divided channels.
bool Migrator::divide(StringRef tensor, int64_t axis) {
  int producer = graph.producerOf(tensor);
  if (producer < 0 || graph.isOutput(tensor) || graph.isCaptured(tensor) ||
      !graph.isStandard(producer) || graph.isConstant(tensor))
    return false;
  proto::NodeProto &node = graph.node(producer);
  StringRef op = node.op_type();
  bool isImage = axis == 1;
  if (isImage && (op == "Conv" || op == "ConvTranspose"))
    return divideLayer(node);
  if (!isImage && (op == "MatMul" || op == "Gemm") &&
      graph.isConstant(node.input(1)))
    return divideLayer(node);
  if (!isImage && op == "LayerNormalization" && node.output_size() == 1 &&
      intAttribute(node, "axis", -1) == -1)
    return divideConstant(node, 1) &&
           (node.input_size() < 3 || node.input(2).empty() ||
            divideConstant(node, 2));
  bool isAdd = op == "Add", isMul = op == "Mul";
  if (!isImage && (isAdd || isMul)) {
    for (int constant : {1, 0}) {
      StringRef other = node.input(1 - constant);
      if (!graph.isConstant(node.input(constant)) || graph.isConstant(other))
        continue;
      return divideConstant(node, constant) &&
             (isMul ||
              (graph.onlyConsumerOf(other) == producer && divide(other, axis)));
    }
    return false;
  }
  return graph.onlyConsumerOf(node.input(0)) == producer &&
         divideBehind(node, axis);
}

// x / s in front of the layers alone: others want x itself.
void Migrator::insertDivision(const Activation &activation) {
  std::string result = graph.uniqueName(activation.name + "_migrated"),
              factors = graph.uniqueName(activation.name + "_migration");
  std::vector<float> values;
  for (double scale : scales)
    values.push_back(float(1 / scale));
  addInitializer(graph, makeFloats(factors, {int64_t(values.size())}, values));
  int place = graph.nodeCount();
  for (proto::NodeProto *layer : activation.layers) {
    place = std::min(place, indexOf(layer));
    layer->set_input(0, result);
  }
  proto::NodeProto *node = graph.graph().add_node();
  node->set_op_type("Mul");
  node->set_name(result);
  node->add_input(activation.name);
  node->add_input(factors);
  node->add_output(result);
  auto &nodes = *graph.graph().mutable_node();
  std::rotate(nodes.pointer_begin() + place, nodes.pointer_end() - 1,
              nodes.pointer_end());
}

void Migrator::apply() {
  for (Replacement &change : changes) {
    std::string name =
        graph.uniqueName(change.node->input(change.operand) + "_migrated");
    addInitializer(graph,
                   makeFloats(name, change.tensor.shape, change.tensor.values));
    change.node->set_input(change.operand, name);
  }
}

// What the table says of a tensor whose channels were divided. Where signs
// were mixed, the sign of each channel's extreme is not known.
static TensorStatistics divided(TensorStatistics seen,
                                llvm::ArrayRef<double> scales) {
  double greatest = 0;
  for (size_t c = 0; c != scales.size(); ++c) {
    seen.channelMaxima[c] /= scales[c];
    if (c < seen.channelSums.size())
      seen.channelSums[c] /= scales[c];
    greatest = std::max(greatest, seen.channelMaxima[c]);
  }
  bool negative = seen.observedMinimum < 0, positive = seen.observedMaximum > 0;
  seen.minimum = seen.observedMinimum = negative ? -greatest : 0;
  seen.maximum = seen.observedMaximum = positive ? greatest : 0;
  seen.method = "migrated";
  seen.histogram = Histogram();
  return seen;
}

llvm::Expected<bool> Migrator::migrate(const Activation &activation) {
  auto found = table.tensors.find(activation.name);
  if (found == table.tensors.end() || found->second.channelMaxima.empty())
    return false;
  const TensorStatistics &seen = found->second;
  if (llvm::Error error = findScales(activation, seen))
    return std::move(error);
  if (scales.empty())
    return false;
  bool alone =
      !graph.isOutput(activation.name) && !graph.isCaptured(activation.name) &&
      llvm::all_of(graph.consumersOf(activation.name), [&](int reader) {
        return llvm::is_contained(activation.layers, &graph.node(reader));
      });
  changes.clear();
  bool folded = alone && divide(activation.name, activation.isImage ? 1 : -1);
  if (!folded) {
    if (activation.isImage)
      return false;
    changes.clear();
  }
  for (proto::NodeProto *layer : activation.layers)
    if (!multiplyWeights(*layer))
      return false;
  TensorStatistics after = divided(seen, scales);
  if (!folded)
    insertDivision(activation);
  table.tensors[activation.layers.front()->input(0)] = std::move(after);
  apply();
  graph.index();
  return true;
}

llvm::Expected<std::vector<std::string>> Migrator::run() {
  std::vector<std::string> changed;
  auto all = activations();
  if (!all)
    return all.takeError();
  for (const Activation &activation : *all) {
    auto done = migrate(activation);
    if (!done)
      return done.takeError();
    if (*done)
      changed.push_back(activation.name);
  }
  return changed;
}

} // namespace

llvm::Expected<std::vector<std::string>>
quantization::migrateScales(ModelGraph &graph, CalibrationTable &table,
                            const QuantizeOptions &options) {
  if (!options.equalize && !options.migrate)
    return std::vector<std::string>();
  return Migrator(graph, table, options).run();
}
