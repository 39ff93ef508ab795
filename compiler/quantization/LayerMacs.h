//===- LayerMacs.h - multiply-accumulates of quantized layers -------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_LAYERMACS_H
#define ASHLAR_COMPILER_QUANTIZATION_LAYERMACS_H

#include "compiler/quantization/Evaluate.h"
#include "compiler/quantization/SimulatedModel.h"

namespace ashlar::quantization {

/// The multiply-accumulates of each layer for the first sample, by name: the
/// model runs in floats and shows its shapes, whatever they depend on. None
/// where onSample ended it.
llvm::Expected<std::optional<std::map<std::string, int64_t>>>
measureLayerMacs(const EvaluationSetup &setup, const SimulatedModel &model);

} // namespace ashlar::quantization

#endif
