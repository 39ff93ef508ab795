//===- QuantizeModel.h - a float model file to a quantized one ------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_QUANTIZEMODEL_H
#define ASHLAR_COMPILER_QUANTIZATION_QUANTIZEMODEL_H

#include "compiler/import/ModelFile.h"
#include "compiler/quantization/CalibrationTable.h"

#include <functional>
#include <memory>
#include <optional>
#include <set>

namespace ashlar::quantization {

enum class QuantizedForm {
  Static,    // ranges of activations from a table, Q/DQ
  Dynamic,   // activations are quantized when the model runs
  WeightOnly // activations and products in floats
};

/// Layers by name that are not quantized as the others are.
struct LayerForms {
  std::set<std::string> inFloats;
  /// Their activations are the sum of two tensors of bytes, the second of which
  /// is what rounding to the first has lost.
  std::set<std::string> inTwoTerms;
};

struct QuantizeOptions {
  QuantizedForm form = QuantizedForm::Static;
  /// Of WeightOnly: 4 or 8, and how many weights share a scale.
  int weightBits = 8;
  int64_t blockSize = 32;
  /// Activations in u8 (asymmetric) or s8 (symmetric).
  bool signedActivations = false;
  bool perChannelWeights = true;
  /// Layers that stay in floats: regular expressions over node names, and
  /// operator names.
  std::vector<std::string> excludedNodes, excludedOperators;
  /// Layers whose activations are quantized in two terms: regular expressions
  /// over node names.
  std::vector<std::string> twoTermNodes;
  /// What a search decides.
  LayerForms chosen;
  /// Channels of activations between convolutions are made alike.
  bool equalize = false;
  /// Between 0 and 1: how much of the spread of the channels that matrix
  /// products read goes from activations to weights.
  std::optional<double> migrate;
  /// The mean of what rounding the weights adds is taken from the biases.
  bool correctBias = false;
};

/// What became of one layer (a node that multiplies), and why.
struct LayerDecision {
  std::string node, op;
  bool quantized = false;
  std::string reason;
  bool twoTerms = false;      // quantized, multiplied twice
  int64_t macs = -1;          // -1: not known
  bool floatProducts = false; // quantized weights alone
};

struct QuantizedModel {
  /// Owns what it refers to; can be imported or written like one from a file.
  std::unique_ptr<ModelFile> model;
  std::vector<LayerDecision> layers;
  std::vector<std::string> warnings;
};

/// The tensors whose statistics quantizeModel() would use, by name; with other
/// options it uses some of them.
std::vector<std::string> tensorsToCalibrate(const ModelFile &model);

/// The model with integers. `table` is for the static form.
llvm::Expected<QuantizedModel> quantizeModel(const ModelFile &model,
                                             const CalibrationTable &table,
                                             const QuantizeOptions &options);

/// The file, large tensors included.
llvm::Error writeModel(const ModelFile &model, llvm::raw_ostream &os);

} // namespace ashlar::quantization

#endif
