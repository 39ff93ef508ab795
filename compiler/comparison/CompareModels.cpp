#include "compiler/comparison/CompareModels.h"
#include "compiler/comparison/ComparisonReport.h"
#include "compiler/quantization/ModelConstants.h"
#include "runtime/ashlar_rt.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringMap.h"

using namespace ashlar;
using namespace ashlar::comparison;
using data::Tensor;
using llvm::Error;
using llvm::StringRef;

char CompileError::ID;

namespace {
/// Keeps the values of tensors, by their place.
class Keeper : public TensorObserver {
public:
  Keeper(const llvm::StringMap<int> &places, std::vector<Tensor> &kept)
      : places(places), kept(kept) {}
  void beginRun() override {
    for (Tensor &tensor : kept)
      tensor = {};
  }
  void observe(StringRef name, int32_t dtype, llvm::ArrayRef<int64_t> shape,
               const void *data) override {
    auto found = places.find(name);
    if (found == places.end() || dtype != ASHLAR_FLOAT32)
      return;
    Tensor &tensor = kept[found->second];
    tensor.dtype = dtype;
    tensor.shape.assign(shape.begin(), shape.end());
    auto *bytes = static_cast<const uint8_t *>(data);
    tensor.bytes.assign(bytes, bytes + tensor.elements() * 4);
  }

private:
  const llvm::StringMap<int> &places;
  std::vector<Tensor> &kept;
};

llvm::ArrayRef<float> floatsOf(const Tensor &tensor) {
  return {reinterpret_cast<const float *>(tensor.bytes.data()),
          tensor.bytes.size() / 4};
}

/// Compares tensors with those kept, when they are shown.
class Comparer : public TensorObserver {
public:
  Comparer(const llvm::StringMap<int> &places, const std::vector<Tensor> &kept,
           const std::vector<LayerResult> &layers)
      : places(places), kept(kept), layers(layers), errors(layers.size()) {}
  void beginRun() override { errors.assign(errors.size(), {}); }
  void observe(StringRef name, int32_t dtype, llvm::ArrayRef<int64_t> shape,
               const void *data) override {
    auto found = places.find(name);
    if (found == places.end() || dtype != ASHLAR_FLOAT32)
      return;
    const Tensor &expected = kept[found->second];
    TensorError &error = errors[found->second];
    if (expected.bytes.empty() && expected.shape.empty())
      return; // the reference took another branch
    if (shape != llvm::ArrayRef<int64_t>(expected.shape)) {
      ++error.otherShape;
      return;
    }
    auto [channels, inner] =
        channelsOf(shape, layers[found->second].match.channelsLast);
    error.add(floatsOf(expected),
              {static_cast<const float *>(data), size_t(expected.elements())},
              channels, inner);
  }
  std::vector<TensorError> take() { return std::move(errors); }

private:
  static std::pair<int64_t, int64_t> channelsOf(llvm::ArrayRef<int64_t> shape,
                                                bool last) {
    constexpr int64_t most = 65536;
    if (shape.size() < 2)
      return {1, 1};
    int64_t channels = last ? shape.back() : shape[1], inner = 1;
    if (!last)
      for (int64_t dim : shape.drop_front(2))
        inner *= dim;
    return {channels > most ? 1 : channels, inner};
  }

  const llvm::StringMap<int> &places;
  const std::vector<Tensor> &kept;
  const std::vector<LayerResult> &layers;
  std::vector<TensorError> errors;
};
} // namespace

llvm::Expected<Executable> Executable::compile(mlir::MLIRContext &context,
                                               const ModelFile &file,
                                               const CompileOptions &options,
                                               unsigned threads) {
  auto compiled = compileModel(context, file, options);
  if (mlir::failed(compiled))
    return llvm::make_error<CompileError>(file.name);
  auto model = LoadedModel::load(compiled->object.toBuffer());
  if (!model)
    return model.takeError();
  auto runner = ModelRunner::create(**model, threads);
  if (!runner)
    return runner.takeError();
  return Executable{std::move(*model), std::move(*runner),
                    std::move(compiled->description)};
}

ModelComparer::ModelComparer(mlir::MLIRContext &context, Side reference,
                             Side test)
    : context(context), reference(std::move(reference)), test(std::move(test)),
      referenceGraph(const_cast<ModelFile &>(*this->reference.model)),
      testGraph(const_cast<ModelFile &>(*this->test.model)) {}

