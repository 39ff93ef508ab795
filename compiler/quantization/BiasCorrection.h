//===- BiasCorrection.h - means that rounding of weights moves ------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_BIASCORRECTION_H
#define ASHLAR_COMPILER_QUANTIZATION_BIASCORRECTION_H

#include "compiler/quantization/CalibrationTable.h"
#include "compiler/quantization/QuantizationPlan.h"

namespace ashlar::quantization {

/// A bias that was made for a quantized layer.
struct CorrectedBias {
  std::string layer;        // name of the node that multiplies
  std::string before, made; // tensors; `before` is empty if there was none
};

/// Rounding weights changes the mean of what a layer computes where its input
/// has a mean other than zero. Takes that from the biases, before anything is
/// quantized. Layers without a bias get one; a MatMul needs a constant Add
/// behind it. Returns what was changed.
llvm::Expected<std::vector<CorrectedBias>>
correctBiases(ModelGraph &graph, const CalibrationTable &table,
              const QuantizeOptions &options);

} // namespace ashlar::quantization

#endif
