//===- OtherForms.h - integers without calibration ------------------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_OTHERFORMS_H
#define ASHLAR_COMPILER_QUANTIZATION_OTHERFORMS_H

#include "compiler/quantization/QuantizationPlan.h"

namespace ashlar::quantization {

/// Has planned layers quantize their activations when they run
/// (DynamicQuantizeLinear) and multiply integers (MatMulInteger, ConvInteger).
/// Layers that cannot get their reason in `plan`.
llvm::Error quantizeDynamically(ModelGraph &graph, QuantizationPlan &plan,
                                const QuantizeOptions &options);

/// Stores weights in `options.weightBits` bits, with a scale for each block of
/// them, and multiplies in floats (MatMulNBits of com.microsoft); recurrent
/// weights are s8 behind DequantizeLinear.
llvm::Error quantizeWeightsOnly(ModelGraph &graph, QuantizationPlan &plan,
                                const QuantizeOptions &options);

/// Tables of embeddings become s8, dequantized behind the lookup. Returns how
/// many.
llvm::Expected<int> quantizeEmbeddings(ModelGraph &graph);

} // namespace ashlar::quantization

#endif
