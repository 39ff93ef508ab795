//===- PrepareGraph.h - what changes a model before it is quantized -------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_PREPAREGRAPH_H
#define ASHLAR_COMPILER_QUANTIZATION_PREPAREGRAPH_H

#include "compiler/quantization/BiasCorrection.h"

namespace ashlar::quantization {

/// Brings a folded graph, still in floats, into the form that is planned and
/// quantized: an opset with integers, scales migrated, biases corrected, as the
/// options say. `table` is changed along. Returns the biases that changed.
llvm::Expected<std::vector<CorrectedBias>>
prepareGraph(ModelGraph &graph, CalibrationTable &table,
             const QuantizeOptions &options,
             std::vector<std::string> &warnings);

} // namespace ashlar::quantization

#endif
