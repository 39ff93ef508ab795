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
    if (node.input_size() > 2) {
      if (auto point = constants.integers(node.input(2)))
        layer.zeroPoint = point->empty() ? 0 : float(point->front());
      onnx::ElementType type = testGraph.elementType(node.input(2));
      if (type == onnx::ElementType::Int8)
        layer.lowest = -128, layer.highest = 127;
      else if (type == onnx::ElementType::Int16)
        layer.lowest = -32768, layer.highest = 32767;
      else if (type == onnx::ElementType::Uint16)
        layer.highest = 65535;
    }
    layer.scale = scale.value_or(0);
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

float LayerResult::rounded(float value) const {
  float step = std::nearbyint(value / scale) + zeroPoint;
  return (std::clamp(step, lowest, highest) - zeroPoint) * scale;
}

llvm::Expected<Executable>
ModelComparer::compileCut(const Side &side, LocalModel &local,
                          const std::vector<MatchedTensor> &matches,
                          const data::Sample &sample, std::string &problem) {
  local = cutAtMatches(*side.model, matches, cutShapes);
  CompileOptions options = side.options;
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
    // An empty dimension is open in the model, and best left so.
    for (int64_t dim : input.shape)
      shape.dims.push_back(dim ? dim : mlir::ShapedType::kDynamic);
    options.import.shapes.push_back(std::move(shape));
  }
  // What fails here is no fault of the user's model.
  mlir::ScopedDiagnosticHandler quiet(
      &context, [&](mlir::Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error &&
            problem.empty())
          problem = diagnostic.str();
      });
  return Executable::compile(context, *local.model, options, threads);
}

// Compiles the cut models for the shapes of this sample.
Error ModelComparer::prepareLocal(const data::Sample &sample) {
  std::map<std::string, std::vector<int64_t>> shapes;
  for (size_t i = 0; i != kept.size(); ++i)
    if (!kept[i].bytes.empty())
      shapes[result.layers[i].match.name] = kept[i].shape;
  if (cut.model && shapes == cutShapes)
    return Error::success();
  cutShapes = std::move(shapes);
  std::vector<MatchedTensor> matches, floats;
  for (const LayerResult &layer : result.layers) {
    matches.push_back(layer.match);
    floats.push_back(layer.match);
    floats.back().observed = layer.match.name;
    floats.back().quantized = false;
  }
  struct {
    const Side &side;
    const std::vector<MatchedTensor> &matches;
    LocalModel &local;
    Executable &executable;
    StringRef what;
  } builds[] = {{test, matches, local, cut, "tested model"},
                {reference, floats, expectedLocal, expectedCut, "reference"}};
  for (auto &build : builds) {
    step(("compiling the " + build.what + ", cut into layers").str());
    std::string problem;
    auto compiled =
        compileCut(build.side, build.local, build.matches, sample, problem);
    if (!compiled) {
      std::string text = llvm::toString(compiled.takeError());
      result.notes.push_back("errors of single layers are not available: " +
                             (problem.empty() ? text : problem));
      wantLocal = false;
      return Error::success();
    }
    build.executable = std::move(*compiled);
  }
  return Error::success();
}

// The inputs of a cut model: the model's own, then what it was cut at.
static std::vector<Tensor> cutInputs(const data::Sample &sample,
                                     llvm::ArrayRef<int> fed,
                                     const std::vector<LayerResult> &layers,
                                     const std::vector<Tensor> &rounded,
                                     const Executable &executable) {
  std::vector<Tensor> inputs = sample.inputs;
  for (Tensor &input : inputs)
    for (size_t i = 0; i != layers.size(); ++i)
      if (layers[i].match.isInput && layers[i].match.name == input.name)
        input.bytes = rounded[i].bytes;
  for (int match : fed) {
    inputs.push_back(rounded[match]);
    inputs.back().name =
        executable.model->info().tensors[inputs.size() - 1].name;
  }
  return inputs;
}

static llvm::StringMap<int> placesOf(const std::vector<std::string> &names) {
  llvm::StringMap<int> places;
  for (size_t i = 0; i != names.size(); ++i)
    if (!names[i].empty())
      places[names[i]] = int(i);
  return places;
}

Error ModelComparer::runLocal(const data::Sample &sample) {
  if (Error error = prepareLocal(sample))
    return error;
  if (!wantLocal)
    return Error::success();
  std::vector<Tensor> rounded = kept, expectedValues(kept.size());
  for (size_t i = 0; i != rounded.size(); ++i) {
    const LayerResult &layer = result.layers[i];
    auto *values = reinterpret_cast<float *>(rounded[i].bytes.data());
    if (layer.scale > 0)
      for (size_t at = 0; at != rounded[i].bytes.size() / 4; ++at)
        values[at] = layer.rounded(values[at]);
  }
  llvm::StringMap<int> names = placesOf(expectedLocal.observed),
                       seen = placesOf(local.observed);
  Keeper keeper(names, expectedValues);
  if (Error error = run(expectedCut,
                        cutInputs(sample, expectedLocal.fed, result.layers,
                                  rounded, expectedCut),
                        &keeper))
    return error;
  Comparer comparer(seen, expectedValues, result.layers);
  if (Error error =
          run(cut, cutInputs(sample, local.fed, result.layers, rounded, cut),
              &comparer))
    return error;
  std::vector<TensorError> errors = comparer.take();
  for (size_t i = 0; i != errors.size(); ++i) {
    LayerResult &layer = result.layers[i];
    if (layer.match.isInput)
      layer.local = layer.accumulated; // there is nothing before it
    else if (errors[i].elements || errors[i].otherShape) {
      if (!layer.local)
        layer.local.emplace();
      layer.local->merge(errors[i]);
    }
  }
  return Error::success();
}

ComparisonResult ModelComparer::finish() {
  // Branches that were never taken have nothing to tell.
  return std::move(result);
}
