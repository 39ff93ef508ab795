//===- QdqInsertion.h - a plan carried out --------------------------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_QDQINSERTION_H
#define ASHLAR_COMPILER_QUANTIZATION_QDQINSERTION_H

#include "compiler/quantization/QuantizationParameters.h"
#include "compiler/quantization/QuantizationPlan.h"

namespace ashlar::quantization {

/// Inserts QuantizeLinear and DequantizeLinear as planned. `parameters` are
/// those of the leaders of the planned tensors.
llvm::Error insertQdq(ModelGraph &graph, const QuantizationPlan &plan,
                      const llvm::StringMap<ActivationParameters> &parameters,
                      const QuantizeOptions &options);

} // namespace ashlar::quantization

#endif
