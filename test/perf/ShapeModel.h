//===- ShapeModel.h - a model of one contraction, compiled ----------------===//
#ifndef ASHLAR_TEST_PERF_SHAPEMODEL_H
#define ASHLAR_TEST_PERF_SHAPEMODEL_H

#include <memory>

#include "compiler/execution/ModelRunner.h"
#include "test/perf/Shapes.h"

namespace ashlar::perf {

/// Everything that a layer has, in plain types: images in NHWC, filters as
/// [filters, channels of a group, kernel, kernel], products in rows. Floats
/// are multiples of 1/32 below 1, exact in bf16.
struct LayerData {
  std::vector<float> input, weights, bias;      // floats
  std::vector<uint8_t> byteInput;               // u8s8
  std::vector<int8_t> byteWeights;              // u8s8
  std::vector<float> scales;                    // u8s8: one a column
  std::vector<int64_t> inputShape, outputShape; // as the model has them
  int64_t columns = 0;                          // of the result
};
LayerData makeData(const Shape &shape, Type type);

/// What the layer ends with.
enum class Result {
  Layer, // bias; u8s8: scale, bias, rounded to u8
  Sums   // u8s8: the bare sums in s32; others: no bias
};

/// The layer compiled for one CPU and bound to its data, for one thread.
class ShapeModel {
public:
  static llvm::Expected<std::unique_ptr<ShapeModel>>
  compile(const Shape &shape, Type type, const LayerData &data,
          llvm::StringRef cpu, Result result);

  llvm::Error run() { return runner->execute(); }
  data::Tensor output() const { return runner->outputs().front(); }

private:
  std::unique_ptr<LoadedModel> model;
  std::unique_ptr<ModelRunner> runner;
};

} // namespace ashlar::perf

#endif
