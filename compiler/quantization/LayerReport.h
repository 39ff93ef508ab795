//===- LayerReport.h - what quantization made of each layer ---------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_LAYERREPORT_H
#define ASHLAR_COMPILER_QUANTIZATION_LAYERREPORT_H

#include "compiler/import/Import.h"
#include "compiler/quantization/QuantizeModel.h"

namespace ashlar::quantization {

/// Fills in the multiply-accumulates of layers whose shapes are known.
void countLayerMacs(const ModelFile &model, const ImportOptions &options,
                    std::vector<LayerDecision> &layers);

/// How much is quantized, and why the rest is not: a few lines.
void printLayerSummary(llvm::ArrayRef<LayerDecision> layers,
                       llvm::raw_ostream &os);
/// An object with every layer.
void writeLayersJson(const QuantizedModel &model, llvm::raw_ostream &os);

} // namespace ashlar::quantization

#endif
