//===- SimulatedModel.h - quantization that is switched on and off --------===//
//
// A model in floats that rounds activations and weights to the values that
// eight bits have, each behind a switch that is an input. Compiled once, it
// computes what the model computes with any of its layers left in floats.
//
//===----------------------------------------------------------------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_SIMULATEDMODEL_H
#define ASHLAR_COMPILER_QUANTIZATION_SIMULATEDMODEL_H

#include "compiler/data/Tensor.h"
#include "compiler/quantization/ModelGraph.h"
#include "compiler/quantization/QuantizeModel.h"

namespace ashlar::quantization {

class SimulatedModel {
public:
  /// A layer that `options` quantize.
  struct Layer {
    std::string node, op;
    std::string input, result; // tensors
    int64_t terms = 0;         // as planned
    bool mayHaveTwoTerms = false;
  };

  static llvm::Expected<std::unique_ptr<SimulatedModel>>
  create(const ModelFile &model, const CalibrationTable &table,
         const QuantizeOptions &options);

  /// The model before anything is rounded.
  const ModelFile &floats() const { return *prepared; }
  /// Its last inputs are the switches.
  const ModelFile &model() const { return *simulated; }
  llvm::ArrayRef<Layer> layers() const { return list; }
  /// The switches for the model with layers in these forms.
  llvm::Expected<std::vector<data::Tensor>>
  switchesFor(const LayerForms &forms) const;

private:
  SimulatedModel() = default;
  friend class SimulationBuilder;

  /// What a switch is for: a tensor as one node reads it, in one term or in
  /// two, or the weights of a layer (`tensor` is empty).
  struct Switch {
    std::string input, tensor, node;
    bool twoTerms = false;
  };

  QuantizeOptions options;
  /// In floats, prepared: what is quantized is planned on it.
  std::unique_ptr<ModelFile> prepared;
  std::unique_ptr<ModelGraph> graph;
  std::unique_ptr<ModelFile> simulated;
  std::vector<Layer> list;
  std::vector<Switch> switches;
};

} // namespace ashlar::quantization

#endif