llvm::Expected<std::unique_ptr<ModelComparer>>
ModelComparer::create(mlir::MLIRContext &context, Side reference, Side test,
                      bool local, unsigned threads,
                      std::function<void(StringRef)> step) {
  std::unique_ptr<ModelComparer> comparer(
      new ModelComparer(context, std::move(reference), std::move(test)));
  comparer->wantLocal = local;
  comparer->threads = threads;
  comparer->step = std::move(step);
  auto matches = matchTensors(comparer->referenceGraph, comparer->testGraph);
  llvm::StringSet<> names, observed;
  for (MatchedTensor &match : matches) {
    names.insert(match.name);
    observed.insert(match.observed);
    LayerResult layer;
    layer.match = std::move(match);
    comparer->result.layers.push_back(std::move(layer));
  }
  struct {
    Executable &executable;
    const Side &side;
    const llvm::StringSet<> *observed;
    StringRef what;
  } builds[] = {
      {comparer->expected, comparer->reference, &names, "reference"},
      {comparer->plain, comparer->test, nullptr, "tested model"},
      {comparer->observed, comparer->test, &observed, "tested model, observed"},
  };
  for (auto &build : builds) {
    comparer->step(("compiling the " + build.what).str());
    CompileOptions options = build.side.options;
    if (build.observed)
      options.import.observe = [&](StringRef name) {
        return build.observed->contains(name);
      };
    auto compiled =
        Executable::compile(context, *build.side.model, options, threads);
    if (!compiled)
      return compiled.takeError();
    build.executable = std::move(*compiled);
  }
  comparer->describeLayers();
  return comparer;
}

// Precisions, from the compiled model's table, and ranges, from the file.
void ModelComparer::describeLayers() {
  llvm::StringMap<const LayerDescription *> layers;
  for (const LayerDescription &layer : plain.description.layers)
    layers.try_emplace(layer.name, &layer);
  quantization::ModelConstants constants(testGraph);
  for (LayerResult &layer : result.layers) {
    int64_t most = -1;
    for (const std::string &node : layer.match.nodes) {
      const LayerDescription *compiled = layers.lookup(node);
      if (!compiled || !isMultiplier(compiled->op))
        continue; // what does not multiply has no precision to speak of
      if (compiled->macs >= 0)
        layer.macs = std::max<int64_t>(0, layer.macs) + compiled->macs;
      if (compiled->macs < most)
        continue;
      most = compiled->macs;
      layer.precision = compiled->precision;
      layer.reason = compiled->precisionReason;
    }
    int dq =
        layer.match.quantized ? testGraph.producerOf(layer.match.observed) : -1;
    if (dq < 0)
      continue;
    const proto::NodeProto &node = testGraph.node(dq);
    auto scale = constants.scalar(node.input(1));
    double zero = 0, low = 0, high = 255;
    if (node.input_size() > 2) {
      if (auto point = constants.integers(node.input(2)))
        zero = point->empty() ? 0 : double(point->front());
      onnx::ElementType type = testGraph.elementType(node.input(2));
      if (type == onnx::ElementType::Int8)
        low = -128, high = 127;
      else if (type == onnx::ElementType::Int16)
        low = -32768, high = 32767;
      else if (type == onnx::ElementType::Uint16)
        high = 65535;
    }
    if (!scale)
      continue;
    layer.rangeMinimum = (low - zero) * double(*scale);
    layer.rangeMaximum = (high - zero) * double(*scale);
  }
  for (int node : referenceGraph.order())
    for (const std::string &output : referenceGraph.node(node).output())
      if (!output.empty() && referenceGraph.isFloat(output) &&
          !referenceGraph.isConstant(output) &&
          llvm::none_of(result.layers, [&](const LayerResult &layer) {
            return layer.match.name == output;
          }))
        ++result.unmatched;
}

static Error run(Executable &executable, std::vector<Tensor> inputs,
                 TensorObserver *observer) {
  if (Error error = executable.runner->bind(std::move(inputs)))
    return error;
  return executable.runner->execute(nullptr, observer);
}

