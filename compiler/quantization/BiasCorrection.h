//===- BiasCorrection.h - means that rounding of weights moves ------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_BIASCORRECTION_H
#define ASHLAR_COMPILER_QUANTIZATION_BIASCORRECTION_H

#include "compiler/quantization/CalibrationTable.h"
#include "compiler/quantization/QuantizationPlan.h"

namespace ashlar::quantization {

/// Rounding weights changes the mean of what a layer computes where its input
/// has a mean other than zero. Takes that from the biases, before anything is
/// quantized. Layers without a bias get one; a MatMul needs a constant Add
/// behind it. Returns the number of layers that were corrected.
llvm::Expected<int> correctBiases(ModelGraph &graph,
                                  const CalibrationTable &table,
                                  const QuantizeOptions &options);

} // namespace ashlar::quantization

#endif
