#include "compiler/quantization/LayerErrors.h"

#include "compiler/quantization/ModelGraph.h"
#include "runtime/ashlar_rt.h"

#include <cmath>
#include <limits>

using namespace ashlar;
using namespace ashlar::quantization;
using llvm::Error;
using llvm::StringRef;

double LayerError::sqnr() const {
  if (noise == 0)
    return std::numeric_limits<double>::infinity();
  return 10 * std::log10(signal / noise);
}

namespace {

/// Copies quantized layers, with what quantizes their inputs, into the model
/// in floats.
class LayerCopier {
public:
  LayerCopier(const ModelFile &floats, const QuantizedModel &quantized)
      : quantizedFile(copyOf(*quantized.model)), from(*quantizedFile) {
    result.model = copyOf(floats);
    to = std::make_unique<ModelGraph>(*result.model);
  }

  LayerErrorModel run(const QuantizedModel &quantized);

private:
  bool copyLayer(int node, const LayerDecision &decision);
  /// The name of the copy of a tensor; empty: it cannot be copied.
  std::string copyTensor(StringRef tensor);
  std::string copied(StringRef name) const { return ("int8/" + name).str(); }
  bool isPartOfLayer(int node, StringRef tensor) const;
  bool copyNode(int node);
  void addNode(int node, llvm::ArrayRef<std::string> inputs);
  bool exists(StringRef tensor) const {
    return to->producerOf(tensor) >= 0 || to->isInput(tensor);
  }
  int64_t macsPerOutput(int node) const;

  std::unique_ptr<ModelFile> quantizedFile;
  ModelGraph from;
  LayerErrorModel result;
  std::unique_ptr<ModelGraph> to;
  llvm::StringMap<std::string> done;
  std::vector<proto::NodeProto> nodes;
};

void LayerCopier::addNode(int index, llvm::ArrayRef<std::string> inputs) {
  proto::NodeProto node = from.node(index);
  for (int i = 0; i != node.input_size(); ++i)
    node.set_input(i, inputs[i]);
  for (std::string &output : *node.mutable_output())
    if (!output.empty())
      output = copied(output);
  node.set_name(copied(from.nameOf(index)));
  nodes.push_back(std::move(node));
}

// What quantizes its inputs, and what scales them before.
bool LayerCopier::isPartOfLayer(int node, StringRef tensor) const {
  StringRef op = from.node(node).op_type();
  return op == "DequantizeLinear" || op == "QuantizeLinear" || !exists(tensor);
}

bool LayerCopier::copyNode(int index) {
  const proto::NodeProto &node = from.node(index);
  bool quantizes = node.op_type() != "DequantizeLinear";
  std::vector<std::string> inputs;
  for (const std::string &input : node.input()) {
    inputs.push_back(quantizes && exists(input) ? input : copyTensor(input));
    if (inputs.back().empty() && !input.empty())
      return false;
  }
  addNode(index, inputs);
  return true;
}

std::string LayerCopier::copyTensor(StringRef tensor) {
  if (tensor.empty())
    return "";
  auto known = done.find(tensor);
  if (known != done.end())
    return known->second;
  std::string name;
  int producer = from.producerOf(tensor);
  if (const proto::TensorProto *initializer = from.initializer(tensor)) {
    proto::TensorProto *copy = to->graph().add_initializer();
    *copy = *initializer;
    name = copied(tensor);
    copy->set_name(name);
  } else if (producer >= 0 && isPartOfLayer(producer, tensor)) {
    if (copyNode(producer))
      name = copied(tensor);
  } else if (exists(tensor)) {
    name = tensor.str();
  }
  done[tensor] = name;
  return name;
}

// Of a convolution or product with constant weights; otherwise 0.
int64_t LayerCopier::macsPerOutput(int index) const {
  const proto::NodeProto &node = from.node(index);
  if (node.op_type() != "Conv" || node.input_size() < 2)
    return 0;
  int weights = from.producerOf(node.input(1));
  const proto::TensorProto *tensor = from.initializer(
      weights < 0 ? node.input(1) : from.node(weights).input(0));
  if (!tensor || tensor->dims_size() < 2)
    return 0;
  int64_t product = 1;
  for (int i = 1; i != tensor->dims_size(); ++i)
    product *= tensor->dims(i);
  return product;
}

bool LayerCopier::copyLayer(int index, const LayerDecision &decision) {
  const proto::NodeProto &node = from.node(index);
  if (node.output_size() != 1 || !exists(node.output(0)))
    return false;
  std::vector<std::string> inputs;
  for (const std::string &input : node.input()) {
    inputs.push_back(copyTensor(input));
    if (inputs.back().empty() && !input.empty())
      return false;
  }
  addNode(index, inputs);
  int dequantize = from.producerOf(node.input(0));
  StringRef input = node.input(0);
  if (dequantize >= 0 &&
      from.node(dequantize).op_type() == "DequantizeLinear") {
    int quantize = from.producerOf(from.node(dequantize).input(0));
    if (quantize >= 0)
      input = from.node(quantize).input(0);
  }
  result.layers.push_back({decision.node, decision.op, input.str(),
                           node.output(0), copied(node.output(0)),
                           macsPerOutput(index)});
  return true;
}

LayerErrorModel LayerCopier::run(const QuantizedModel &quantized) {
  llvm::StringMap<int> byName;
  for (int i = 0; i != from.nodeCount(); ++i)
    byName.try_emplace(from.nameOf(i), i);
  for (const LayerDecision &decision : quantized.layers) {
    auto node = byName.find(decision.node);
    if (decision.quantized && node != byName.end())
      copyLayer(node->second, decision);
  }
  proto::GraphProto &graph = to->graph();
  for (proto::NodeProto &node : nodes)
    *graph.add_node() = std::move(node);
  *result.model->model.mutable_opset_import() =
      quantizedFile->model.opset_import();
  return std::move(result);
}

/// Sums the errors of all layers up.
class ErrorObserver : public TensorObserver {
public:
  explicit ErrorObserver(const LayerErrorModel &model) {
    for (const LayerErrorModel::Layer &layer : model.layers) {
      size_t place = errors.size();
      errors.push_back({layer.node, layer.op, 0, 0, 0});
      macsPerOutput.push_back(layer.macsPerOutput);
      references[layer.reference].push_back(place);
      inputs[layer.input].push_back(place);
      results[layer.result] = place;
      referenceOf.push_back(layer.reference);
    }
  }

