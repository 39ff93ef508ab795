//===- Shapes.h - contractions that are measured --------------------------===//
#ifndef ASHLAR_TEST_PERF_SHAPES_H
#define ASHLAR_TEST_PERF_SHAPES_H

#include <cstdint>
#include <string>
#include <vector>

namespace ashlar::perf {

/// A matrix product (rows x depth, depth x columns) or a convolution of one
/// image.
struct Shape {
  std::string name;
  bool isConvolution = false;
  int64_t rows = 0, depth = 0, columns = 0;
  int64_t channels = 0, height = 0, width = 0, filters = 0;
  int64_t kernel = 1, stride = 1, pad = 0, groups = 1;

  int64_t outputSize(int64_t size) const {
    return (size + 2 * pad - kernel) / stride + 1;
  }
  int64_t macs() const;
};

/// The shapes of the benchmark: cache-resident and large products, layers of
/// BERT and ResNet-50, decoding, odd sizes.
std::vector<Shape> benchmarkShapes();
/// Small ones with tails everywhere, for comparing numbers.
std::vector<Shape> oracleShapes();

enum class Type { F32, Bf16, U8S8 };
const char *typeName(Type type);

} // namespace ashlar::perf

#endif
