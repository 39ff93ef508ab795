//===- ContractionShape.h - a single contraction, and data for it ---------===//
#ifndef ASHLAR_TOOLS_ONEDNN_CONTRACTIONSHAPE_H
#define ASHLAR_TOOLS_ONEDNN_CONTRACTIONSHAPE_H

#include <cstdint>
#include <string>
#include <vector>

namespace ashlar::perf {

/// A matrix product (rows x depth, depth x columns) or a convolution.
struct Shape {
  std::string name;
  bool isConvolution = false;
  int64_t rows = 0, depth = 0, columns = 0;
  int64_t images = 1, channels = 0, height = 0, width = 0, filters = 0;
  int64_t kernel = 1, stride = 1, pad = 0, groups = 1;

  int64_t outputSize(int64_t size) const {
    return (size + 2 * pad - kernel) / stride + 1;
  }
  int64_t macs() const;
};

enum class Type { F32, Bf16, U8S8 };
const char *typeName(Type type);

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

} // namespace ashlar::perf

#endif