  bool wants(StringRef tensor) const {
    return references.contains(tensor) || results.contains(tensor) ||
           inputs.contains(tensor);
  }

  void beginRun() override { run.assign(errors.size(), {}); }

  void observe(StringRef tensor, int32_t dtype, llvm::ArrayRef<int64_t> shape,
               const void *data) override {
    if (dtype != ASHLAR_FLOAT32)
      return;
    const auto *values = static_cast<const float *>(data);
    size_t count = 1;
    for (int64_t size : shape)
      count *= size_t(size);
    if (references.contains(tensor))
      kept[tensor].assign(values, values + count);
    if (auto found = inputs.find(tensor); found != inputs.end())
      for (size_t place : found->second)
        run[place].depth = shape.empty() ? 1 : shape.back();
    auto found = results.find(tensor);
    if (found == results.end())
      return;
    size_t place = found->second;
    const std::vector<float> &expected = kept[referenceOf[place]];
    if (expected.size() != count)
      return;
    Sums &sums = run[place];
    for (size_t i = 0; i != count; ++i) {
      double error = double(values[i]) - double(expected[i]);
      sums.signal += double(expected[i]) * double(expected[i]);
      sums.noise += error * error;
    }
    sums.outputs += count;
  }

  void endSample() {
    for (size_t i = 0; i != errors.size(); ++i) {
      errors[i].signal += run[i].signal;
      errors[i].noise += run[i].noise;
      int64_t depth = macsPerOutput[i] ? macsPerOutput[i] : run[i].depth;
      errors[i].macs += int64_t(run[i].outputs) * depth;
    }
    ++samples;
  }

  std::vector<LayerError> take() {
    for (LayerError &error : errors)
      error.macs /= int64_t(std::max<uint64_t>(1, samples));
    return std::move(errors);
  }

private:
  struct Sums {
    double signal = 0, noise = 0;
    uint64_t outputs = 0;
    int64_t depth = 1;
  };
  std::vector<LayerError> errors;
  std::vector<int64_t> macsPerOutput;
  std::vector<std::string> referenceOf;
  std::vector<Sums> run;
  llvm::StringMap<llvm::SmallVector<size_t, 1>> references, inputs;
  llvm::StringMap<size_t> results;
  llvm::StringMap<std::vector<float>> kept;
  uint64_t samples = 0;
};

} // namespace

LayerErrorModel
ashlar::quantization::makeLayerErrorModel(const ModelFile &model,
                                          const QuantizedModel &quantized) {
  return LayerCopier(model, quantized).run(quantized);
}

llvm::Expected<std::optional<std::vector<LayerError>>>
ashlar::quantization::measureLayerErrors(const EvaluationSetup &setup,
                                         const ModelFile &model,
                                         const QuantizedModel &quantized,
                                         uint64_t samples) {
  LayerErrorModel both = makeLayerErrorModel(model, quantized);
  ErrorObserver observer(both);
  auto compiled = setup.compile(
      *both.model, [&](StringRef name) { return observer.wants(name); });
  if (!compiled)
    return compiled.takeError();
  auto done = runSamples(
      setup, **compiled,
      [&](const data::Sample &, std::vector<data::Tensor>) {
        observer.endSample();
        return Error::success();
      },
      &observer, samples);
  if (!done)
    return done.takeError();
  if (!*done)
    return std::nullopt;
  return observer.take();
}
