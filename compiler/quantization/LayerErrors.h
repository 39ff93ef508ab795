//===- LayerErrors.h - what quantization does to each layer alone ---------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_LAYERERRORS_H
#define ASHLAR_COMPILER_QUANTIZATION_LAYERERRORS_H

#include "compiler/quantization/Evaluate.h"
#include "compiler/quantization/QuantizeModel.h"

namespace ashlar::quantization {

/// One quantized layer, fed with what it gets in floats.
struct LayerError {
  std::string node, op;
  double signal = 0, noise = 0; // summed squares of its result and the error
  int64_t macs = 0;             // multiply-accumulates of a sample

  double sqnr() const; // in dB
};

/// A model that computes, beside everything in floats, each quantized layer
/// once more from quantized inputs. `results` says which tensor is the second
/// form of which.
struct LayerErrorModel {
  std::unique_ptr<ModelFile> model;
  struct Layer {
    std::string node, op;
    std::string input, reference, result;
    int64_t macsPerOutput = 0; // 0: the last dimension of `input`
  };
  std::vector<Layer> layers;
};
LayerErrorModel makeLayerErrorModel(const ModelFile &model,
                                    const QuantizedModel &quantized);

/// Measures all layers in one pass over the first samples. Layers that cannot
/// be told apart are left out. None where it was ended.
llvm::Expected<std::optional<std::vector<LayerError>>>
measureLayerErrors(const EvaluationSetup &setup, const ModelFile &model,
                   const QuantizedModel &quantized, uint64_t samples);

} // namespace ashlar::quantization

#endif
