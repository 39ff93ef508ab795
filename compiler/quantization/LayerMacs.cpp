#include "compiler/quantization/LayerMacs.h"

using namespace ashlar;
using namespace ashlar::quantization;
using llvm::Error;
using llvm::StringRef;

namespace {

class ShapeObserver : public TensorObserver {
public:
  explicit ShapeObserver(const SimulatedModel &model) {
    for (const SimulatedModel::Layer &layer : model.layers()) {
      shapes[layer.result];
      if (!layer.terms)
        shapes[layer.input];
    }
  }

  bool wants(StringRef tensor) const { return shapes.contains(tensor); }

  void observe(StringRef tensor, int32_t, llvm::ArrayRef<int64_t> shape,
               const void *) override {
    shapes[tensor] = shape.vec();
  }

  int64_t macsOf(const SimulatedModel::Layer &layer) const {
    std::vector<int64_t> input = shapes.lookup(layer.input);
    int64_t count = layer.terms     ? layer.terms
                    : input.empty() ? 1
                                    : input.back();
    for (int64_t size : shapes.lookup(layer.result))
      count *= size;
    return count;
  }

private:
  llvm::StringMap<std::vector<int64_t>> shapes;
};

} // namespace

llvm::Expected<std::optional<std::map<std::string, int64_t>>>
ashlar::quantization::measureLayerMacs(const EvaluationSetup &setup,
                                       const SimulatedModel &model) {
  ShapeObserver observer(model);
  auto compiled = setup.compile(
      model.floats(), [&](StringRef name) { return observer.wants(name); });
  if (!compiled)
    return compiled.takeError();
  auto done = runSamples(
      setup, **compiled,
      [](const data::Sample &, std::vector<data::Tensor>) {
        return Error::success();
      },
      &observer, 1);
  if (!done)
    return done.takeError();
  if (!*done)
    return std::nullopt;
  std::map<std::string, int64_t> macs;
  for (const SimulatedModel::Layer &layer : model.layers())
    macs[layer.node] = observer.macsOf(layer);
  return macs;
}
