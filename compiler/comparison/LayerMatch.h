//===- LayerMatch.h - which values of two models are the same -------------===//
#ifndef ASHLAR_COMPILER_COMPARISON_LAYERMATCH_H
#define ASHLAR_COMPILER_COMPARISON_LAYERMATCH_H

#include "compiler/quantization/ModelGraph.h"

namespace ashlar::comparison {

/// A value that both models compute, and what computes it in the tested one.
struct MatchedTensor {
  std::string name; // in both files
  /// Where its value is looked at in the tested model: behind the
  /// DequantizeLinear of its Q/DQ pair, or itself.
  std::string observed;
  bool quantized = false; // there is such a pair
  /// The nodes of the tested model between other matched tensors and this one;
  /// the one that multiplies, or else the last, gives the layer its name.
  std::vector<std::string> nodes;
  std::string layer, op;
  std::vector<int> inputs; // matched tensors that it is computed from
  bool isInput = false;    // of the model
  bool isOutput = false;
  /// Channels are the last dimension, and not the second.
  bool channelsLast = false;
};

/// Float values of both models with the same name, in an order in which each
/// follows what it is computed from. Values within what a quantized layer fuses
/// (between a convolution and the QuantizeLinear behind its activation) are
/// left out: looking at them would change what is compiled.
std::vector<MatchedTensor>
matchTensors(const quantization::ModelGraph &reference,
             const quantization::ModelGraph &test);

/// Whether an operator of ONNX multiplies matrices, whatever it is fused with.
bool isMultiplier(llvm::StringRef op);

} // namespace ashlar::comparison
#endif
