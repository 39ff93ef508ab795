//===- Shapes.h - contractions that are measured --------------------------===//
#ifndef ASHLAR_TEST_PERF_SHAPES_H
#define ASHLAR_TEST_PERF_SHAPES_H

#include "tools/ashlar-onednn/ContractionShape.h"

namespace ashlar::perf {

/// The shapes of the benchmark: cache-resident and large products, layers of
/// BERT and ResNet-50, decoding, odd sizes.
std::vector<Shape> benchmarkShapes();
/// Small ones with tails everywhere, for comparing numbers.
std::vector<Shape> oracleShapes();

} // namespace ashlar::perf

#endif
