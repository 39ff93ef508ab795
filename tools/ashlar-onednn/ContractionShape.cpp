#include "tools/ashlar-onednn/ContractionShape.h"

using namespace ashlar::perf;

int64_t Shape::macs() const {
  if (!isConvolution)
    return rows * depth * columns;
  return images * outputSize(height) * outputSize(width) * filters * kernel *
         kernel * channels / groups;
}

const char *ashlar::perf::typeName(Type type) {
  return type == Type::F32 ? "f32" : type == Type::Bf16 ? "bf16" : "u8s8";
}

namespace {

/// The same numbers everywhere.
class Noise {
public:
  uint32_t next() { return (state = state * 1664525u + 1013904223u) >> 16; }
  float fraction() { return float(int(next() % 63) - 31) / 32.f; }

private:
  uint32_t state = 12345;
};

int64_t count(const std::vector<int64_t> &shape) {
  int64_t product = 1;
  for (int64_t dim : shape)
    product *= dim;
  return product;
}

} // namespace

LayerData ashlar::perf::makeData(const Shape &shape, Type type) {
  LayerData data;
  Noise noise;
  int64_t weights = shape.depth * shape.columns;
  data.columns = shape.columns;
  data.inputShape = {shape.rows, shape.depth};
  data.outputShape = {shape.rows, shape.columns};
  if (shape.isConvolution) {
    data.columns = shape.filters;
    weights = shape.filters * shape.channels / shape.groups * shape.kernel *
              shape.kernel;
    data.inputShape = {shape.images, shape.height, shape.width, shape.channels};
    data.outputShape = {shape.images, shape.outputSize(shape.height),
                        shape.outputSize(shape.width), shape.filters};
  }
  if (type == Type::U8S8) {
    for (int64_t i = 0; i != count(data.inputShape); ++i)
      data.byteInput.push_back(uint8_t(noise.next()));
    for (int64_t i = 0; i != weights; ++i)
      data.byteWeights.push_back(int8_t(noise.next()));
    for (int64_t i = 0; i != data.columns; ++i)
      data.scales.push_back(0.0005f + 0.00001f * float(noise.next() % 16));
  } else {
    for (int64_t i = 0; i != count(data.inputShape); ++i)
      data.input.push_back(noise.fraction());
    for (int64_t i = 0; i != weights; ++i)
      data.weights.push_back(noise.fraction());
  }
  for (int64_t i = 0; i != data.columns; ++i)
    data.bias.push_back(noise.fraction());
  return data;
}