Error ModelComparer::addSample(const data::Sample &sample) {
  llvm::StringMap<int> names, seen;
  for (size_t i = 0; i != result.layers.size(); ++i) {
    names[result.layers[i].match.name] = int(i);
    seen[result.layers[i].match.observed] = int(i);
  }
  kept.resize(result.layers.size());
  Keeper keeper(names, kept);
  if (Error error = run(expected, sample.inputs, &keeper))
    return error;
  std::vector<Tensor> right = expected.runner->outputs();
  Comparer comparer(seen, kept, result.layers);
  if (Error error = run(observed, sample.inputs, &comparer))
    return error;
  std::vector<TensorError> errors = comparer.take();
  for (size_t i = 0; i != errors.size(); ++i) {
    LayerResult &layer = result.layers[i];
    layer.accumulated.merge(errors[i]);
    if (layer.shape.empty())
      layer.shape = kept[i].shape;
    llvm::ArrayRef<float> values = floatsOf(kept[i]);
    auto finite = [](float x) { return std::isfinite(x); };
    if (values.empty() || !llvm::all_of(values, finite))
      continue;
    auto [low, high] = std::minmax_element(values.begin(), values.end());
    layer.values.cover(*low, *high);
    layer.values.add(values);
  }
  if (Error error = run(plain, sample.inputs, nullptr))
    return error;
  addOutputs(right, plain.runner->outputs(), result);
  return wantLocal ? runLocal(sample) : Error::success();
}

// Compiles the cut model for the shapes of this sample.
Error ModelComparer::prepareLocal(const data::Sample &sample) {
  std::map<std::string, std::vector<int64_t>> shapes;
  for (size_t i = 0; i != kept.size(); ++i)
    if (!kept[i].bytes.empty())
      shapes[result.layers[i].match.name] = kept[i].shape;
  if (cut.model && shapes == cutShapes)
    return Error::success();
  step("compiling the tested model, cut into layers");
  std::vector<MatchedTensor> matches;
  for (const LayerResult &layer : result.layers)
    matches.push_back(layer.match);
  local = cutAtMatches(*test.model, matches, shapes);
  CompileOptions options = test.options;
  llvm::StringSet<> names;
  for (const std::string &name : local.observed)
    names.insert(name);
  options.import.observe = [&](StringRef name) { return names.contains(name); };
  options.import.shapes.clear();
  options.import.dims.clear();
  options.ranges.clear();
  for (const Tensor &input : sample.inputs) {
    ShapeOverride shape;
    shape.input = input.name;
    shape.dims.assign(input.shape.begin(), input.shape.end());
    options.import.shapes.push_back(std::move(shape));
  }
  // What fails here is no fault of the user's model.
  std::string problem;
  auto compiled = [&]() -> llvm::Expected<Executable> {
    mlir::ScopedDiagnosticHandler quiet(
        &context, [&](mlir::Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error &&
              problem.empty())
            problem = diagnostic.str();
        });
    return Executable::compile(context, *local.model, options, threads);
  }();
  if (!compiled) {
    std::string text = llvm::toString(compiled.takeError());
    result.notes.push_back("errors of single layers are not available: " +
                           (problem.empty() ? text : problem));
    wantLocal = false;
    return Error::success();
  }
  cut = std::move(*compiled);
  cutShapes = std::move(shapes);
  return Error::success();
}

Error ModelComparer::runLocal(const data::Sample &sample) {
  if (Error error = prepareLocal(sample))
    return error;
  if (!wantLocal)
    return Error::success();
  std::vector<Tensor> inputs = sample.inputs;
  for (int match : local.fed) {
    inputs.push_back(kept[match]);
    inputs.back().name = cut.model->info().tensors[inputs.size() - 1].name;
  }
  llvm::StringMap<int> seen;
  for (size_t i = 0; i != local.observed.size(); ++i)
    if (!local.observed[i].empty())
      seen[local.observed[i]] = int(i);
  Comparer comparer(seen, kept, result.layers);
  if (Error error = run(cut, std::move(inputs), &comparer))
    return error;
  std::vector<TensorError> errors = comparer.take();
  for (size_t i = 0; i != errors.size(); ++i)
    if (errors[i].elements || errors[i].otherShape) {
      if (!result.layers[i].local)
        result.layers[i].local.emplace();
      result.layers[i].local->merge(errors[i]);
    }
  return Error::success();
}

ComparisonResult ModelComparer::finish() {
  // Branches that were never taken have nothing to tell.
  return std::move(result);
}
