//===- QuantizationPlan.h - which tensors become integers, and why --------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_QUANTIZATIONPLAN_H
#define ASHLAR_COMPILER_QUANTIZATION_QUANTIZATIONPLAN_H

#include "compiler/quantization/OperatorRoles.h"
#include "compiler/quantization/QuantizeModel.h"

namespace ashlar::quantization {

/// The reason of layers that the file has in integers.
inline constexpr llvm::StringLiteral kAlreadyQuantized =
    "it is quantized in the file";

/// A node that multiplies; `operands` speak of its inputs, -1 is none.
struct PlannedLayer {
  int node = -1;
  bool quantized = false;
  bool isExcluded = false;
  /// Its activation is the sum of two tensors of bytes.
  bool twoTerms = false;
  std::string reason;
  /// Inputs that are quantized activations.
  llvm::SmallVector<int, 2> activations;
  /// Input that holds constant weights still in floats, with its output
  /// channels' axis.
  int weights = -1, channelAxis = -1;
  /// The weights have one scale in any case.
  bool oneScale = false;
  /// Products that are summed to one element of the result; 0: as many as the
  /// last axis of the first input has.
  int64_t terms = 0;
  /// Weights of one window of a Conv, which follow each other.
  int64_t window = 1;
  /// Input with a constant bias that is still in floats.
  int bias = -1;
};

/// A tensor that is quantized and dequantized behind what makes it.
struct PlannedTensor {
  std::string name;
  /// Quantized in two terms, for readers with `twoTerms`. Others may read it in
  /// one: it is planned twice then.
  bool twoTerms = false;
  /// Tensors with one leader share scale and zero point.
  std::string leader;
  /// Arithmetic is done with it, so that its own range matters. (What is only
  /// moved on has the range of what it ends in.)
  bool arithmetic = false;
  /// Nodes that read the dequantized tensor; the others keep the original.
  llvm::SmallVector<int, 4> readers;
};

struct QuantizationPlan {
  std::vector<PlannedLayer> layers;   // in the order of the file
  std::vector<PlannedTensor> tensors; // so that makers come first
  std::vector<std::string> warnings;
};

/// The leader of a tensor as layers in two terms read it, which share its
/// parameters with no other tensor.
std::string leaderInTwoTerms(llvm::StringRef tensor);

/// Decides what is quantized; `graph` has been folded already.
llvm::Expected<QuantizationPlan>
planQuantization(const ModelGraph &graph, const QuantizeOptions &options);

/// What a contraction is, or why it cannot be quantized.
PlannedLayer planLayer(const ModelGraph &graph, ModelConstants &constants,
                       int node, Role role);

/// Whether a tensor comes out of DequantizeLinear with one constant scale, out
/// of bytes: an activation that the file has quantized.
bool isDequantized(const ModelGraph &graph, llvm::StringRef tensor);

} // namespace ashlar::quantization

#endif
